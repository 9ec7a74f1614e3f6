"""Every public method of a state is open to anyone with a websocket, so each one is listed here."""

from __future__ import annotations

import pytest
import reflex as rx
from reflex.state import BaseState
from reflex_base.config import get_config
from reflex_base.constants import StateManagerMode

from helpninja_app.screens import registry

REACHABLE = {
    "AccessState": {"read_address", "read_ways", "read_session", "open_invite"},
    "LandingState": set[str](),
    "SignedInState": {"forget"},
    "ShellState": {"open_shell", "go_to_workspace", "tell", "fade"},
    "TeamState": {
        "open_team",
        "put_link_away",
        "send_invite",
        "resend_invite",
        "withdraw_invite",
        "give_role",
        "suspend",
        "remove",
        "transfer",
    },
    "KeysState": {"open_keys", "put_key_away", "make_key", "revoke"},
    "WebhooksState": {"open_webhooks", "switch", "delete"},
    "WebhookEditorState": {"begin", "edit", "save", "rotate", "close"},
    "WebhookLogState": {
        "open_log",
        "read_again",
        "choose_status",
        "show_more",
        "look_into",
        "send_again",
        "send_test",
        "follow",
        "close",
    },
    "AccountState": {"open_account", "rename", "end", "bring_back", "make_workspace"},
    "TwoFactorState": {"open_two_factor", "confirm_code", "renew_codes", "keep_codes", "put_codes_away"},
    "SettingsState": {
        "open_settings",
        "begin_anew",
        "save",
        "delete_workspace",
        "keep_workspace",
        "note_change",
        "offer_zone",
        "choose_zone",
        "take_own_zone",
        "try_threshold",
        "open_day",
        "add_span",
        "remove_span",
        "change_time",
        "copy_monday",
    },
    "AuditState": {
        "open_audit",
        "choose_kind",
        "choose_person",
        "choose_since",
        "choose_until",
        "turn_page",
    },
    "BillingState": {
        "open_billing",
        "follow_payment",
        "choose_interval",
        "buy_plan",
        "buy_credits",
        "open_portal",
        "cancel_plan",
        "keep_plan",
    },
    "InvoicesState": {"open_invoices", "turn_page"},
    "CreditsState": {"open_credits", "choose_kind", "turn_page"},
    "OperationsState": {"open_events", "choose_state", "work_again", "work_on_parked", "turn_page"},
    "ChatListState": {"open_chats", "search_chats", "show_more", "follow"},
    "ChatState": {
        "open_chat",
        "show_earlier",
        "follow",
        "stop_answer",
        "choose_model",
        "choose_scope",
        "choose_document",
        "add_document",
        "open_source",
        "close_source",
        "edit",
        "consider_again",
        "ask",
        "ask_again",
        "ask_edited",
        "rename",
        "delete",
        "restore",
        "close_deleted",
    },
    "InboxListState": {
        "open_inbox",
        "choose_view",
        "choose_order",
        "choose",
        "choose_all",
        "choose_none",
        "begin_tag",
        "close_tag",
        "close_done",
        "assign_chosen",
        "tag_chosen",
        "snooze_chosen",
        "resolve_chosen",
        "undo_resolve_chosen",
        "read_chosen",
        "search_conversations",
        "choose_status",
        "choose_reason",
        "choose_assignee",
        "choose_site",
        "choose_since",
        "choose_until",
        "clear_filters",
        "show_more",
        "follow",
        "read_mentions",
    },
    "CannedState": {
        "open_canned",
        "search_canned",
        "choose",
        "close_missing",
        "begin",
        "edit",
        "close_editor",
        "save",
        "delete",
    },
    "SharingState": {
        "open_shares",
        "close_shares",
        "make_link",
        "revoke",
        "begin_mail",
        "close_mail",
        "send_transcript",
    },
    "InboxState": {
        "open_conversation",
        "show_earlier",
        "show_passage",
        "follow",
        "send_reply",
        "send_note",
        "take_over",
        "hand_back",
        "resolve",
        "reopen",
        "undo_resolve",
        "close_resolved",
        "assign",
        "snooze",
        "add_tag",
        "remove_tag",
        "mark_unread",
        "see",
        "show_typing",
    },
    "IntegrationsState": {"open_integrations", "follow", "switch", "send_test", "delete", "restore"},
    "IntegrationEditorState": {"begin", "edit", "save", "close"},
    "DeliveriesState": {"open_deliveries", "choose_status", "turn_page", "follow", "resend"},
    "RulesState": {"open_rules", "move", "switch", "delete", "restore"},
    "RuleEditorState": {
        "begin",
        "edit",
        "save",
        "close",
        "choose_action",
        "add_condition",
        "add_group",
        "remove",
        "choose_fact",
        "choose_operator",
        "choose_trial_kind",
        "try_draft",
    },
    "RuleTrialState": {"open_tester", "choose_kind", "try_them"},
    "PickerState": {"open_picker", "search_documents"},
    "PricingState": set[str](),
    "HomeState": {"open_page", "follow_ingests"},
    "SearchState": {"search", "choose_audience", "try_again"},
    "KnowledgeState": {"open_knowledge"},
    "UndoState": {"offer", "close"},
    "SourcesState": {
        "open_sources",
        "turn_page",
        "follow",
        "read_again",
        "cancel",
        "retry",
        "choose_schedule",
        "choose_audience",
        "delete",
        "restore",
    },
    "CuratedState": {
        "open_curated",
        "turn_page",
        "move",
        "switch",
        "change_audience",
        "delete",
        "restore",
    },
    "CuratedEditorState": {
        "begin",
        "begin_answered",
        "edit",
        "choose_audience",
        "save",
        "publish",
        "keep_private",
        "close",
    },
    "NotesState": {"open_notes", "turn_page", "follow", "change_audience", "delete"},
    "NoteEditorState": {"begin", "edit", "choose_audience", "save", "publish", "keep_private", "close"},
    "AddingState": {"begin", "close", "choose_audience", "choose_reach", "preview", "add"},
    "DeletedState": {"open_deleted", "close", "restore", "turn_page"},
    "RunsState": {"open_runs", "close", "turn_page"},
    "FailedPagesState": {"open_failed", "close", "turn_page"},
    "PassagesState": {"open_passages", "close", "turn_page"},
    "DocumentsState": {
        "open_documents",
        "filter_documents",
        "choose_status",
        "choose_audience",
        "choose",
        "choose_all",
        "turn_page",
        "follow",
        "rename",
        "change_audience",
        "read_again",
        "delete",
        "restore",
    },
}


