"""The billing portal: its configurations, its sessions, and what a customer may do there."""

from __future__ import annotations

import copy
from typing import Any, Literal

from tests.twins.stripe import schedules, subscriptions
from tests.twins.stripe.core import Core
from tests.twins.stripe.errors import StripeError, declined, missing, required
from tests.twins.stripe.forms import metadata, text, url
from tests.twins.stripe.shapes import Obj, make_id, new

FLOWS = ("payment_method_update", "subscription_cancel", "subscription_update", "subscription_update_confirm")
NO_DEFAULT = (
    "No configuration provided and your test mode default configuration has not been created. Provide a "
    "configuration or create your default by saving your customer portal settings in test mode at "
    "https://dashboard.stripe.com/test/settings/billing/portal."
)


def create_configuration(core: Core, params: Obj) -> Obj:
    if "features" not in params:
        raise required("features")
    made = new(
        "portal.configuration",
        id=make_id("bpc"),
        business_profile={**_no_profile(), **params.get("business_profile", {})},
        created=core.now(),
        default_return_url=params.get("default_return_url"),
        features=_features(params["features"]),
        metadata=metadata({}, params),
        name=params.get("name"),
        updated=core.now(),
    )
    core.state.portal_configurations[made["id"]] = made
    core.emit("billing_portal.configuration.created", made)
    return made


def update_configuration(core: Core, params: Obj, id: str) -> Obj:
    found = retrieve_configuration(core, {}, id)
    with core.changing("billing_portal.configuration.updated", found):
        found["metadata"] = metadata(found["metadata"], params)
        if "features" in params:
            found["features"] = _merged(found["features"], _typed(params["features"]))
        if "default_return_url" in params:
            found["default_return_url"] = params["default_return_url"] or None
        if "active" in params:
            found["active"] = params["active"] == "true"
    return found


def retrieve_configuration(core: Core, _: Obj, id: str) -> Obj:
    return core.find(core.state.portal_configurations, "configuration", id)


def list_configurations(core: Core, params: Obj) -> Obj:
    def keep(one: Obj) -> bool:
        return all(
            params.get(name, str(one[name]).lower()) == str(one[name]).lower()
            for name in ("active", "is_default")
        )

    return core.page(core.state.portal_configurations, params, "/v1/billing_portal/configurations", keep)


def _no_profile() -> Obj:
    return {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None}


def _features(given: Obj) -> Obj:
    defaults: Obj = {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": False},
        "payment_method_update": {"enabled": False, "payment_method_configuration": None},
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": False,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": [],
            "enabled": False,
            "proration_behavior": "none",
            "products": [],
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }
    return _merged(defaults, _typed(given))


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    return {"true": True, "false": False}.get(value, value)


def _merged(old: Obj, given: Obj) -> Obj:
    read = dict(old)
    for key, value in given.items():
        is_inner = isinstance(value, dict) and isinstance(old.get(key), dict)
        read[key] = _merged(old[key], value) if is_inner else value
    return read


def create_session(core: Core, params: Obj) -> Obj:
    customer = core.customer(text(params, "customer"), "customer")
    configuration = _configuration(core, params)
    return_url = url(params, "return_url") or configuration["default_return_url"]
    flow = _flow(core, params["flow_data"], customer, configuration) if "flow_data" in params else None
    id = make_id("bps")
    session = new(
        "billing_portal.session",
        id=id,
        configuration=configuration["id"],
        created=core.now(),
        customer=customer["id"],
        flow=flow,
        return_url=return_url,
        url=f"{core.url}/p/session/{make_id('test')}",
    )
    core.state.portal_sessions[id] = session
    core.emit("billing_portal.session.created", session)
    return session


def _configuration(core: Core, params: Obj) -> Obj:
    if "configuration" in params:
        stored = core.state.portal_configurations
        return core.find(stored, "configuration", params["configuration"], "configuration")
    if not core.has_default_portal:
        raise StripeError(NO_DEFAULT)
    for known in core.state.portal_configurations.values():
        if known["is_default"]:
            return known
    every = ("customer_update", "invoice_history", "payment_method_update", "subscription_cancel")
    made = create_configuration(core, {"features": {name: {"enabled": "true"} for name in every}})
    made["is_default"] = True
    return made


def _flow(core: Core, data: Obj, customer: Obj, configuration: Obj) -> Obj:
    kind = text(data, "type")
    if kind not in FLOWS:
        raise StripeError(
            f"Invalid flow_data[type]: must be one of {', '.join(FLOWS)}", param="flow_data[type]"
        )
    after: Obj = {"hosted_confirmation": None, "redirect": None, "type": "portal_homepage"}
    after |= data.get("after_completion", {})
    flow: Obj = dict.fromkeys(FLOWS[1:]) | {"after_completion": after, "type": kind}
    feature = kind.removesuffix("_confirm")
    if not configuration["features"][feature]["enabled"]:
        said = f"This feature ({feature}) in the portal configuration is disabled."
        raise StripeError(said, param="flow_data[type]")
    if kind == "payment_method_update":
        return flow
    given = data.get(kind)
    if not given:
        raise required(f"flow_data[{kind}]")
    param = f"flow_data[{kind}][subscription]"
    subscription = core.subscription(text(given, "subscription"), param)
    if subscription["customer"] != customer["id"]:
        raise missing("subscription", subscription["id"], param=param, status=400)
    if subscription["status"] in (*subscriptions.ENDED, "incomplete"):
        raise StripeError(
            f"This subscription is {subscription['status']} and cannot be updated.", param=param
        )
    if kind == "subscription_cancel" and subscription["cancel_at"]:
        said = "This subscription is already set to be canceled at the end of its period."
        raise StripeError(said, param=param)
    if kind == "subscription_update_confirm":
        _check_update(core, given, subscription, configuration)
    defaults = {
        "subscription_cancel": {"retention": None},
        "subscription_update_confirm": {"discounts": None},
    }
    flow[kind] = {**defaults.get(kind, {}), **copy.deepcopy(given)}
    return flow


