"""A workspace that buys from the twin of Stripe, and hears of it as the product does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.accounts.identity import Credentials, identify
from helpninja_app.accounts.sessions import SESSION_COOKIE
from helpninja_app.billing.models import Subscription, Unit
from helpninja_app.billing.plans import Terms
from helpninja_app.billing.stripe_inbox import keep_event
from helpninja_app.billing.stripe_objects import event_ref
from helpninja_app.billing.subscriptions import subscription_of
from helpninja_app.billing.usage import Usage, usage_of
from helpninja_app.billing.verification import verify_ledger
from helpninja_app.kernel.queue import Priority, Queue
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant
from tests.twins.stripe import StripeTwin

# What billing writes into the audit log, in the order of a life of plans and credits.
BILLING_ACTIONS = (
    "plan.changed",
    "credits.topped_up",
    "plan.cancelled",
    "plan.kept",
    "plan.change_dropped",
    "plan.second_ended",
    "plan.unpaid_ended",
    "limits.changed",
)


class NoQueue(Queue):
    """Takes jobs that nobody works on: a worker of other settings may run in the same process."""

    def __init__(self) -> None:
        pass

    async def enqueue(
        self,
        session: AsyncSession,
        task: str,
        *,
        priority: Priority = Priority.INTERACTIVE,
        once: str | None = None,
        after: timedelta | None = None,
        **arguments: str,
    ) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Buyer:
    """An owner with their workspace; ``resources`` are those of a process where limits count."""

    resources: Resources
    twin: StripeTwin
    tenant: Tenant
    headers: dict[str, str]

    async def checkout(self, client: httpx.AsyncClient, plan: str = "pro", interval: str = "month") -> str:
        """The id of the checkout that a plan is paid in."""
        answer = await client.post(
            "/api/billing/checkout", headers=self.headers, json={"plan": plan, "interval": interval}
        )
        assert answer.status_code == 200, answer.text
        return session_of(answer.json()["url"])

    async def top_up(self, client: httpx.AsyncClient, pack: int = 1000) -> str:
        answer = await client.post("/api/billing/top-up", headers=self.headers, json={"pack": pack})
        assert answer.status_code == 200, answer.text
        return session_of(answer.json()["url"])

    async def caller(self) -> StaffCaller:
        """The owner, as their session says."""
        token = self.headers["cookie"].removeprefix(f"{SESSION_COOKIE}=")
        async with self.resources.database.unit_of_work() as session:
            return await identify(session, Credentials(session=token), None)

    async def customer(self) -> str:
        """The id of the workspace's customer, which has to be there."""
        async with self.resources.database.unit_of_work() as session:
            found = await session.execute(
                text("select id from stripe_customers where workspace_id = :id and replaced_at is null"),
                {"id": self.tenant.id},
            )
            return str(found.scalar_one())

    async def events(self) -> list[dict[str, Any]]:
        """What Stripe has to tell of this workspace's customer, oldest first."""
        customer = await self.customer()
        return [
            event
            for event in self.twin.events()
            if customer in (event["data"]["object"].get("customer"), event["data"]["object"]["id"])
            or _is_of_a_charge_of(self.twin, event, customer)
        ]

    async def hear(self, events: list[dict[str, Any]] | None = None) -> None:
        """Keep events, and work on each in this order."""
        for event in await self.events() if events is None else events:
            async with self.resources.database.unit_of_work() as session:
                is_live = self.resources.need_stripe().gateway.is_live
                await keep_event(session, NoQueue(), event_ref(event), is_live=is_live)
            await self.resources.effects_of_stripe().work_on(event["id"])

    async def terms(self) -> Terms:
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            found = await session.execute(text("select plan, custom_limits from workspaces"))
            return Terms(*found.one())

    async def expire(self) -> None:
        """Have the workspace be due to be removed for good."""
        async with self.resources.database.unit_of_work() as session:
            await session.execute(
                text("update workspace_handles set expires_at = now() where workspace_id = :id"),
                {"id": self.tenant.id},
            )

    async def plan(self) -> str:
        return (await self.terms()).plan

    async def subscription(self) -> Subscription | None:
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            return await subscription_of(session, self.tenant.id)

    async def usage(self, unit: Unit = Unit.CREDIT) -> Usage:
        plan = self.resources.plan_of(await self.terms())
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            return await usage_of(session, self.tenant.id, unit, plan)

    async def mistakes(self) -> list[Any]:
        async with self.resources.database.unit_of_work(self.tenant.scope, consistent=True) as session:
            return await verify_ledger(session, self.tenant.id)

    async def detail(self, event: dict[str, Any]) -> tuple[str, str]:
        """State and sentence of a kept event."""
        async with self.resources.database.unit_of_work() as session:
            found = await session.execute(
                text("select state, detail from stripe_events where id = :id"), {"id": event["id"]}
            )
            state, detail = found.one()
            return str(state), str(detail)


async def make_buyer(factory: Factory, resources: Resources, twin: StripeTwin) -> Buyer:
    tenant = await factory.tenant(plan="free")
    _, headers = await factory.member(tenant)
    return Buyer(resources, twin, tenant, headers | {"origin": "http://helpninja.test"})


def session_of(url: str) -> str:
    """The checkout that an address of the twin's leads to."""
    found = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    assert found.startswith("cs_"), url
    return found


def _is_of_a_charge_of(twin: StripeTwin, event: dict[str, Any], customer: str) -> bool:
    """Whether it tells of a dispute or a refund, neither of which names the customer."""
    about = event["data"]["object"]
    charge = about.get("charge")
    return about["object"] in ("dispute", "refund") and any(
        each["data"]["object"]["id"] == charge and each["data"]["object"].get("customer") == customer
        for each in twin.events("charge.succeeded")
    )
