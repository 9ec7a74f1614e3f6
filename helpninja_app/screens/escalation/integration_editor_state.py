"""An integration being added or changed; what is secret of it never stands in the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import FieldError, Invalid
from helpninja_app.integrations.credentials import (
    FIELD,
    FIELDS,
    MAX_LENGTH,
    Secrets,
    check_credentials,
    merged,
    still_known,
)
from helpninja_app.integrations.models import Provider
from helpninja_app.integrations.service import (
    IntegrationView,
    change_integration,
    create_integration,
    get_integration,
    load_integration,
)
from helpninja_app.kernel.database import new_id
from helpninja_app.resources import current_resources
from helpninja_app.screens.escalation.integrations_state import IntegrationsState
from helpninja_app.screens.escalation.words import PROVIDERS
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState, id_from, text_in
from helpninja_app.screens.shell.state import told

MAX_NAME = 200
# What is sent back empty stays as it is: only its end was shown.
KEPT = frozenset({"webhook_url", "url", "secret"})


class IntegrationEditorState(PageState, SignedInState):
    """``edited`` is the id of what is changed, empty for a new one; ``shown`` are redacted credentials."""

    is_open: bool = False
    edited: str = ""
    provider: str = Provider.SLACK.value
    kind: str = PROVIDERS[Provider.SLACK]
    name: str = ""
    shown: rx.Field[dict[str, str]] = rx.field(default_factory=dict)
    errors: rx.Field[dict[str, str]] = rx.field(default_factory=dict)

    @rx.event(background=True)
    async def begin(self, provider: str) -> Any:
        """Open it empty, for a new integration of this kind."""
        is_known = isinstance(provider, str) and provider in set(Provider)
        chosen = Provider(provider) if is_known else Provider.SLACK
        if self._is_open_on("") and self.provider == chosen.value:
            return None
        async with self:
            self._empty()
        return await self._answer(provider=chosen.value, kind=PROVIDERS[chosen], is_open=True, is_loaded=True)

    @rx.event(background=True)
    async def edit(self, integration_id: str) -> Any:
        """Open it with what may be shown of what is there."""
        edited = str(integration_id)[:40]
        if self._is_open_on(edited):
            return None
        return await self._answer(edited=edited, is_open=True, is_loaded=False, failure="", errors={})

    @rx.event
    def close(self) -> None:
        """The sheet was closed."""
        self._empty()
        self._latest += 1

    @rx.event(background=True)
    async def save(self, form: dict[str, Any]) -> Any:
        """Check what was typed and store it."""
        edited, provider, drawn = self.edited, Provider(self.provider), self.drawn

        async def errand(caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_WORKSPACE)
            if edited:
                await _change(caller, edited, form)
            else:
                await _create(caller, provider, form)

        def then(_: None) -> Any:
            if self.drawn == drawn:
                self._empty()
            said = "It is saved." if edited else "It is saved. Send a test to see whether messages arrive."
            return [IntegrationsState.open_integrations, told(said, "success")]

        return await self._answer(errand=errand, then=then, once=form, errors={})

    def _is_open_on(self, edited: str) -> bool:
        """Whether it was opened for this already, as by the first of two presses: what is written stays."""
        return self.is_open and self.edited == edited and not self.failure

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> IntegrationView | None:
        require(caller, Permission.MANAGE_WORKSPACE)
        # What was typed stays in the form when it was refused.
        if not self.edited or self.problem:
            return None
        keys = current_resources().courier.keys
        return await get_integration(session, caller, id_from(self.edited), keys)

    def _show(self, found: IntegrationView | None, caller: MemberCaller) -> None:
        if found is not None:
            self.provider, self.kind = found.provider.value, PROVIDERS[found.provider]
            self.name, self.shown = found.name, dict(found.credentials)
            self.drawn += 1

    def _refuse(self, error: Exception) -> Any:
        wrong = error.errors if isinstance(error, Invalid) else ()
        self.errors = {item.field.removeprefix(f"{FIELD}."): item.message for item in wrong}
        super()._refuse(error)
        if self.errors:
            self.problem = "This cannot be saved yet. What is wrong stands at its field."

    def _empty(self) -> None:
        self.is_open, self.edited, self.is_loaded, self.name = False, "", False, ""
        self.problem, self.is_at_limit, self.failure = "", False, ""
        self.shown, self.errors = {}, {}
        self.drawn += 1


async def _create(caller: MemberCaller, provider: Provider, form: object) -> None:
    name, resources = _name(form), current_resources()
    given = {field: value for field, value in _typed(provider, form).items() if value is not None}
    credentials = await _checked(provider, name, given)
    async with resources.database.unit_of_work(caller.scope) as session:
        await create_integration(
            session,
            caller,
            resources.courier.keys,
            resources.plan_of(caller.workspace),
            integration_id=new_id(),
            provider=provider,
            name=name,
            credentials=credentials,
            config={},
        )


async def _change(caller: MemberCaller, edited: str, form: object) -> None:
    name, wanted, resources = _name(form), id_from(edited), current_resources()
    keys = resources.courier.keys
    async with resources.database.unit_of_work(caller.scope) as session:
        stored = await load_integration(session, caller.workspace.id, wanted)
        before = still_known(keys, stored)
    provider = Provider(stored.provider)
    given = merged(before, _typed(provider, form))
    credentials = await _checked(provider, name, given)
    is_same = dict(credentials) == dict(before)
    async with resources.database.unit_of_work(caller.scope) as session:
        await change_integration(
            session, caller, wanted, keys, name=name, credentials=None if is_same else credentials
        )


async def _checked(provider: Provider, name: str, given: Mapping[str, str]) -> Secrets:
    """Raises ``Invalid`` with everything that is wrong, the name included."""
    errors: tuple[FieldError, ...] = ()
    if not name:
        errors = (FieldError(f"{FIELD}.name", "Give it a name, so that you know it in the list."),)
    try:
        credentials = await check_credentials(current_resources().courier.http, provider, given)
    except Invalid as refused:
        raise Invalid(errors=errors + refused.errors) from None
    if errors:
        raise Invalid(errors=errors)
    return credentials


def _name(form: object) -> str:
    return text_in(form, "name", MAX_NAME)


def _typed(provider: Provider, form: object) -> dict[str, str | None]:
    """What the form holds of the provider's fields; ``None`` for what was emptied."""
    needed, optional = FIELDS[provider]
    typed = {field: text_in(form, field, MAX_LENGTH + 1) for field in needed | optional}
    return {field: value or None for field, value in typed.items() if value or field not in KEPT}
