"""Every event handler for the members of the workspace itself: each role does what it may, and no more."""

from __future__ import annotations

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS, Permission
from tests.screens.event_access import GUARDED, Handler, each
from tests.screens.event_arguments import MISSING
from tests.screens.event_callers import Callers

pytestmark = pytest.mark.usefixtures("no_waiting")

BY_ROLE = [handler for handler in GUARDED if isinstance(handler.access, Permission)]
# They show figures alone, filter away what is there, or leave what was typed as it is.
WITHOUT_TEXTS = {
    "HomeState.follow_ingests",
    "KnowledgeState.open_knowledge",
    "AddingState.preview",
    "AddingState.choose_reach",
    "AddingState.add",
    # No page of theirs failed, and no sheet is open whose pages could be turned.
    "FailedPagesState.open_failed",
    "FailedPagesState.turn_page",
    "RunsState.turn_page",
    "PassagesState.turn_page",
    "CuratedEditorState.begin",
    "CuratedEditorState.begin_answered",
    "CuratedEditorState.save",
    "CuratedEditorState.publish",
    "NoteEditorState.begin",
    "NoteEditorState.save",
    "NoteEditorState.publish",
    # The planted document is a page.
    "NoteEditorState.edit",
    *(handler.label for handler in BY_ROLE if handler.state.__name__ == "NotesState"),
    "AuditState.choose_kind",
    "IntegrationEditorState.begin",
    "IntegrationEditorState.save",
    "RuleEditorState.save",
    "RuleEditorState.try_draft",
    "RuleTrialState.open_tester",
    "SettingsState.save",
    *(handler.label for handler in BY_ROLE if handler.state.__name__ == "InvoicesState"),
    *(handler.label for handler in BY_ROLE if handler.state.__name__ == "BillingState"),
    # Chats are their owner's alone. A chat that is not begun suggests questions about documents.
    *(handler.label for handler in BY_ROLE if handler.state.__name__ == "ChatListState"),
    "ChatState.open_chat",
    "ChatState.ask_again",
    # No links are shown of a conversation that is none.
    *(handler.label for handler in BY_ROLE if handler.state.__name__ == "SharingState"),
    # No webhook's sheet is open, or the one they name is none.
    *(
        handler.label
        for handler in BY_ROLE
        if handler.state.__name__ in {"WebhookEditorState", "WebhookLogState"}
    ),
    # No conversation is open in their tabs, or the one they name is none.
    *(
        handler.label
        for handler in BY_ROLE
        if handler.state.__name__ == "InboxState" and handler.name != "open_conversation"
    ),
}
# What only those may read who have the permission, as the tables are called in the canaries.
READ_WITH = {
    "invites": Permission.MANAGE_MEMBERS,
    "api-keys": Permission.MANAGE_KEYS,
    "audit-events": Permission.READ_AUDIT,
}


def _may(role: Role, handler: Handler) -> bool:
    return handler.access in ROLE_PERMISSIONS[role]


@each([handler for handler in BY_ROLE if not all(_may(role, handler) for role in Role)])
async def test_a_role_that_may_not_is_told_so_and_changes_nothing(callers: Callers, handler: Handler) -> None:
    before = await callers.own.digests()
    for role in (role for role in Role if not _may(role, handler)):
        answer = await callers.members[role].tries(handler, callers.own)
        assert f"does not allow this ({handler.access})" in answer.refusal, role
    after = await callers.own.digests()
    assert [table for table in before if before[table] != after[table]] == []


@each(BY_ROLE)
async def test_a_role_is_shown_nothing_that_it_may_not_read(callers: Callers, handler: Handler) -> None:
    for role, caller in callers.members.items():
        answer = await caller.tries(handler, callers.own, *MISSING.get(handler.label, ()))
        seen = callers.own.seen_in(answer.said)
        for table, permission in READ_WITH.items():
            if permission not in ROLE_PERMISSIONS[role]:
                assert not [canary for canary in seen if f"-{table}-" in canary], role


@each(BY_ROLE)
async def test_a_role_that_may_is_not_refused_and_shown_what_is_there(
    callers: Callers, handler: Handler
) -> None:
    for role in (role for role in Role if _may(role, handler)):
        answer = await callers.members[role].tries(handler, callers.own, *MISSING.get(handler.label, ()))
        assert "does not allow" not in answer.refusal, role
        assert bool(callers.own.seen_in(answer.said)) == (handler.label not in WITHOUT_TEXTS), role
