"""What all tabs of the Knowledge screen stand on: how much there is, and what this member may do with it."""

from __future__ import annotations

from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.overview import KnowledgeCounts, count_knowledge
from helpninja_app.resources import current_resources, knowledge_limits
from helpninja_app.screens.billing.words import refusals_of_files
from helpninja_app.screens.knowledge.refreshing import is_part
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState

PATH = "/app/knowledge"


class KnowledgeState(PageState, SignedInState):
    """``may_write`` is for what everybody is answered from, ``may_upload`` for files of one's own.

    ``refusals`` are what is said of files larger than ``most_bytes``, see ``refusals_of_files``.
    """

    summary: str = ""
    documents: str = ""
    may_write: bool = False
    may_upload: bool = False
    most_bytes: int = 0
    refusals: str = ""

    @rx.event(background=True)
    async def open_knowledge(self) -> Any:
        """Run when the page loads, to try again, and when something was added or went."""
        return await self._answer()

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> KnowledgeCounts:
        require(caller, Permission.READ_KNOWLEDGE)
        return await count_knowledge(session, caller.workspace.id)

    def _show(self, counts: KnowledgeCounts, caller: MemberCaller) -> None:
        plan = current_resources().plan_of(caller.workspace)
        passages = f"{counts.passages:,} passage{'' if counts.passages == 1 else 's'}"
        documents = f"{counts.documents:,} document{'' if counts.documents == 1 else 's'}"
        self.summary = f"What the assistant may answer from. {passages} in {documents}."
        self.documents = f"{counts.documents:,}"
        self.may_write = Permission.WRITE_KNOWLEDGE in caller.permissions
        self.may_upload = Permission.UPLOAD_DOCUMENTS in caller.permissions
        self.most_bytes, self.refusals = plan.upload_bytes, refusals_of_files(plan)


is_part("head", KnowledgeState.open_knowledge)


def limits_of(caller: MemberCaller) -> KnowledgeLimits:
    return knowledge_limits(current_resources().settings, caller.workspace)
