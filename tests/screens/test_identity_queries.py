"""How often it is looked up who calls: once for a request or an event, and again only after long work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from helpninja_app.kernel.database import Statement
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.uploading import upload
from tests.canaries import Canaries
from tests.factories import Factory, Tenant
from tests.screens.event_access import GUARDED, Handler, each
from tests.screens.event_arguments import ARGUMENTS, MISSING
from tests.screens.events import fire, tab_at

pytestmark = pytest.mark.usefixtures("no_waiting")

LOOK_UPS = ("identify_session(", "identify_key(")


@contextmanager
def counted(resources: Resources) -> Iterator[list[str]]:
    """The queries by which callers are found, as they are sent."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if any(name in statement for name in LOOK_UPS):
            sent.append(statement)

    database = resources.database
    at_once = database.at_once

    async def note_at_once(scope: Scope | None, *statements: Statement) -> list[Any]:
        sent.extend(each.sql for each in statements if any(name in each.sql for name in LOOK_UPS))
        return await at_once(scope, *statements)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "at_once", note_at_once)
            yield sent
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


@pytest.mark.parametrize("path", ["/api/documents", "/api/auth/me", "/api/workspaces"])
async def test_a_request_of_a_member_takes_one(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, tenant: Tenant, path: str
) -> None:
    _, headers = await factory.member(tenant)
    with counted(resources) as sent:
        assert (await client.get(path, headers=headers)).status_code == 200
    assert len(sent) == 1


async def test_a_request_with_a_key_takes_one(
    client: httpx.AsyncClient, resources: Resources, tenant: Tenant
) -> None:
    with counted(resources) as sent:
        assert (await client.get("/api/documents", headers=tenant.headers)).status_code == 200
    assert len(sent) == 1


async def test_a_request_that_is_refused_takes_one(client: httpx.AsyncClient, resources: Resources) -> None:
    with counted(resources) as sent:
        refused = await client.get("/api/documents", headers={"cookie": "hn_session=made-up"})
    assert refused.status_code == 401
    assert len(sent) == 1


async def test_an_upload_takes_one_before_the_file_and_one_before_it_is_stored(
    client: httpx.AsyncClient, resources: Resources, tenant: Tenant
) -> None:
    with counted(resources) as sent:
        assert (await upload(client, tenant.headers)).status_code == 200
    assert len(sent) == 2
    with counted(resources) as sent:
        assert (await upload(client, {"authorization": "Bearer hn_sk_made-up"})).status_code == 401
    assert len(sent) == 1


# They do something, and show the page as it is afterwards: for whoever the caller is by then.
AFTER_WORK = {
    "TeamState.send_invite",
    "TeamState.resend_invite",
    "TeamState.withdraw_invite",
    "TeamState.give_role",
    "TeamState.suspend",
    "TeamState.remove",
    "TeamState.transfer",
    "KeysState.make_key",
    "KeysState.revoke",
    "WebhooksState.switch",
    "WebhooksState.delete",
    "WebhookEditorState.save",
    "WebhookEditorState.rotate",
    "WebhookLogState.look_into",
    "WebhookLogState.send_again",
    "WebhookLogState.send_test",
    "SettingsState.save",
    "SettingsState.delete_workspace",
    "BillingState.buy_plan",
    "BillingState.buy_credits",
    "BillingState.open_portal",
    "BillingState.cancel_plan",
    "BillingState.keep_plan",
    "AccountState.rename",
    "AccountState.end",
    "TwoFactorState.confirm_code",
    "TwoFactorState.renew_codes",
    "AddingState.add",
    "AddingState.choose_reach",
    "AddingState.preview",
    "CuratedEditorState.publish",
    "CuratedEditorState.save",
    "CuratedState.change_audience",
    "CuratedState.delete",
    "CuratedState.move",
    "CuratedState.restore",
    "CuratedState.switch",
    "NoteEditorState.publish",
    "NoteEditorState.save",
    "NotesState.change_audience",
    "NotesState.delete",
    "DocumentsState.change_audience",
    "DocumentsState.delete",
    "DocumentsState.read_again",
    "DocumentsState.rename",
    "DocumentsState.restore",
    "DeletedState.restore",
    "SourcesState.cancel",
    "SourcesState.choose_audience",
    "SourcesState.choose_schedule",
    "SourcesState.delete",
    "SourcesState.read_again",
    "SourcesState.restore",
    "SourcesState.retry",
    "OperationsState.work_again",
    "OperationsState.work_on_parked",
    "ChatState.ask",
    "ChatState.ask_again",
    "ChatState.ask_edited",
    "ChatState.stop_answer",
    "ChatState.choose_document",
    "ChatState.add_document",
    "ChatState.rename",
    "ChatState.delete",
    "ChatState.restore",
    "InboxListState.read_mentions",
    "InboxListState.assign_chosen",
    "InboxListState.tag_chosen",
    "InboxListState.snooze_chosen",
    "InboxListState.resolve_chosen",
    "InboxListState.undo_resolve_chosen",
    "InboxListState.read_chosen",
    "CannedState.choose",
    "CannedState.edit",
    "CannedState.save",
    "CannedState.delete",
    "SharingState.make_link",
    "SharingState.revoke",
    "SharingState.send_transcript",
    "InboxState.send_reply",
    "InboxState.send_note",
    "InboxState.take_over",
    "InboxState.hand_back",
    "InboxState.resolve",
    "InboxState.reopen",
    "InboxState.undo_resolve",
    "InboxState.assign",
    "InboxState.snooze",
    "InboxState.add_tag",
    "InboxState.remove_tag",
    "InboxState.mark_unread",
    "IntegrationEditorState.save",
    "IntegrationsState.delete",
    "IntegrationsState.restore",
    "IntegrationsState.send_test",
    "IntegrationsState.switch",
    "DeliveriesState.resend",
    "RuleEditorState.save",
    "RuleEditorState.try_draft",
    "RuleTrialState.try_them",
    "RulesState.delete",
    "RulesState.move",
    "RulesState.restore",
    "RulesState.switch",
    # The person is counted before it is looked whether they may go there.
    "ShellState.go_to_workspace",
}
# These come after another event, or go on for a while.
SEVERAL = {
    "SearchState.choose_audience",
    "SearchState.try_again",
    "HomeState.follow_ingests",
    "ChatState.follow",
    "ChatListState.follow",
    "InboxState.follow",
    "InboxListState.follow",
    "SourcesState.follow",
    "DocumentsState.follow",
    "NotesState.follow",
    "IntegrationsState.follow",
    "DeliveriesState.follow",
    "WebhookLogState.follow",
}


@each([handler for handler in GUARDED if handler.label not in SEVERAL])
async def test_an_event_takes_one_and_another_after_its_work(
    resources: Resources, canaries: Canaries, factory: Factory, tenant: Tenant, handler: Handler
) -> None:
    _, headers = await factory.member(tenant)
    given = MISSING.get(handler.label) or ARGUMENTS.get(handler.label) or handler.arguments(canaries)
    tab = await tab_at(handler.state, headers["cookie"])
    with counted(resources) as sent:
        await fire(tab, handler.name, *given)
    assert len(sent) <= (2 if handler.label in AFTER_WORK else 1)
    assert sent
