"""What the states of the dashboard's pages have in common: do something, read, and show it or say why not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.errors import Conflict, HelpNinjaError, NotSignedIn
from helpninja_app.resources import current_resources
from helpninja_app.screens.once import OnceState
from helpninja_app.screens.session import (
    SignedInState,
    as_of_now,
    fingerprint,
    page_of,
    sentence_for,
    signed_in,
    to_sign_in,
)
from helpninja_app.screens.shell.state import told

Work = Callable[[AsyncSession, MemberCaller], Awaitable[Any]]
# Work that calls somebody else's service, and so opens its units of work around that itself.
Errand = Callable[[MemberCaller], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a work gives after which there is nothing left to show here: the browser goes to ``path``."""

    path: str


class PageState(OnceState, mixin=True):
    """A page says what it reads (``_read``) and how that is shown (``_show``).

    As a mixin beside ``SignedInState`` it gives each page vars of its own; a common parent would share them.
    ``failure`` stands in place of the content, ``problem`` is why something was not done: ``is_at_limit``
    when a larger plan would help. The answer to every event is ``_answer``; no method here has a public name,
    which would open it to the websocket.
    """

    is_loaded: bool = False
    failure: str = ""
    problem: str = ""
    is_at_limit: bool = False

    _latest: int = 0
    _workspace_shown: str = ""

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Any:
        """What the page shows, in one unit of work; raises what keeps the caller from seeing it."""
        raise NotImplementedError

    async def _find(self, caller: MemberCaller) -> Any:
        """``_read`` in its unit of work; a page that shows what others keep reads that here, without one."""
        async with current_resources().database.unit_of_work(caller.scope) as session:
            return await self._read(session, caller)

    def _show(self, found: Any, caller: MemberCaller) -> Any:
        """Put what was read into the vars; returns what the browser does next, if anything."""
        raise NotImplementedError

    def _refuse(self, error: Exception) -> Any:
        """Say why the work was not done; returns what the browser does next, if anything."""
        self.problem = sentence_for(error)
        self.is_at_limit = isinstance(error, HelpNinjaError) and error.is_by_plan

    async def _answer(
        self,
        work: Work | None = None,
        then: Callable[[Any], Any] | None = None,
        *,
        errand: Errand | None = None,
        once: object = None,
        is_left: Callable[[], bool] | None = None,
        **at_once: Any,
    ) -> Any:
        """Do ``work``, all of it or nothing, and show the page as it is afterwards.

        ``errand`` takes its place where it calls somebody else's service. ``then`` takes what the work gave
        once it is stored, and returns what the browser does next. ``once`` is the form of what makes
        something, or ``()`` where nothing is typed: of a second click nothing comes, and what made something
        of a form counts ``drawn`` on. ``is_left`` says whether something else is shown by now than what the
        work was for: then a refusal is told at the corner, and not beside that. ``at_once`` are vars that
        change before anything is awaited, such as a filter. Of answers that overtake each other only the one
        that began to read last is shown: it has seen what the others did.
        """
        if once is None:
            return await self._go_through(work, then, errand, at_once, is_left)
        async with self._once(once) as click:
            return (
                await self._go_through(work, then, errand, at_once, partial(self._is_left, click))
                if click
                else await self._of_nothing(once)
            )

    async def _go_through(
        self,
        work: Work | None,
        then: Callable[[Any], Any] | None,
        errand: Errand | None,
        at_once: dict[str, Any],
        is_left: Callable[[], bool] | None,
    ) -> Any:
        errand = errand or (partial(_in_one_go, work) if work else None)
        mine = await self._begin(at_once, is_busy=errand is not None)
        next_step = None
        try:
            read_for = fingerprint(self)
            caller = await signed_in(self)
            if errand is not None and self._workspace_shown not in {"", str(caller.workspace.id)}:
                # Another tab went to another workspace: what was typed here is not meant for it.
                errand = _refuse_elsewhere
            if errand is not None:
                done = await self._attempt(errand, then, caller, is_left)
                if isinstance(done, Leaving):
                    return [SignedInState.forget, rx.redirect(done.path)]
                mine, next_step = done
                # Once more, although it is a second look-up: the work may have changed one's own role or the
                # workspace, or have waited while somebody else took them away, and what is read now is shown.
                caller = await as_of_now(self, caller)
            found = await self._find(caller)
        except NotSignedIn:
            return to_sign_in(page_of(self))
        except Exception as error:
            sentence = sentence_for(error)
            async with self:
                # Nobody else tells that a work failed; a page that was overtaken is another one's to tell of.
                if self._latest == mine or errand is not None:
                    self.failure, self.is_busy = sentence, self._is_under_way()
            return next_step
        async with self:
            if self._latest != mine:
                return next_step
            if not self._show_to_this_session(read_for):
                return next_step
            self._workspace_shown = str(caller.workspace.id)
            self.failure, self.is_busy, self.is_loaded = "", self._is_under_way(), True
            return _both(next_step, self._show(found, caller))

    async def _begin(self, at_once: dict[str, Any], *, is_busy: bool) -> int:
        async with self:
            self._latest += 1
            # What goes on meanwhile goes on.
            self.is_busy = is_busy or self._is_under_way()
            self.problem, self.is_at_limit = "", False
            for name, value in at_once.items():
                setattr(self, name, value)
            return self._latest

    async def _attempt(
        self,
        errand: Errand,
        then: Callable[[Any], Any] | None,
        caller: MemberCaller,
        is_left: Callable[[], bool] | None,
    ) -> Leaving | tuple[int, Any]:
        done, refused = None, None
        try:
            done = await errand(caller)
        except NotSignedIn:
            raise
        except Exception as error:
            refused = error
        if isinstance(done, Leaving):
            return done
        async with self:
            # Also of an answer that is overtaken: nobody else tells what became of this work.
            self._latest += 1
            if refused is not None and is_left is not None and is_left():
                # What is shown now has nothing to do with it.
                return self._latest, told(sentence_for(refused), "danger")
            if refused is not None:
                return self._latest, self._refuse(refused)
            return self._latest, then(done) if then else None


def _both(first: Any, then: Any) -> Any:
    """What the browser does next, of two such answers."""
    if first is None or then is None:
        return then if first is None else first
    return [event for each in (first, then) for event in (each if isinstance(each, list) else [each])]


async def _in_one_go(work: Work, caller: MemberCaller) -> Any:
    async with current_resources().database.unit_of_work(caller.scope) as session:
        return await work(session, caller)


async def _refuse_elsewhere(_caller: MemberCaller) -> None:
    raise Conflict(
        "Another tab went to another workspace meanwhile, and this page shows that one now."
        " Nothing was changed."
    )