def _check_update(core: Core, given: Obj, subscription: Obj, configuration: Obj) -> None:
    param = "flow_data[subscription_update_confirm][items]"
    items = given.get("items") or []
    if len(items) != 1:
        raise StripeError("You must provide exactly one item to update.", param=param)
    item = subscriptions.item_of(subscription)
    if items[0].get("id") != item["id"]:
        raise missing("subscription item", str(items[0].get("id")), param=f"{param}[0][id]", status=400)
    price = core.price(text(items[0], "price"), f"{param}[0][price]")
    if price["id"] == item["price"]["id"]:
        said = "The item(s) provided to update are already the subscription's: there is nothing to change."
        raise StripeError(said, param=param)
    offered = configuration["features"]["subscription_update"]["products"]
    if not any(price["id"] in product["prices"] for product in offered):
        said = f"The price {price['id']} is not in the portal configuration's list of products."
        raise StripeError(said, param=param)


def new_price(core: Core, session: Obj) -> Obj:
    return core.price(session["flow"]["subscription_update_confirm"]["items"][0]["price"])


def is_scheduled(core: Core, session: Obj, subscription: Obj, price: Obj) -> bool:
    """Whether a change waits for the end of the period, as the configuration's conditions say."""
    feature = _update_feature(core, session)
    old = subscriptions.item_of(subscription)["price"]
    months = {"month": 1, "year": 12}
    was, will_be = (months[one["recurring"]["interval"]] for one in (old, price))
    met = {
        "decreasing_item_amount": price["unit_amount"] < old["unit_amount"],
        "shortening_interval": will_be < was,
    }
    return any(met[one["type"]] for one in feature["schedule_at_period_end"]["conditions"])


def confirm(core: Core, session: Obj) -> None:
    """Ends a subscription_update_confirm flow."""
    subscription = core.subscription(session["flow"]["subscription_update_confirm"]["subscription"])
    change(core, session, subscription, new_price(core, session))


def change(core: Core, session: Obj, subscription: Obj, price: Obj) -> None:
    """Another price of those that the configuration offers, now or for the end of the period."""
    if price["id"] not in offered(core, session):
        raise StripeError("This plan is not offered.")
    if price["id"] == subscriptions.item_of(subscription)["price"]["id"]:
        return
    if is_scheduled(core, session, subscription, price):
        schedules.plan_change(core, subscription, price)
        return
    if schedules.planned(core, subscription) is not None:
        # One that has no more phases ahead does not stand in the way:
        # https://github.com/invertase/stripe-firebase-extensions/issues/158
        raise StripeError("This subscription has an update that is scheduled already.")
    if not core.has_good_card(subscription["customer"]):
        raise declined()
    feature = _update_feature(core, session)
    if subscription["status"] == "trialing" and feature["trial_update_behavior"] == "end_trial":
        subscriptions.end_trial(core, subscription, price)
        return
    subscriptions.change_price(core, subscription, price, feature["proration_behavior"])


def offered(core: Core, session: Obj) -> list[str]:
    """The ids of the prices that somebody may change to."""
    feature = _update_feature(core, session)
    return [price for each in feature["products"] for price in each["prices"]] if feature["enabled"] else []


def _update_feature(core: Core, session: Obj) -> Obj:
    features: Obj = core.state.portal_configurations[session["configuration"]]["features"]
    feature: Obj = features["subscription_update"]
    return feature


def cancel(core: Core, session: Obj, subscription: Obj) -> None:
    """At the end of the period, or at once where the configuration has it so."""
    feature = core.state.portal_configurations[session["configuration"]]["features"]["subscription_cancel"]
    if feature["mode"] == "immediately":
        subscriptions.end(core, subscription, "cancellation_requested")
    elif not subscription["cancel_at"]:
        by_date = core.portal_cancels_by == "cancel_at"
        subscriptions.cancel_at_period_end(core, subscription, is_wanted=True, by_date=by_date)


def renew(core: Core, subscription: Obj) -> None:
    if subscription["cancel_at"]:
        subscriptions.cancel_at_period_end(core, subscription, is_wanted=False)


def change_card(core: Core, customer: str, card: Literal["good", "declining"]) -> None:
    core.cards[customer] = card
    found = core.customer(customer)
    with core.changing("customer.updated", found):
        found["invoice_settings"] = {**found["invoice_settings"], "default_payment_method": make_id("pm")}
