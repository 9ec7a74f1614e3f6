"""The integrations of the workspace: how each works, switched on and off, tried, and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.deliveries import DeliveryView, last_deliveries
from helpninja_app.conversations.trials import TRIALS, try_integration
from helpninja_app.errors import DeliveryFailed
from helpninja_app.integrations.deleting import delete_integration, restore_integration
from helpninja_app.integrations.models import IntegrationStatus
from helpninja_app.integrations.service import (
    IntegrationView,
    change_integration,
    limit_reached,
    list_integrations,
)
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.escalation.deliveries_state import DeliveriesState
from helpninja_app.screens.escalation.following import DispatchFollowedState
from helpninja_app.screens.escalation.rules_state import RulesState
from helpninja_app.screens.escalation.words import (
    INTEGRATION_STATES,
    PROVIDERS,
    last_message,
    provider_in_words,
)
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.screens.undo_state import deleted, restored
from helpninja_app.ui.times import exactly

PATH = "/app/escalation"
# The heading that the focus goes to when what had it is gone.
INTEGRATIONS = "integrations"
# What names an integration beside their list.
_ALSO_SHOWN: tuple[Any, ...] = (DeliveriesState.open_deliveries, RulesState.open_rules)


@dataclass(frozen=True)
class IntegrationRow:
    """``place`` is where it sends to, with whatever is secret in it left out.

    ``problem`` is why the latest messages did not arrive, empty when they did.
    """

    id: str
    provider: str
    kind: str
    name: str
    place: str
    tone: str
    status: str
    is_on: bool
    problem: str
    last: str
    moment: str


class IntegrationsState(DispatchFollowedState, SignedInState):
    """``limit`` says that the plan has room for no more, empty while it has.

    ``trying`` is the id of what is being tried, ``tried`` of what was, with what became of it.
    """

    rows: rx.Field[list[IntegrationRow]] = rx.field(default_factory=list)
    may_manage: bool = False
    counted: str = ""
    limit: str = ""
    otherwise: str = ""
    trying: str = ""
    tried: str = ""
    has_arrived: bool = False
    outcome: str = ""

    @rx.event(background=True)
    async def open_integrations(self) -> Any:
        """Run when the page loads, to try again, and when one was changed."""
        # What another process left when it died is not being tried.
        trying = self.trying if self._is_under_way() else ""
        return await self._answer(trying=trying, tried="", outcome="")

    @rx.event(background=True)
    async def switch(self, integration_id: str, is_on: bool) -> Any:
        """Have escalations sent there, or no longer."""
        wished = IntegrationStatus.ACTIVE if is_on is True else IntegrationStatus.DISABLED

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_WORKSPACE)
            keys = current_resources().courier.keys
            await change_integration(session, caller, id_from(integration_id), keys, status=wished)

        return await self._answer(work, tried="", outcome="")

    @rx.event(background=True)
    async def send_test(self, integration_id: str) -> Any:
        """Send a test message now, and say what became of it."""
        wanted = str(integration_id)[:40]

        async def errand(caller: MemberCaller) -> DeliveryFailed | None:
            require(caller, Permission.MANAGE_WORKSPACE)
            resources = current_resources()
            await resources.limiter.hit("integration-trials", str(caller.workspace.id), TRIALS)
            return await try_integration(resources.courier, caller, id_from(wanted))

        def then(failure: DeliveryFailed | None) -> None:
            self.trying, self.tried, self.has_arrived = "", wanted, failure is None
            self.outcome = (
                failure.detail if failure else "The test message was taken. Look whether it is there."
            )

        try:
            return await self._answer(errand=errand, then=then, once=(), trying=wanted, tried="", outcome="")
        finally:
            # However it ended; of a second click the first goes on.
            if self.trying and not self._is_under_way():
                async with self:
                    self.trying = ""

    @rx.event(background=True)
    async def delete(self, integration_id: str) -> Any:
        """Take an integration away; for an hour it can be brought back."""

        async def work(session: AsyncSession, caller: MemberCaller) -> str:
            require(caller, Permission.MANAGE_WORKSPACE)
            queue = current_resources().queue
            return await delete_integration(session, queue, caller, id_from(integration_id))

        def then(name: str) -> Any:
            undo = deleted("integration", name, [str(integration_id)])
            return [rx.set_focus(INTEGRATIONS), undo, *_ALSO_SHOWN]

        return await self._answer(work, then, tried="", outcome="")

    @rx.event(background=True)
    async def restore(self, integration_id: str) -> Any:
        """Bring a deleted integration back as it was."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_WORKSPACE)
            resources = current_resources()
            plan, keys = resources.plan_of(caller.workspace), resources.courier.keys
            await restore_integration(session, caller, plan, id_from(integration_id), keys)

        def then(_: None) -> Any:
            return [rx.set_focus(INTEGRATIONS), restored(), *_ALSO_SHOWN]

        return await self._answer(work, then, tried="", outcome="")

    async def _read(
        self, session: AsyncSession, caller: MemberCaller
    ) -> tuple[Sequence[IntegrationView], Mapping[UUID, DeliveryView]]:
        keys = current_resources().courier.keys
        return await list_integrations(session, caller, keys), await last_deliveries(session, caller)

    def _show(
        self, found: tuple[Sequence[IntegrationView], Mapping[UUID, DeliveryView]], caller: MemberCaller
    ) -> None:
        views, last = found
        moment, resources = now(), current_resources()
        rows = [_row(view, last.get(view.id), moment) for view in views]
        if rows != self.rows:
            self.rows = rows
        self.counted = f"{len(rows):,}" if rows else ""
        self.may_manage = Permission.MANAGE_WORKSPACE in caller.permissions
        reached = limit_reached(resources.plan_of(caller.workspace), len(rows))
        self.limit = reached.detail if reached else ""
        providers = [provider.value for provider, _ in resources.courier.fallbacks.credentials.values()]
        self.otherwise = " and ".join(map(provider_in_words, providers))


def _row(view: IntegrationView, last: DeliveryView | None, moment: datetime) -> IntegrationRow:
    tone, status = INTEGRATION_STATES[view.status]
    shown = view.credentials
    place = next((shown[name] for name in ("webhook_url", "url", "to") if name in shown), "")
    return IntegrationRow(
        id=str(view.id),
        provider=view.provider.value,
        kind=PROVIDERS[view.provider],
        name=view.name,
        place=place or "The key that reads its credentials is missing on this server.",
        tone=tone,
        status=status,
        is_on=view.status is not IntegrationStatus.DISABLED,
        problem=view.last_error,
        last=last_message(last, moment),
        moment=exactly(last.attempted_at or last.created_at) if last else "",
    )
