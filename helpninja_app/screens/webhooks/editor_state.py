"""A webhook endpoint being added, changed or given a new secret, which is shown this once."""

from __future__ import annotations

from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, require_feature
from helpninja_app.errors import FieldError, InputRefused, Invalid
from helpninja_app.integrations.webhooks.endpoints import (
    EndpointChange,
    EndpointView,
    change_endpoint,
    create_endpoint,
    get_endpoint,
    rotate_secret,
)
from helpninja_app.integrations.webhooks.models import EventType
from helpninja_app.resources import current_resources
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState, id_from, text_in
from helpninja_app.screens.shell.state import told
from helpninja_app.screens.webhooks.state import WebhooksState

# As over HTTP.
MAX_URL = 2048
MAX_DESCRIPTION = 200
# What the focus goes to when it is shown.
SHOWN_ONCE = "webhook-secret"
_ALL = [event.value for event in EventType]


class WebhookEditorState(PageState, SignedInState):
    """``edited`` is the id of what is changed, empty for something new; ``secret`` is one just made, of the
    endpoint at ``place``.

    What is under way for a sheet that was closed meanwhile changes no other one, but for a secret, which is
    shown now or never.
    """

    is_open: bool = False
    edited: str = ""
    url: str = ""
    description: str = ""
    events: rx.Field[list[str]] = rx.field(default_factory=lambda: list(_ALL))
    errors: rx.Field[dict[str, str]] = rx.field(default_factory=dict)
    secret: str = ""
    place: str = ""

    @rx.event(background=True)
    async def begin(self) -> Any:
        """Open it empty, for a new endpoint."""
        return await self._open("", is_loaded=True)

    @rx.event(background=True)
    async def edit(self, endpoint_id: str) -> Any:
        """Open it with what is there."""
        return await self._open(str(endpoint_id)[:40], is_loaded=False)

    @rx.event
    def close(self) -> None:
        """The sheet was closed, or its page is loaded anew: a secret is not shown again."""
        self._empty()
        self._latest += 1
        self.is_open = self.is_busy = False

    @rx.event(background=True)
    async def save(self, form: dict[str, Any]) -> Any:
        """Check what was typed and store it; of a new endpoint the secret is shown."""
        edited, drawn = self.edited, self.drawn

        async def errand(caller: MemberCaller) -> tuple[str, str]:
            require(caller, Permission.MANAGE_WORKSPACE)
            if edited:
                await _change(caller, edited, form)
                return "", ""
            return await _create(caller, form)

        def then(made: tuple[str, str]) -> Any:
            if made[0]:
                return self._hand_out(*made)
            if self.drawn == drawn:
                self._empty()
                self.is_open = False
            return [WebhooksState.open_webhooks, told("It is saved.", "success")]

        return await self._answer(errand=errand, then=then, once=form, errors={})

    @rx.event(background=True)
    async def rotate(self, endpoint_id: str) -> Any:
        """Make a new secret, and show it."""
        wanted = str(endpoint_id)[:40]

        async def work(session: AsyncSession, caller: MemberCaller) -> tuple[str, str]:
            require(caller, Permission.MANAGE_WORKSPACE)
            keys = current_resources().settings.keys_for_encryption()
            view, secret = await rotate_secret(session, Actor.of(caller), keys, id_from(wanted))
            return secret, view.url

        def then(made: tuple[str, str]) -> Any:
            return self._hand_out(*made)

        anew: dict[str, Any] = {"is_loaded": False, "failure": "", "errors": {}, "secret": ""}
        return await self._answer(work, then, once=(), edited=wanted, is_open=True, **anew)

    async def _open(self, edited: str, *, is_loaded: bool) -> Any:
        if self.is_open and self.edited == edited and not self.failure:
            # By the first of two presses on a slow line: what is written, or a secret, stays.
            return None
        async with self:
            self._empty()
        return await self._answer(edited=edited, is_open=True, is_loaded=is_loaded)

    def _hand_out(self, secret: str, place: str) -> Any:
        self.is_open, self.secret, self.place = True, secret, place
        self.drawn += 1
        return [WebhooksState.open_webhooks, rx.set_focus(SHOWN_ONCE)]

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> EndpointView | None:
        require(caller, Permission.MANAGE_WORKSPACE)
        # What was typed stays in the form when it was refused.
        if not self.edited or (self.problem and self.is_loaded):
            return None
        return await get_endpoint(session, caller.workspace.id, id_from(self.edited))

    def _show(self, found: EndpointView | None, caller: MemberCaller) -> None:
        if found is not None and str(found.id) == self.edited:
            self.url, self.description, self.events = found.url, found.description, list(found.events)
            self.drawn += 1

    def _refuse(self, error: Exception) -> None:
        wrong = error.errors if isinstance(error, Invalid) else ()
        self.errors = {item.field.rpartition(".")[2]: item.message for item in wrong}
        super()._refuse(error)
        if self.errors:
            self.problem = "This cannot be saved yet. What is wrong stands at its field."

    def _empty(self) -> None:
        self.edited, self.is_loaded, self.secret, self.place = "", False, "", ""
        self.problem, self.is_at_limit, self.failure = "", False, ""
        self.url, self.description, self.events, self.errors = "", "", list(_ALL), {}
        self.drawn += 1


async def _create(caller: MemberCaller, form: object) -> tuple[str, str]:
    """The new endpoint's secret and address."""
    resources = current_resources()
    require_feature(resources.plan_of(caller.workspace), Feature.WEBHOOKS)
    url, events = await _checked(form)
    async with resources.database.unit_of_work(caller.scope) as session:
        _, secret = await create_endpoint(
            session,
            Actor.of(caller),
            resources.settings.keys_for_encryption(),
            url=url,
            description=text_in(form, "description", MAX_DESCRIPTION),
            events=events,
        )
    return secret, url


async def _change(caller: MemberCaller, edited: str, form: object) -> None:
    url, events = await _checked(form)
    change = EndpointChange(url=url, description=text_in(form, "description", MAX_DESCRIPTION), events=events)
    async with current_resources().database.unit_of_work(caller.scope) as session:
        await change_endpoint(session, Actor.of(caller), id_from(edited), change)


async def _checked(form: object) -> tuple[str, frozenset[EventType]]:
    """Raises ``Invalid`` with everything that is wrong."""
    errors: list[FieldError] = []
    events = frozenset(event for event in EventType if text_in(form, event.value, 3))
    if not events:
        errors.append(FieldError("events", "Choose what it is to hear of."))
    url = text_in(form, "url", MAX_URL + 1)
    try:
        url = await current_resources().http.check_post(url)
    except InputRefused as refused:
        errors.append(FieldError("url", refused.detail))
    if errors:
        raise Invalid(errors=tuple(errors))
    return url, events