def our_states() -> list[type[BaseState]]:
    found: list[type[BaseState]] = []
    waiting = list(rx.State.get_substates())
    while waiting:
        state = waiting.pop()
        waiting += state.get_substates()
        if state.__module__.startswith("helpninja_app."):
            found.append(state)
    return sorted(found, key=lambda state: state.__name__)


def test_there_are_states_to_look_at() -> None:
    assert registry.SCREENS
    assert our_states()


@pytest.mark.parametrize("state", our_states(), ids=lambda state: state.__name__)
def test_only_listed_methods_can_be_called_from_outside(state: type[BaseState]) -> None:
    own = {name for name in vars(state) if not name.startswith("_")}
    assert (set(state.event_handlers) & own) - {"setvar"} == REACHABLE.get(state.__name__, set())


@pytest.mark.parametrize("state", our_states(), ids=lambda state: state.__name__)
def test_setvar_finds_nothing_to_set(state: type[BaseState]) -> None:
    """Reflex' ``setvar``, open to everybody, calls any method whose name begins with ``set_``."""
    assert not [name for name in vars(state) if name.startswith("set_")]


def test_no_setters_are_made_by_themselves() -> None:
    assert get_config().state_auto_setters is False


def test_no_state_is_written_to_disk() -> None:
    """A tab's state holds the cookie of its websocket, and Reflex' default keeps it in files."""
    assert get_config().state_manager_mode is not StateManagerMode.DISK
