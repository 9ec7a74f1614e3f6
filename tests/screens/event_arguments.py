"""What each event handler is called with, and what comes before."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from tests.canaries import Canaries

QUESTION: dict[str, Any] = {"question": "Can unworn boots be returned within sixty days?"}
FORM: dict[str, Any] = {"name": "x", "email": "", "role": "viewer", "knowledge:read": "yes"}
SETTINGS: dict[str, Any] = {"name": "x", "voice": "friendly", "threshold": "0.5", "time_zone": "UTC"}
CODE: dict[str, Any] = {"code": "123456"}
# What a handler is called with; one that takes nothing is not here.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "ShellState.tell": ("Saved.", "success"),
    "TeamState.send_invite": (FORM,),
    "KeysState.make_key": (FORM,),
    "AccountState.rename": (FORM,),
    "AccountState.make_workspace": (FORM,),
    "TwoFactorState.confirm_code": (CODE,),
    "TwoFactorState.renew_codes": (CODE,),
    "TwoFactorState.keep_codes": ({"stored": "yes"},),
    "SettingsState.offer_zone": ("Europe/Berlin",),
    "SettingsState.choose_zone": ("Europe/Berlin",),
    "SettingsState.try_threshold": ("0.7",),
    "SettingsState.open_day": ("mon", True),
    "SettingsState.add_span": ("mon",),
    "SettingsState.remove_span": ("mon", 0),
    "SettingsState.change_time": ("mon", 0, "start", "09:00"),
    "AuditState.choose_kind": ("member",),
    "AuditState.choose_person": ("canary",),
    "AuditState.choose_since": ("2020-01-01",),
    "AuditState.choose_until": ("2100-01-01",),
    "AuditState.turn_page": (1,),
    "BillingState.choose_interval": ("year",),
    "BillingState.buy_plan": ("pro", "month"),
    "BillingState.buy_credits": (1000,),
    "CreditsState.choose_kind": ("all",),
    "CreditsState.turn_page": (1,),
    "OperationsState.choose_state": ("parked",),
    "OperationsState.turn_page": (1,),
    "ChatListState.search_chats": ("boots",),
    "ChatState.choose_model": ("offline",),
    "ChatState.choose_scope": ("none",),
    "ChatState.edit": ("no-question",),
    "ChatState.rename": ({"title": "Boots"},),
    "ChatState.ask_edited": ({"edited": "Can unworn boots be returned?"},),
    "PickerState.search_documents": ("boots",),
    "ChatState.ask": (QUESTION,),
    "ChatState.ask_again": ("no-question",),
    "SearchState.search": (QUESTION,),
    "SearchState.choose_audience": ("members",),
    "DocumentsState.filter_documents": ("boots",),
    "DocumentsState.turn_page": (1,),
    "DocumentsState.choose_status": ("completed",),
    "DocumentsState.choose_audience": ("visitors",),
    "DocumentsState.choose": ("x",),
    "SourcesState.turn_page": (1,),
    # Refused for what it is, so that no test goes out into the network or stores anything.
    "AddingState.preview": ({"address": "no address"},),
    "AddingState.add": ("no address", "visitors"),
    "AddingState.choose_audience": ("members",),
    "CuratedState.turn_page": (1,),
    "CuratedEditorState.begin": ("x",),
    "CuratedEditorState.begin_answered": ("x", "y"),
    "InboxListState.choose_view": ("bot",),
    "InboxListState.search_conversations": ("canary",),
    "InboxListState.choose_reason": ("low_confidence",),
    "InboxListState.choose_site": ("a.example",),
    "InboxListState.choose_since": ("2020-01-01",),
    "InboxListState.choose_until": ("2100-01-02",),
    "CannedState.search_canned": ("canary",),
    # Refused for what it lacks, so that no test stores anything.
    "CannedState.save": ({"name": "x"},),
    "SharingState.make_link": ({"days": "7"},),
    "InboxState.snooze": ("hour",),
    "InboxState.add_tag": ({"tag": "boots"},),
    "InboxState.remove_tag": ("boots",),
    "CuratedEditorState.choose_audience": ("visitors",),
    # Refused for what they lack, so that no test stores anything.
    "CuratedEditorState.save": ({"question": "x"},),
    "NotesState.turn_page": (1,),
    "NoteEditorState.choose_audience": ("visitors",),
    "NoteEditorState.save": ({"title": "x"},),
    "FailedPagesState.turn_page": (1,),
    "RunsState.turn_page": (1,),
    "PassagesState.turn_page": (1,),
    "UndoState.offer": ("Deleted.", "source", ["x"]),
}
# What is called with something of a workspace; for everybody else it must be as if that were not there.


def _said(conversation: str) -> dict[str, Any]:
    return {"conversation": conversation, "text": "Boots.", "client_id": str(uuid.uuid4())}


def _mailed(conversation: str) -> dict[str, Any]:
    return {"conversation": conversation, "email": "ana@example.com"}


NAMING: dict[str, Callable[[Canaries], tuple[Any, ...]]] = {
    "ChatState.open_source": lambda found: (found.id_in("chat_messages"), "1"),
    "ChatState.choose_document": lambda found: (found.id_in("documents"),),
    "ChatState.add_document": lambda found: ({"document": found.id_in("documents")},),
    "InboxListState.choose_assignee": lambda found: (str(found.owner_id),),
    "InboxState.send_reply": lambda found: (_said(found.id_in("conversations")),),
    "InboxState.send_note": lambda found: (_said(found.id_in("conversations")),),
    "InboxState.assign": lambda found: (str(found.owner_id),),
    "CannedState.choose": lambda found: (found.id_in("canned_replies"), found.id_in("conversations")),
    "CannedState.edit": lambda found: (found.id_in("canned_replies"),),
    "CannedState.delete": lambda found: (found.id_in("canned_replies"),),
    "SharingState.open_shares": lambda found: (found.id_in("conversations"),),
    "SharingState.revoke": lambda found: (found.id_in("conversation_shares"),),
    "SharingState.send_transcript": lambda found: (_mailed(found.id_in("conversations")),),
    "ShellState.go_to_workspace": lambda found: (str(found.tenant.id),),
    "TeamState.resend_invite": lambda found: (found.id_in("invites"),),
    "TeamState.withdraw_invite": lambda found: (found.id_in("invites"),),
    "TeamState.give_role": lambda found: (str(found.owner_id), "viewer"),
    "TeamState.suspend": lambda found: (str(found.owner_id), True),
    "TeamState.remove": lambda found: (str(found.owner_id),),
    "TeamState.transfer": lambda found: (str(found.owner_id),),
    "KeysState.revoke": lambda found: (found.id_in("api_keys"),),
    "AccountState.end": lambda found: (found.id_in("sessions"),),
    "AccountState.bring_back": lambda found: (str(found.tenant.id),),
    "OperationsState.work_again": lambda found: (found.id_in("stripe_events"),),
    "DocumentsState.rename": lambda found: ({"id": found.id_in("documents"), "title": "x"},),
    "DocumentsState.change_audience": lambda found: ([found.id_in("documents")], "visitors"),
    "DocumentsState.read_again": lambda found: (found.id_in("documents"),),
    "DocumentsState.delete": lambda found: ([found.id_in("documents")],),
    "DocumentsState.restore": lambda found: ([found.id_in("deleted_documents")],),
    "SourcesState.read_again": lambda found: (found.id_in("sources"),),
    "SourcesState.cancel": lambda found: (found.id_in("ingest_jobs"),),
    "SourcesState.retry": lambda found: (found.id_in("ingest_jobs"),),
    "SourcesState.choose_schedule": lambda found: (found.id_in("sources"), "off"),
    "SourcesState.choose_audience": lambda found: (found.id_in("sources"), "visitors"),
    "SourcesState.delete": lambda found: (found.id_in("sources"),),
    "SourcesState.restore": lambda found: (found.id_in("sources"),),
    "CuratedState.move": lambda found: (found.id_in("curated_answers"), 1),
    "CuratedState.switch": lambda found: (found.id_in("curated_answers"), False),
    "CuratedState.change_audience": lambda found: (found.id_in("curated_answers"), "visitors"),
    "CuratedState.delete": lambda found: (found.id_in("curated_answers"),),
    "CuratedState.restore": lambda found: (found.id_in("curated_answers"),),
    "CuratedEditorState.edit": lambda found: (found.id_in("curated_answers"),),
    "NotesState.change_audience": lambda found: (found.id_in("documents"), "visitors"),
    "NotesState.delete": lambda found: (found.id_in("documents"),),
    "NoteEditorState.edit": lambda found: (found.id_in("documents"),),
    "RunsState.open_runs": lambda found: (found.id_in("sources"),),
    "FailedPagesState.open_failed": lambda found: (found.id_in("ingest_jobs"),),
    "PassagesState.open_passages": lambda found: (found.id_in("documents"),),
    "SettingsState.save": lambda found: (SETTINGS | {"slug": found.tenant.workspace.slug},),
    "SettingsState.delete_workspace": lambda found: ({"confirm": found.tenant.workspace.slug},),
}
# What is called instead with nothing that is there, so that whoever may do it changes nothing.
NOTHING = str(uuid.uuid4())
MISSING: dict[str, tuple[Any, ...]] = {
    "InboxState.send_reply": (_said(NOTHING),),
    "InboxState.send_note": (_said(NOTHING),),
    "CannedState.choose": (NOTHING, NOTHING),
    "CannedState.edit": (NOTHING,),
    "CannedState.delete": (NOTHING,),
    "SharingState.open_shares": (NOTHING,),
    "SharingState.revoke": (NOTHING,),
    "SharingState.send_transcript": (_mailed(NOTHING),),
    "ChatState.open_source": (NOTHING, "1"),
    "ChatState.choose_document": (NOTHING,),
    "ChatState.add_document": ({"document": NOTHING},),
    "TeamState.resend_invite": (NOTHING,),
    "TeamState.withdraw_invite": (NOTHING,),
    "TeamState.give_role": (NOTHING, "viewer"),
    "TeamState.suspend": (NOTHING, True),
    "TeamState.remove": (NOTHING,),
    "TeamState.transfer": (NOTHING,),
    "KeysState.revoke": (NOTHING,),
    "DocumentsState.rename": ({"id": NOTHING, "title": "x"},),
    "DocumentsState.change_audience": ([NOTHING], "visitors"),
    "DocumentsState.read_again": (NOTHING,),
    "DocumentsState.delete": ([NOTHING],),
    "DocumentsState.restore": ([NOTHING],),
    "SourcesState.read_again": (NOTHING,),
    "SourcesState.cancel": (NOTHING,),
    "SourcesState.retry": (NOTHING,),
    "SourcesState.choose_schedule": (NOTHING, "off"),
    "SourcesState.choose_audience": (NOTHING, "visitors"),
    "SourcesState.delete": (NOTHING,),
    "SourcesState.restore": (NOTHING,),
    "CuratedState.move": (NOTHING, 1),
    "CuratedState.switch": (NOTHING, False),
    "CuratedState.change_audience": (NOTHING, "visitors"),
    "CuratedState.delete": (NOTHING,),
    "CuratedState.restore": (NOTHING,),
    "NotesState.change_audience": (NOTHING, "visitors"),
    "NotesState.delete": (NOTHING,),
    "SettingsState.save": ({"threshold": "2"},),
    "SettingsState.delete_workspace": ({"confirm": "x"},),
}
# What a page's address holds.
QUERIES: dict[str, Callable[[Canaries], dict[str, str]]] = {
    "InboxState.open_conversation": lambda found: {"conversation": found.id_in("conversations")},
    "ChatState.open_chat": lambda found: {"chat": found.id_in("chats")},
    "AccessState.open_invite": lambda found: {"token": found.id_in("invite_hashes", "token_hash")},
    "TwoFactorState.open_two_factor": lambda _: {"two-factor": "begin"},
}
# What comes before, or there would be nothing to do.
BEFORE: dict[str, tuple[str, tuple[Any, ...]]] = {
    "SearchState.choose_audience": ("search", (QUESTION,)),
    "SearchState.try_again": ("search", (QUESTION,)),
}
