"""The half of the gateway that opens Stripe's portal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import stripe
import structlog

from helpninja_app.billing.stripe_calls import call_key, told
from helpninja_app.billing.stripe_objects import plan_changes, portal_change, portal_configuration, text_of
from helpninja_app.errors import NotFound

log = structlog.get_logger(__name__)


class StripePortal:
    """``_api`` is what the gateway calls."""

    _api: stripe.V1Services

    async def open_portal(self, customer: str, *, back: str, key: str) -> str:
        """The address of Stripe's portal, which changes no plan."""
        configuration = await self._portal_configuration(portal_configuration())
        return await self._open_portal({"configuration": configuration}, customer, back=back, key=key)

    async def open_change(
        self,
        customer: str,
        plan_prices: Sequence[str],
        change: tuple[str, str],
        *,
        back: str,
        key: str,
        is_at_once: bool,
    ) -> str:
        """The address of the portal's page that confirms a ``change``, the ids of a subscription and of its
        new price, now or, to less, for the end of the period."""
        products = await self._products_of(plan_prices)
        changes = plan_changes(products, is_at_once=is_at_once)
        configuration = await self._portal_configuration(portal_configuration(changes))
        found = await self._read("subscriptions", change[0])
        flow = portal_change(*change, found["items"]["data"][0]["id"], back=back)
        asked = {"configuration": configuration, "flow_data": flow}
        return await self._open_portal(asked, customer, back=back, key=key)

    async def _open_portal(self, asked: Any, customer: str, *, back: str, key: str) -> str:
        wanted = asked | {"customer": customer, "return_url": back}
        with told():
            session = await self._api.billing_portal.sessions.create_async(wanted, {"idempotency_key": key})
        return text_of(session.url)

    async def _read(self, kind: str, id: str) -> dict[str, Any]:
        with told():
            found = await getattr(self._api, kind).retrieve_async(id)
        return dict(found.to_dict())

    async def _portal_configuration(self, wanted: Any) -> str:
        """The id of one of our own configurations of the portal, made once."""
        version = wanted["metadata"]["helpninja"]
        with told():
            known = await self._api.billing_portal.configurations.list_async({"active": True, "limit": 100})
            for each in known.data:
                if each.to_dict().get("metadata", {}).get("helpninja") == version:
                    return each.id
            made = await self._api.billing_portal.configurations.create_async(
                wanted, {"idempotency_key": call_key("portal", version)}
            )
        return made.id

    async def _products_of(self, prices: Sequence[str]) -> dict[str, list[str]]:
        products: dict[str, list[str]] = {}
        for price in sorted(prices):
            try:
                found = await self._read("prices", price)
            except NotFound:
                # A wrong id in the settings keeps nobody from the plans that there are.
                log.warning("price_unknown_to_stripe", price=price)
            else:
                products.setdefault(text_of(found["product"]), []).append(price)
        return products
