"""Canned replies in the inbox: looked for, put into a reply, and kept by the members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.canned_replies import (
    MAX_NAME,
    MAX_TEXT,
    CannedPage,
    CannedView,
    change_canned,
    create_canned,
    delete_canned,
    get_canned,
    list_canned,
    render_canned,
)
from helpninja_app.conversations.canned_text import FilledText, with_names
from helpninja_app.errors import FieldError, Invalid
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.paged_state import PAGE_SIZE, filter_text
from helpninja_app.screens.session import SignedInState, id_from, text_in

MAX_SEARCH = 100
# Where the focus goes when what had it is gone.
NAME, NEW = "canned-name", "new-canned"
_PREVIEW = 120
_VARIABLES = {
    "visitor.name": "the visitor's name",
    "member.name": "your own name",
    "workspace.name": "the workspace's name",
    "conversation.page": "the page that the visitor is on",
}


@dataclass(frozen=True)
class CannedRow:
    """``preview`` is the beginning of the text, on one line, with variables by their names."""

    id: str
    name: str
    preview: str


@dataclass(frozen=True, slots=True)
class Found:
    wanted: str
    page: CannedPage


class CannedState(PageState, SignedInState):
    """``found_for`` is what ``rows`` were found for; ``more`` says how many are not among them.

    ``filled`` is the text that the browser puts into the reply to the conversation ``filled_for`` each time
    that ``fillings`` counts on; ``missing`` is what it could not say. ``edited`` is the id of what is
    changed, empty for a new one.
    """

    rows: rx.Field[list[CannedRow]] = rx.field(default_factory=list)
    wanted: str = ""
    found_for: str = ""
    more: str = ""
    filled: str = ""
    filled_for: str = ""
    fillings: int = 0
    missing: str = ""
    is_editing: bool = False
    edited: str = ""
    name: str = ""
    text: str = ""
    focuses: str = ""
    errors: rx.Field[dict[str, str]] = rx.field(default_factory=dict)

    @rx.event(background=True)
    async def open_canned(self) -> Any:
        """Show them all, and try again."""
        return await self._answer(wanted="")

    @rx.event(background=True)
    async def search_canned(self, text: str) -> Any:
        """Only those with these words in their name or text."""
        return await self._answer(wanted=filter_text(text, MAX_SEARCH))

    @rx.event(background=True)
    async def choose(self, reply_id: str, conversation_id: str) -> Any:
        """Have one put into the reply, as the member would say it in this conversation."""

        async def work(session: AsyncSession, caller: MemberCaller) -> FilledText:
            require(caller, Permission.ANSWER_CONVERSATIONS)
            return await render_canned(session, caller, id_from(reply_id), id_from(conversation_id))

        def fill(found: FilledText) -> None:
            self.filled, self.filled_for = found.text, str(conversation_id)
            self.missing = missing_in_words(found.missing)
            self.fillings += 1

        return await self._answer(work, fill)

    @rx.event
    def close_missing(self) -> None:
        """What could not be said was read, or the reply is sent."""
        self.missing = ""

    @rx.event
    def begin(self) -> None:
        """Write a new one."""
        self._edit("", "", "")

    @rx.event(background=True)
    async def edit(self, reply_id: str) -> Any:
        """Change one."""

        async def work(session: AsyncSession, caller: MemberCaller) -> CannedView:
            require(caller, Permission.ANSWER_CONVERSATIONS)
            return await get_canned(session, caller, id_from(reply_id))

        return await self._answer(work, lambda found: self._edit(str(found.id), found.name, found.text))

    @rx.event
    def close_editor(self) -> None:
        """Back to the list, without what was typed."""
        self._leave_editor()

    @rx.event(background=True)
    async def save(self, form: dict[str, Any]) -> Any:
        """Add what was written, or change what it was."""
        edited, drawn = self.edited, self.drawn

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.ANSWER_CONVERSATIONS)
            name, text = _written(form)
            if edited:
                await change_canned(session, caller, id_from(edited), name=name, text=text)
            else:
                await create_canned(session, caller, name, text)

        def then(_: None) -> None:
            if self.drawn == drawn:
                self._leave_editor()

        return await self._answer(work, then, once=form, errors={})

    @rx.event(background=True)
    async def delete(self, reply_id: str) -> Any:
        """Delete one for everybody."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.ANSWER_CONVERSATIONS)
            await delete_canned(session, caller, id_from(reply_id))

        return await self._answer(work, lambda _: self._leave_editor())

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Found:
        wanted = self.wanted
        return Found(wanted, await list_canned(session, caller, contains=wanted, limit=PAGE_SIZE))

    def _show(self, found: Found, caller: MemberCaller) -> None:
        self.found_for = found.wanted
        replies, total = found.page.replies, found.page.total
        self.rows = [CannedRow(str(each.id), each.name, _preview(each.text)) for each in replies]
        left = total - len(replies)
        self.more = f"{left} more: type a part of their name or text." if left else ""

    def _refuse(self, error: Exception) -> Any:
        wrong = error.errors if isinstance(error, Invalid) else ()
        self.errors = {item.field.removeprefix("body."): item.message for item in wrong}
        super()._refuse(error)
        if self.errors:
            self.problem = "This cannot be saved yet. What is wrong stands at its field."

    def _edit(self, edited: str, name: str, text: str) -> None:
        self.is_editing, self.edited, self.name, self.text = True, edited, name, text
        self.problem, self.errors = "", {}
        self.drawn += 1
        self.focuses = f"{NAME} {self.drawn}"

    def _leave_editor(self) -> None:
        self.is_editing, self.edited, self.name, self.text = False, "", "", ""
        self.problem, self.errors = "", {}
        self.drawn += 1
        self.focuses = f"{NEW} {self.drawn}"


def _preview(text: str) -> str:
    names = {variable: f"[{name}]" for variable, name in _VARIABLES.items()}
    return " ".join(with_names(text, names).split())[:_PREVIEW]


def missing_in_words(missing: Sequence[str]) -> str:
    """What a filled reply could not say, by the names of its variables; empty when nothing is missing."""
    names = [_VARIABLES.get(name, name) for name in missing]
    if not names:
        return ""
    said = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return f"Not known, and left out: {said}. Read the reply before you send it."


def _written(form: object) -> tuple[str, str]:
    """The name and the text of a form; ``Invalid`` with each field that is wrong."""
    name = " ".join(text_in(form, "name", MAX_NAME + 1).split())
    text = text_in(form, "text", MAX_TEXT + 1)
    wrong = {
        "name": _wrong(name, MAX_NAME, "Give it a name to find it by."),
        "text": _wrong(text, MAX_TEXT, "Write what it says."),
    }
    errors = tuple(FieldError(f"body.{name}", sentence) for name, sentence in wrong.items() if sentence)
    if errors:
        raise Invalid(errors=errors)
    return name, text


def _wrong(value: str, most: int, if_empty: str) -> str:
    if not any(character.isprintable() and not character.isspace() for character in value):
        return if_empty
    return f"At most {most:,} characters." if len(value) > most else ""
