"""The test search: asks what the assistant would be asked, and shows what it would find."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import reflex as rx

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.answers.explained import explain_search
from helpninja_app.answers.pipeline import Pipeline
from helpninja_app.errors import NotSignedIn
from helpninja_app.kernel.scope import Audience
from helpninja_app.resources import current_resources
from helpninja_app.screens.knowledge.hits import Hit, Verdict, hits_of, verdict_of
from helpninja_app.screens.session import SignedInState, page_of, sentence_for, signed_in, to_sign_in

MAX_QUESTION = 1000
ONLY_WORDS = "Only words were compared: the embedding provider did not answer."
TOO_LONG = f"Ask in at most {MAX_QUESTION:,} characters."


class SearchState(SignedInState):
    """``question`` is the one whose results are shown or under way; ``audience`` is whose view it is."""

    question: str = ""
    audience: str = Audience.VISITORS.value
    is_searching: bool = False
    is_answered: bool = False
    failure: str = ""
    hits: rx.Field[list[Hit]] = rx.field(default_factory=list)
    verdict: Verdict = Verdict("warning", "", "")

    _latest: int = 0

    @rx.event(background=True)
    async def search(self, form: dict[str, Any]) -> Any:
        """Search for what the form holds, for the audience that is chosen."""
        return await self._search(_question_in(form), None)

    @rx.event(background=True)
    async def choose_audience(self, audience: str) -> Any:
        """Look through the eyes of visitors or members; repeats the search that is shown."""
        return await self._search(None, audience)

    @rx.event(background=True)
    async def try_again(self) -> Any:
        """Repeat the search that failed."""
        return await self._search(None, None)

    async def _search(self, question: str | None, audience: str | None) -> Any:
        async with self:
            if isinstance(audience, str) and audience in set(Audience):
                self.audience = audience
            if question is not None:
                self.question = question[:MAX_QUESTION]
            asked, audience = self.question, self.audience
            self.failure = TOO_LONG if question and len(question) > MAX_QUESTION else ""
            self.is_answered = False
            self._latest += 1
            mine = self._latest
            self.is_searching = bool(asked) and not self.failure
        if not asked or self.failure:
            return None
        failure = ""
        hits: list[Hit] = []
        verdict: Verdict | None = None
        try:
            caller = await signed_in(self)
            hits, verdict = await _find(caller, asked, Audience(audience))
        except NotSignedIn:
            return to_sign_in(page_of(self))
        except Exception as error:
            failure = sentence_for(error)
        async with self:
            # A later question overtook this one: its results are the ones to show.
            if self._latest == mine:
                self._show_to_this_session()
                self.is_searching = False
                self.failure = failure
                self.hits = hits
                self.verdict = verdict or self.verdict
                self.is_answered = verdict is not None
        return None


async def _find(caller: MemberCaller, question: str, audience: Audience) -> tuple[list[Hit], Verdict]:
    require(caller, Permission.READ_KNOWLEDGE)
    resources = current_resources()
    workspace = caller.workspace
    knowledge = resources.knowledge
    embedder = knowledge.embedders.of(workspace.embedding_model)
    pipeline = Pipeline(knowledge.index, embedder, resources.answerers)
    explained = await explain_search(
        pipeline, workspace, caller.scope, question, audience, members_model=resources.default_model()
    )
    retrieved = explained.retrieved
    hits = await asyncio.to_thread(hits_of, question, retrieved, workspace)
    verdict = verdict_of(explained, audience)
    if retrieved.query.is_degraded:
        verdict = replace(verdict, sentence=f"{verdict.sentence} {ONLY_WORDS}")
    return hits, verdict


def _question_in(form: object) -> str:
    """The question of a form that anybody may have written by hand."""
    question = form.get("question") if isinstance(form, dict) else None
    return question.replace("\x00", "").strip() if isinstance(question, str) else ""
