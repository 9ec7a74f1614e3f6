"""The home page's own figures: who is signed in, counts, latest conversations, ingests under way."""

from __future__ import annotations

import asyncio
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import without_larger
from helpninja_app.conversations.deliveries import count_failed_deliveries
from helpninja_app.conversations.overview import (
    ConversationCounts,
    ConversationSummary,
    count_conversations,
    latest_conversations,
)
from helpninja_app.errors import NotSignedIn
from helpninja_app.kernel.columns import now
from helpninja_app.knowledge.overview import (
    IngestUnderWay,
    KnowledgeCounts,
    count_knowledge,
    list_ingests_under_way,
    list_sites,
)
from helpninja_app.resources import current_resources
from helpninja_app.screens.home.rows import ConversationRow, IngestRow, conversation_row, ingest_row
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState, fingerprint, sentence_for, signed_in, to_sign_in
from helpninja_app.ui.times import duration_in_words

PATH = "/app"
POLL_SECONDS = 2.0

Figures = tuple[
    KnowledgeCounts,
    tuple[IngestUnderWay, ...],
    int,
    ConversationCounts,
    tuple[ConversationSummary, ...],
    int,
]


class HomeState(PageState, SignedInState):
    """Empty until ``open_page`` found out who is there: nothing private is ever part of the built pages."""

    has_demo: bool = False
    install_line: str = ""

    documents: str = ""
    documents_note: str = ""
    documents_full: str = ""
    sites_full: str = ""
    passages: str = ""
    conversations_total: str = ""
    conversations_note: str = ""
    waiting: str = ""
    waiting_note: str = ""
    undelivered: str = ""
    latest: rx.Field[list[ConversationRow]] = rx.field(default_factory=list)
    ingests: rx.Field[list[IngestRow]] = rx.field(default_factory=list)

    _follower: int = 0
    _most_documents: int | None = None
    _without_larger: str = ""

    @rx.event(background=True)
    async def open_page(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer()

    @rx.event(background=True)
    async def follow_ingests(self) -> Any:
        """Show how far ingests are, every two seconds, as long as there is one.

        Only the follower that was started last goes on, so that nobody can start a crowd of them.
        """
        async with self:
            self._follower += 1
            mine = self._follower
        is_under_way = True
        while is_under_way:
            await asyncio.sleep(POLL_SECONDS)
            seen, read_for = self._latest, fingerprint(self)
            try:
                caller = await signed_in(self)
                async with current_resources().database.unit_of_work(caller.scope) as session:
                    knowledge, ingests, sites = await _read_knowledge(session, caller)
            except NotSignedIn:
                return to_sign_in(PATH)
            except Exception as error:
                async with self:
                    self.failure = sentence_for(error)
                return None
            is_under_way = bool(ingests)
            async with self:
                elsewhere = self._workspace_shown not in {"", str(caller.workspace.id)}
                if self._follower != mine or elsewhere or not self._show_to_this_session(read_for):
                    return None
                if self._latest == seen:
                    self._show_knowledge(knowledge)
                    self._show_sites(sites, caller)
                    self.ingests = [ingest_row(job) for job in ingests]
        return None

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Figures:
        require(caller, Permission.READ_CONVERSATIONS)
        return (
            *await _read_knowledge(session, caller),
            await count_conversations(session, caller.workspace.id),
            await latest_conversations(session, caller.workspace.id),
            await count_failed_deliveries(session, caller),
        )

    def _show(self, found: Figures, caller: MemberCaller) -> Any:
        knowledge, ingests, sites, conversations, latest, undelivered = found
        settings = current_resources().settings
        self.has_demo = settings.is_development
        origin = settings.public_url or self.router.headers.origin
        self.install_line = (
            f'<script async src="{origin}/api/widget?t={caller.workspace.public_key}"></script>'
        )
        plan = current_resources().plan_of(caller.workspace)
        self._most_documents, self._without_larger = plan.documents, without_larger(plan.name)
        self._show_knowledge(knowledge)
        self._show_sites(sites, caller)
        self._show_conversations(conversations, latest)
        self._show_undelivered(undelivered)
        self.ingests = [ingest_row(job) for job in ingests]
        return HomeState.follow_ingests if ingests else None

    def _show_knowledge(self, counts: KnowledgeCounts) -> None:
        self.documents = f"{counts.documents:,}"
        most = self._most_documents
        is_full = most is not None and counts.documents >= most
        self.documents_full = (
            f"All {most:,} documents of the plan are used, so no other page or file is read."
            f" {self._without_larger}".rstrip()
            if is_full
            else ""
        )
        if counts.failed:
            self.documents_note = f"{counts.failed:,} could not be read"
        elif counts.processing:
            self.documents_note = f"{counts.processing:,} being read"
        else:
            self.documents_note = "all of them readable" if counts.documents else "none yet"
        self.passages = f"{counts.passages:,}"

    def _show_sites(self, sites: int, caller: MemberCaller) -> None:
        plan = current_resources().plan_of(caller.workspace)
        if plan.sites is None or sites < plan.sites:
            self.sites_full = ""
            return
        websites = "1 website" if plan.sites == 1 else f"{plan.sites:,} websites"
        self.sites_full = (
            f"{sites:,} of the {websites} that the {plan.name} plan includes"
            f" {'is' if sites == 1 else 'are'} in use. More of their pages are still read, those of another"
            " website only with a larger plan, or once all documents of one are deleted."
        )

    def _show_conversations(
        self, counts: ConversationCounts, latest: tuple[ConversationSummary, ...]
    ) -> None:
        moment = now()
        self.conversations_total = f"{counts.total:,}"
        self.conversations_note = f"{counts.recent:,} in the last 7 days" if counts.total else "none yet"
        self.waiting = f"{counts.waiting:,}"
        if counts.waiting_since is None:
            self.waiting_note = "nobody at the moment"
        else:
            self.waiting_note = f"the longest for {duration_in_words(moment - counts.waiting_since)}"
        self.latest = [conversation_row(summary, moment) for summary in latest]

    def _show_undelivered(self, count: int) -> None:
        what = (
            "1 message about a visitor who needs a person"
            if count == 1
            else f"{count:,} messages about visitors who need a person"
        )
        self.undelivered = f"{what} did not arrive in the last 7 days." if count else ""


async def _read_knowledge(
    session: AsyncSession, caller: MemberCaller
) -> tuple[KnowledgeCounts, tuple[IngestUnderWay, ...], int]:
    require(caller, Permission.READ_KNOWLEDGE)
    is_limited = current_resources().plan_of(caller.workspace).sites is not None
    return (
        await count_knowledge(session, caller.workspace.id),
        await list_ingests_under_way(session, caller.workspace.id),
        len(await list_sites(session, caller.workspace.id)) if is_limited else 0,
    )
