"""The workspace's secret API keys: making one, which shows it once, and revoking it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.api_keys import KeyView, issue_api_key, list_api_keys, revoke_api_key
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, require_feature, why_lacking
from helpninja_app.errors import Invalid
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.api_keys.words import MAY, end_in_words, permissions_in_words, use_in_words
from helpninja_app.screens.once import KeptFormState
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState, id_from, text_in

PATH = "/app/keys"
# The heading that the focus goes to when what had it is gone.
KEYS = "keys"
_WAITING = "Until then the keys below wait: programs that call with them are refused."
LIFETIMES = {"": None, "30": timedelta(days=30), "90": timedelta(days=90), "365": timedelta(days=365)}


@dataclass(frozen=True)
class KeyRow:
    id: str
    name: str
    prefix: str
    permissions: str
    used: str
    expires: str
    is_expired: bool


class KeysState(KeptFormState, PageState, SignedInState):
    """``secret`` is the key just made, until the page is left or another one is made.

    ``lacking`` says that the plan has no keys, empty when it has; ``waiting`` what became of those that there
    are.
    """

    keys: rx.Field[list[KeyRow]] = rx.field(default_factory=list)
    counted: str = ""
    secret: str = ""
    lacking: str = ""
    waiting: str = ""

    @rx.event(background=True)
    async def open_keys(self) -> Any:
        """Run when the page loads, and to try again; a key that was just made stays shown."""
        return await self._answer()

    @rx.event
    def put_key_away(self) -> None:
        """The page is there anew: the key that was made on it before is not shown again."""
        self.secret = ""

    @rx.event(background=True)
    async def make_key(self, form: dict[str, Any]) -> Any:
        """Make a key with a name, permissions and a lifetime."""

        async def work(session: AsyncSession, caller: MemberCaller) -> str:
            require(caller, Permission.MANAGE_KEYS)
            require_feature(current_resources().plan_of(caller.workspace), Feature.API_KEYS)
            name = text_in(form, "name", 100)
            if not name:
                raise Invalid("Give the key a name, so that you know later what it is for.")
            chosen = [permission for permission in MAY if text_in(form, permission.value)]
            if not chosen:
                raise Invalid("Choose at least one thing that the key may do.")
            lifetime = LIFETIMES.get(text_in(form, "lifetime"))
            _, secret = await issue_api_key(
                session,
                caller,
                name=name,
                permissions=frozenset(chosen),
                expires_at=now() + lifetime if lifetime else None,
            )
            return secret

        return await self._answer(work, self._hand_out, once=form)

    @rx.event(background=True)
    async def revoke(self, key_id: str) -> Any:
        """The key does not count any more."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_KEYS)
            await revoke_api_key(session, caller, id_from(key_id))

        return await self._answer(work, lambda _: rx.set_focus(KEYS))

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> list[KeyView]:
        require(caller, Permission.MANAGE_KEYS)
        return await list_api_keys(session, caller.workspace.id)

    def _show(self, found: list[KeyView], caller: MemberCaller) -> None:
        moment = now()
        self.keys = [_row(view, moment) for view in found]
        self.counted = f"{len(found):,}" if found else ""
        self.lacking = why_lacking(current_resources().plan_of(caller.workspace), Feature.API_KEYS)
        self.waiting = _WAITING if self.lacking and found else ""

    def _hand_out(self, secret: str) -> None:
        self.secret = secret
        # Only now: what was typed stays when it is refused.
        self.drawn += 1


def _row(view: KeyView, moment: datetime) -> KeyRow:
    is_expired = view.expires_at is not None and view.expires_at <= moment
    return KeyRow(
        id=str(view.id),
        name=view.name,
        prefix=f"{view.prefix}…",
        permissions=permissions_in_words(view.permissions),
        used=use_in_words(view.last_used_at, moment),
        expires=end_in_words(view.expires_at, moment),
        is_expired=is_expired,
    )
