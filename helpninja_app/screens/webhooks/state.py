"""The workspace's webhook endpoints: what each hears of, whether it works, switched on and off, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, require_feature, why_lacking
from helpninja_app.integrations.webhooks.endpoints import (
    MAX_ENDPOINTS,
    SWITCHED_OFF,
    EndpointChange,
    EndpointView,
    change_endpoint,
    delete_endpoint,
    list_endpoints,
)
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.screens.shell.state import told
from helpninja_app.screens.webhooks.words import ENDPOINT_STATES, events_in_words, failing_in_words
from helpninja_app.ui.times import exactly

# The heading that the focus goes to when what had it is gone.
WEBHOOKS = "webhooks"


@dataclass(frozen=True)
class EndpointRow:
    """``problem`` is why it was switched off by itself or the last attempt failed, empty while all goes well.

    ``note`` is what else there is to know: who switched it off, and until when an old secret counts.
    """

    id: str
    url: str
    description: str
    events: str
    tone: str
    status: str
    is_on: bool
    problem: str
    note: str


class WebhooksState(PageState, SignedInState):
    """``lacking`` says that the plan has no webhooks, ``limit`` that there are as many as there may be."""

    rows: rx.Field[list[EndpointRow]] = rx.field(default_factory=list)
    counted: str = ""
    lacking: str = ""
    limit: str = ""

    @rx.event(background=True)
    async def open_webhooks(self) -> Any:
        """Run when the page loads, to try again, and when one was changed."""
        return await self._answer()

    @rx.event(background=True)
    async def switch(self, endpoint_id: str, is_on: bool) -> Any:
        """Tell an endpoint of what happens from now on, or of nothing more."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_WORKSPACE)
            if is_on is True:
                require_feature(current_resources().plan_of(caller.workspace), Feature.WEBHOOKS)
            change = EndpointChange(is_on=is_on is True)
            await change_endpoint(session, Actor.of(caller), id_from(endpoint_id), change)

        return await self._answer(work)

    @rx.event(background=True)
    async def delete(self, endpoint_id: str) -> Any:
        """Delete an endpoint with its log."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_WORKSPACE)
            await delete_endpoint(session, Actor.of(caller), id_from(endpoint_id))

        def then(_: None) -> Any:
            return [rx.set_focus(WEBHOOKS), told("The webhook is deleted.", "success")]

        return await self._answer(work, then)

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> list[EndpointView]:
        require(caller, Permission.MANAGE_WORKSPACE)
        return await list_endpoints(session, caller.workspace.id)

    def _show(self, found: list[EndpointView], caller: MemberCaller) -> None:
        moment = now()
        self.rows = [_row(view, moment) for view in found]
        self.counted = f"{len(found):,}" if found else ""
        self.lacking = why_lacking(current_resources().plan_of(caller.workspace), Feature.WEBHOOKS)
        is_full = len(found) >= MAX_ENDPOINTS
        self.limit = f"A workspace has at most {MAX_ENDPOINTS} webhooks." if is_full else ""


def _row(view: EndpointView, moment: datetime) -> EndpointRow:
    tone, status = ENDPOINT_STATES[view.status]
    until = view.old_secret_until
    # A plan without webhooks and a member's wish are no trouble of the endpoint's.
    is_wanted = view.status == "paused" or view.disabled_because == SWITCHED_OFF
    old_secret = f"The old secret counts beside the new one until {exactly(until)}." if until else ""
    return EndpointRow(
        id=str(view.id),
        url=view.url,
        description=view.description,
        events=events_in_words(view.events),
        tone=tone,
        status=status,
        is_on=view.status != "disabled",
        problem="" if is_wanted else view.disabled_because or failing_in_words(view, moment),
        note=" ".join(filter(None, (view.disabled_because if is_wanted else "", old_secret))),
    )
