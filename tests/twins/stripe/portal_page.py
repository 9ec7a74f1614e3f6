"""The billing portal's pages: the overview, and the flows that ask for one thing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tests.twins.stripe import pages, portal, schedules, subscriptions
from tests.twins.stripe.core import Core
from tests.twins.stripe.errors import StripeError
from tests.twins.stripe.shapes import Obj


def find(core: Core, url: str) -> Obj | None:
    """The session whose page has that address."""
    return next((one for one in core.state.portal_sessions.values() if one["url"] == url), None)


async def show(core: Core, request: Request) -> Response:
    session = find(core, f"{core.url}{request.url.path}")
    if session is None:
        said = pages.paragraph("This link is no longer valid.")
        return pages.page("Your session has expired", said, status=404)
    return _page(core, session, None)


async def submit(core: Core, request: Request) -> Response:
    given = await request.form()
    session = find(core, f"{core.url}{request.url.path}")
    if session is None:
        return await show(core, request)
    with core.lock:
        try:
            perform(
                core,
                session,
                str(given.get("action")),
                card=str(given.get("card", "good")),
                subscription=str(given.get("subscription", "")),
                price=str(given.get("price", "")),
            )
        except StripeError as error:
            return _page(core, session, error.message)
        flow = session["flow"]
        if flow and flow["after_completion"]["type"] == "redirect":
            return RedirectResponse(flow["after_completion"]["redirect"]["return_url"], 303)
        if flow and flow["after_completion"]["type"] == "hosted_confirmation":
            return pages.page("Thank you", pages.paragraph("Your change was saved."), _back(session))
        return _overview(core, session, None)


def perform(
    core: Core, session: Obj, action: str, *, card: str = "good", subscription: str = "", price: str = ""
) -> None:
    """One click: `confirm`, `update`, `cancel`, `renew` or `save-card`; a flow knows its subscription."""
    flow = session["flow"] or {}
    if action == "confirm" and flow.get("subscription_update_confirm"):
        portal.confirm(core, session)
        return
    if action == "save-card":
        portal.change_card(core, session["customer"], "declining" if card == "declined" else "good")
        return
    named = (flow.get("subscription_cancel") or {}).get("subscription", subscription)
    mine = subscriptions.alive(core, session["customer"])
    found = next((one for one in mine if named in ("", one["id"])), None)
    if found is None or action not in ("update", "cancel", "renew"):
        raise StripeError("There is nothing to change any more.")
    if action == "update":
        portal.change(core, session, found, core.price(price))
    elif action == "cancel":
        portal.cancel(core, session, found)
    else:
        portal.renew(core, found)


def _page(core: Core, session: Obj, error: str | None) -> Response:
    match session["flow"] and session["flow"]["type"]:
        case "subscription_update_confirm":
            return _confirmation(core, session, error)
        case "subscription_cancel":
            return _cancellation(core, session, error)
        case "payment_method_update":
            save = pages.form("Save card", pages.card_choice(), action="save-card")
            return pages.page("Update payment method", pages.alert(error), save, _back(session))
    return _overview(core, session, error)


def _confirmation(core: Core, session: Obj, error: str | None) -> Response:
    subscription = core.subscription(session["flow"]["subscription_update_confirm"]["subscription"])
    price, item = portal.new_price(core, session), subscriptions.item_of(subscription)
    rows = [
        ("Current plan", _plan(core, item["price"])),
        ("New plan", _plan(core, price)),
    ]
    when = "Your plan changes now."
    if portal.is_scheduled(core, session, subscription, price):
        when = f"Your plan changes on {pages.day(item['current_period_end'])}."
    return pages.page(
        "Confirm your updates",
        pages.alert(error),
        pages.table("Your plan", rows),
        pages.paragraph(when),
        pages.form("Confirm", action="confirm"),
        _back(session),
        status=402 if error else 200,
    )


def _cancellation(core: Core, session: Obj, error: str | None) -> Response:
    subscription = core.subscription(session["flow"]["subscription_cancel"]["subscription"])
    return pages.page(
        "Cancel your plan",
        pages.alert(error),
        *_describe(core, subscription),
        pages.form("Cancel plan", action="cancel") if not subscription["cancel_at"] else "",
        _back(session),
    )


def _overview(core: Core, session: Obj, error: str | None) -> Response:
    features = core.state.portal_configurations[session["configuration"]]["features"]
    parts = [pages.alert(error)]
    for subscription in subscriptions.alive(core, session["customer"]):
        hidden = f'<input type="hidden" name="subscription" value="{subscription["id"]}">'
        parts += _describe(core, subscription)
        if (offered := portal.offered(core, session)) and schedules.planned(core, subscription) is None:
            choice = pages.choice("price", [(id, _plan(core, core.price(id))) for id in offered])
            parts.append(pages.form("Update plan", hidden, choice, action="update"))
        if subscription["cancel_at"]:
            parts.append(pages.form("Renew plan", hidden, action="renew"))
        elif features["subscription_cancel"]["enabled"]:
            parts.append(pages.form("Cancel plan", hidden, action="cancel"))
    if len(parts) == 1:
        parts.append(pages.paragraph("You have no plan."))
    if features["payment_method_update"]["enabled"]:
        parts.append(pages.form("Save card", pages.card_choice(), action="save-card"))
    if features["invoice_history"]["enabled"]:
        parts += _invoices(core, session["customer"])
    return pages.page("Your billing", *parts, _back(session))


def _describe(core: Core, subscription: Obj) -> list[str]:
    item = subscriptions.item_of(subscription)
    rows = [("Current plan", _plan(core, item["price"])), ("Status", subscription["status"])]
    if (price := schedules.planned(core, subscription)) is not None:
        rows.append(("Next plan", _plan(core, price)))
    if subscription["cancel_at"]:
        rows.append(("Ends on", pages.day(subscription["cancel_at"])))
    else:
        rows.append(("Renews on", pages.day(item["current_period_end"])))
    return [pages.table("Your plan", rows)]


def _plan(core: Core, price: Obj) -> str:
    return f"{core.state.products[price['product']]['name']}, {pages.price_text(price)}"


def _invoices(core: Core, customer: str) -> list[str]:
    mine = [one for one in core.state.invoices.values() if one["customer"] == customer and one["number"]]
    return ["<h2>Invoices</h2>"] + [
        pages.link(
            f"{one['number']}, {pages.day(one['created'])}, {pages.money(one['total'], one['currency'])}",
            one["hosted_invoice_url"],
        )
        for one in reversed(mine)
    ]


def _back(session: Obj) -> str:
    return pages.link("Return", session["return_url"]) if session["return_url"] else ""
