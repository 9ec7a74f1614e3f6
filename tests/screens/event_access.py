"""Who may use each event handler, and with which ids of another workspace it is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import reflex as rx
from reflex.state import BaseState

from helpninja_app.accounts.permissions import Permission
from tests.architecture.test_state_surface import our_states
from tests.canaries import Canaries
from tests.screens.event_arguments import ARGUMENTS, NAMING, QUERIES

# Changes only what the tab itself shows, or shows what everybody may see.
TAB = "the tab alone"
# Shows what an invite offers to whoever has its token.
INVITED = "whoever was invited"
# About one's own account.
PERSON = "any person"
# About the workspace that the arguments name.
MEMBER = "any member of the workspace that is named"

# For whose confirmed address is among the settings' operators; members of a workspace are none.
OPERATOR = "whoever runs the installation"

ACCESS: dict[str, str | Permission] = {
    "AccessState.read_address": TAB,
    "AccessState.read_ways": TAB,
    "AccessState.read_session": TAB,
    "AccessState.open_invite": INVITED,
    "SignedInState.forget": TAB,
    # Whoever has no workspace is shown their own address, and led to their account.
    "ShellState.open_shell": PERSON,
    "ShellState.go_to_workspace": MEMBER,
    "ShellState.tell": TAB,
    "ShellState.fade": TAB,
    "TeamState.open_team": Permission.READ_MEMBERS,
    "TeamState.put_link_away": TAB,
    "TeamState.send_invite": Permission.MANAGE_MEMBERS,
    "TeamState.resend_invite": Permission.MANAGE_MEMBERS,
    "TeamState.withdraw_invite": Permission.MANAGE_MEMBERS,
    "TeamState.give_role": Permission.MANAGE_MEMBERS,
    "TeamState.suspend": Permission.MANAGE_MEMBERS,
    "TeamState.remove": Permission.MANAGE_MEMBERS,
    "TeamState.transfer": Permission.DELETE_WORKSPACE,
    "KeysState.open_keys": Permission.MANAGE_KEYS,
    "KeysState.put_key_away": TAB,
    "KeysState.make_key": Permission.MANAGE_KEYS,
    "KeysState.revoke": Permission.MANAGE_KEYS,
    "WebhooksState.open_webhooks": Permission.MANAGE_WORKSPACE,
    "WebhooksState.switch": Permission.MANAGE_WORKSPACE,
    "WebhooksState.delete": Permission.MANAGE_WORKSPACE,
    "WebhookEditorState.begin": Permission.MANAGE_WORKSPACE,
    "WebhookEditorState.edit": Permission.MANAGE_WORKSPACE,
    "WebhookEditorState.save": Permission.MANAGE_WORKSPACE,
    "WebhookEditorState.rotate": Permission.MANAGE_WORKSPACE,
    "WebhookEditorState.close": TAB,
    "WebhookLogState.open_log": Permission.MANAGE_WORKSPACE,
    "WebhookLogState.read_again": Permission.MANAGE_WORKSPACE,
    "WebhookLogState.choose_status": Permission.MANAGE_WORKSPACE,
    "WebhookLogState.show_more": Permission.MANAGE_WORKSPACE,
    "WebhookLogState.look_into": Permission.MANAGE_WORKSPACE,
    "WebhookLogState.send_again": Permission.MANAGE_WORKSPACE,
    "WebhookLogState.send_test": Permission.MANAGE_WORKSPACE,
    "WebhookLogState.follow": Permission.MANAGE_WORKSPACE,
    "WebhookLogState.close": TAB,
    "AccountState.open_account": PERSON,
    "AccountState.rename": PERSON,
    "AccountState.end": PERSON,
    "AccountState.bring_back": PERSON,
    "AccountState.make_workspace": PERSON,
    "TwoFactorState.open_two_factor": PERSON,
    "TwoFactorState.confirm_code": PERSON,
    "TwoFactorState.renew_codes": PERSON,
    "TwoFactorState.keep_codes": TAB,
    "TwoFactorState.put_codes_away": TAB,
    "SettingsState.open_settings": Permission.MANAGE_WORKSPACE,
    "SettingsState.begin_anew": TAB,
    "SettingsState.save": Permission.MANAGE_WORKSPACE,
    "SettingsState.delete_workspace": Permission.DELETE_WORKSPACE,
    "SettingsState.keep_workspace": TAB,
    "SettingsState.note_change": TAB,
    "SettingsState.offer_zone": TAB,
    "SettingsState.choose_zone": TAB,
    "SettingsState.take_own_zone": TAB,
    "SettingsState.try_threshold": TAB,
    "SettingsState.open_day": TAB,
    "SettingsState.add_span": TAB,
    "SettingsState.remove_span": TAB,
    "SettingsState.change_time": TAB,
    "SettingsState.copy_monday": TAB,
    "AuditState.open_audit": Permission.READ_AUDIT,
    "AuditState.choose_kind": Permission.READ_AUDIT,
    "AuditState.choose_person": Permission.READ_AUDIT,
    "AuditState.choose_since": Permission.READ_AUDIT,
    "AuditState.choose_until": Permission.READ_AUDIT,
    "AuditState.turn_page": Permission.READ_AUDIT,
    "BillingState.open_billing": Permission.MANAGE_BILLING,
    "BillingState.follow_payment": Permission.MANAGE_BILLING,
    "BillingState.choose_interval": TAB,
    "BillingState.buy_plan": Permission.MANAGE_BILLING,
    "BillingState.buy_credits": Permission.MANAGE_BILLING,
    "BillingState.open_portal": Permission.MANAGE_BILLING,
    "BillingState.cancel_plan": Permission.MANAGE_BILLING,
    "BillingState.keep_plan": Permission.MANAGE_BILLING,
    "InvoicesState.open_invoices": Permission.MANAGE_BILLING,
    "CreditsState.open_credits": Permission.MANAGE_BILLING,
    "CreditsState.choose_kind": Permission.MANAGE_BILLING,
    "InvoicesState.turn_page": Permission.MANAGE_BILLING,
    "CreditsState.turn_page": Permission.MANAGE_BILLING,
    "OperationsState.open_events": OPERATOR,
    "OperationsState.choose_state": OPERATOR,
    "OperationsState.work_again": OPERATOR,
    "OperationsState.work_on_parked": OPERATOR,
    "OperationsState.turn_page": OPERATOR,
    "ChatListState.open_chats": Permission.USE_CHAT,
    "ChatListState.search_chats": Permission.USE_CHAT,
    "ChatListState.show_more": Permission.USE_CHAT,
    "ChatState.open_chat": Permission.USE_CHAT,
    "ChatListState.follow": Permission.USE_CHAT,
    "ChatState.follow": Permission.USE_CHAT,
    "ChatState.show_earlier": Permission.USE_CHAT,
    "ChatState.stop_answer": Permission.USE_CHAT,
    "ChatState.choose_model": TAB,
    "ChatState.choose_scope": Permission.USE_CHAT,
    "ChatState.choose_document": Permission.USE_CHAT,
    "ChatState.add_document": Permission.USE_CHAT,
    "ChatState.edit": TAB,
    "ChatState.consider_again": TAB,
    "ChatState.rename": Permission.USE_CHAT,
    "ChatState.delete": Permission.USE_CHAT,
    "ChatState.restore": Permission.USE_CHAT,
    "ChatState.close_deleted": TAB,
    "PickerState.open_picker": Permission.USE_CHAT,
    "PickerState.search_documents": Permission.USE_CHAT,
    "ChatState.open_source": Permission.USE_CHAT,
    "ChatState.close_source": TAB,
    "ChatState.ask": Permission.USE_CHAT,
    "ChatState.ask_again": Permission.USE_CHAT,
    "ChatState.ask_edited": Permission.USE_CHAT,
    "InboxListState.open_inbox": Permission.READ_CONVERSATIONS,
    "InboxListState.choose_view": Permission.READ_CONVERSATIONS,
    "InboxListState.choose_order": Permission.READ_CONVERSATIONS,
    "InboxListState.search_conversations": Permission.READ_CONVERSATIONS,
    "InboxListState.choose_status": Permission.READ_CONVERSATIONS,
    "InboxListState.choose_reason": Permission.READ_CONVERSATIONS,
    "InboxListState.choose_assignee": Permission.READ_CONVERSATIONS,
    "InboxListState.choose_site": Permission.READ_CONVERSATIONS,
    "InboxListState.choose_since": Permission.READ_CONVERSATIONS,
    "InboxListState.choose_until": Permission.READ_CONVERSATIONS,
    "InboxListState.clear_filters": Permission.READ_CONVERSATIONS,
    "InboxListState.show_more": Permission.READ_CONVERSATIONS,
    "InboxListState.follow": Permission.READ_CONVERSATIONS,
    "InboxListState.read_mentions": Permission.READ_CONVERSATIONS,
    "InboxListState.read_chosen": Permission.READ_CONVERSATIONS,
    "InboxListState.assign_chosen": Permission.ANSWER_CONVERSATIONS,
    "InboxListState.tag_chosen": Permission.ANSWER_CONVERSATIONS,
    "InboxListState.snooze_chosen": Permission.ANSWER_CONVERSATIONS,
    "InboxListState.resolve_chosen": Permission.ANSWER_CONVERSATIONS,
    "InboxListState.undo_resolve_chosen": Permission.ANSWER_CONVERSATIONS,
    "InboxListState.choose": TAB,
    "InboxListState.choose_all": TAB,
    "InboxListState.choose_none": TAB,
    "InboxListState.begin_tag": TAB,
    "InboxListState.close_tag": TAB,
    "InboxListState.close_done": TAB,
    "CannedState.open_canned": Permission.READ_CONVERSATIONS,
    "CannedState.search_canned": Permission.READ_CONVERSATIONS,
    "CannedState.choose": Permission.ANSWER_CONVERSATIONS,
    "CannedState.close_missing": TAB,
    "CannedState.begin": TAB,
    "CannedState.edit": Permission.ANSWER_CONVERSATIONS,
    "CannedState.close_editor": TAB,
    "CannedState.save": Permission.ANSWER_CONVERSATIONS,
    "CannedState.delete": Permission.ANSWER_CONVERSATIONS,
    "SharingState.open_shares": Permission.READ_CONVERSATIONS,
    "SharingState.close_shares": TAB,
    "SharingState.make_link": Permission.ANSWER_CONVERSATIONS,
    "SharingState.revoke": Permission.ANSWER_CONVERSATIONS,
    "SharingState.begin_mail": TAB,
    "SharingState.close_mail": TAB,
    "SharingState.send_transcript": Permission.ANSWER_CONVERSATIONS,
    "InboxState.open_conversation": Permission.READ_CONVERSATIONS,
    "InboxState.show_earlier": Permission.READ_CONVERSATIONS,
    "InboxState.follow": Permission.READ_CONVERSATIONS,
    "InboxState.mark_unread": Permission.READ_CONVERSATIONS,
    "InboxState.see": Permission.READ_CONVERSATIONS,
    "InboxState.send_reply": Permission.ANSWER_CONVERSATIONS,
    "InboxState.send_note": Permission.ANSWER_CONVERSATIONS,
    "InboxState.take_over": Permission.ANSWER_CONVERSATIONS,
    "InboxState.hand_back": Permission.ANSWER_CONVERSATIONS,
    "InboxState.resolve": Permission.ANSWER_CONVERSATIONS,
    "InboxState.reopen": Permission.ANSWER_CONVERSATIONS,
    "InboxState.undo_resolve": Permission.ANSWER_CONVERSATIONS,
    "InboxState.assign": Permission.ANSWER_CONVERSATIONS,
    "InboxState.snooze": Permission.ANSWER_CONVERSATIONS,
    "InboxState.add_tag": Permission.ANSWER_CONVERSATIONS,
    "InboxState.remove_tag": Permission.ANSWER_CONVERSATIONS,
    "InboxState.show_typing": Permission.ANSWER_CONVERSATIONS,
    "InboxState.close_resolved": TAB,
    # What was read with the conversation.
    "InboxState.show_passage": TAB,
    "IntegrationsState.open_integrations": Permission.READ_CONVERSATIONS,
    "IntegrationsState.follow": Permission.READ_CONVERSATIONS,
    "IntegrationsState.switch": Permission.MANAGE_WORKSPACE,
    "IntegrationsState.send_test": Permission.MANAGE_WORKSPACE,
    "IntegrationsState.delete": Permission.MANAGE_WORKSPACE,
    "IntegrationsState.restore": Permission.MANAGE_WORKSPACE,
    "IntegrationEditorState.begin": Permission.MANAGE_WORKSPACE,
    "IntegrationEditorState.edit": Permission.MANAGE_WORKSPACE,
    "IntegrationEditorState.save": Permission.MANAGE_WORKSPACE,
    "IntegrationEditorState.close": TAB,
    "DeliveriesState.open_deliveries": Permission.READ_CONVERSATIONS,
    "DeliveriesState.choose_status": Permission.READ_CONVERSATIONS,
    "DeliveriesState.turn_page": Permission.READ_CONVERSATIONS,
    "DeliveriesState.follow": Permission.READ_CONVERSATIONS,
    "DeliveriesState.resend": Permission.ANSWER_CONVERSATIONS,
    "RulesState.open_rules": Permission.READ_CONVERSATIONS,
    "RulesState.move": Permission.MANAGE_RULES,
    "RulesState.switch": Permission.MANAGE_RULES,
    "RulesState.delete": Permission.MANAGE_RULES,
    "RulesState.restore": Permission.MANAGE_RULES,
    "RuleEditorState.begin": Permission.MANAGE_RULES,
    "RuleEditorState.edit": Permission.MANAGE_RULES,
    "RuleEditorState.save": Permission.MANAGE_RULES,
    "RuleEditorState.close": TAB,
    "RuleEditorState.choose_action": TAB,
    "RuleEditorState.add_condition": TAB,
    "RuleEditorState.add_group": TAB,
    "RuleEditorState.remove": TAB,
    "RuleEditorState.choose_fact": TAB,
    "RuleEditorState.choose_operator": TAB,
    "RuleEditorState.choose_trial_kind": TAB,
    "RuleEditorState.try_draft": Permission.MANAGE_RULES,
    "RuleTrialState.open_tester": Permission.READ_CONVERSATIONS,
    "RuleTrialState.choose_kind": TAB,
    "RuleTrialState.try_them": Permission.READ_CONVERSATIONS,
    "HomeState.open_page": Permission.READ_CONVERSATIONS,
    "HomeState.follow_ingests": Permission.READ_KNOWLEDGE,
    "SearchState.search": Permission.READ_KNOWLEDGE,
    "SearchState.choose_audience": Permission.READ_KNOWLEDGE,
    "SearchState.try_again": Permission.READ_KNOWLEDGE,
    "DocumentsState.open_documents": Permission.READ_KNOWLEDGE,
    "DocumentsState.filter_documents": Permission.READ_KNOWLEDGE,
    "DocumentsState.turn_page": Permission.READ_KNOWLEDGE,
    "DocumentsState.choose_status": Permission.READ_KNOWLEDGE,
    "DocumentsState.choose_audience": Permission.READ_KNOWLEDGE,
    "DocumentsState.follow": Permission.READ_KNOWLEDGE,
    "DocumentsState.choose": TAB,
    "DocumentsState.choose_all": TAB,
    "DocumentsState.rename": Permission.WRITE_KNOWLEDGE,
    "DocumentsState.change_audience": Permission.WRITE_KNOWLEDGE,
    # One's own; those of others with the permission to write.
    "DocumentsState.read_again": Permission.UPLOAD_DOCUMENTS,
    "DocumentsState.delete": Permission.UPLOAD_DOCUMENTS,
    "DocumentsState.restore": Permission.UPLOAD_DOCUMENTS,
    "KnowledgeState.open_knowledge": Permission.READ_KNOWLEDGE,
    "SourcesState.open_sources": Permission.READ_KNOWLEDGE,
    "SourcesState.turn_page": Permission.READ_KNOWLEDGE,
    "SourcesState.follow": Permission.READ_KNOWLEDGE,
    "SourcesState.read_again": Permission.WRITE_KNOWLEDGE,
    "SourcesState.cancel": Permission.WRITE_KNOWLEDGE,
    "SourcesState.retry": Permission.WRITE_KNOWLEDGE,
    "SourcesState.choose_schedule": Permission.WRITE_KNOWLEDGE,
    "SourcesState.choose_audience": Permission.WRITE_KNOWLEDGE,
    "SourcesState.delete": Permission.WRITE_KNOWLEDGE,
    "SourcesState.restore": Permission.WRITE_KNOWLEDGE,
    "CuratedState.open_curated": Permission.READ_KNOWLEDGE,
    "CuratedState.turn_page": Permission.READ_KNOWLEDGE,
    "CuratedState.move": Permission.WRITE_KNOWLEDGE,
    "CuratedState.switch": Permission.WRITE_KNOWLEDGE,
    "CuratedState.change_audience": Permission.WRITE_KNOWLEDGE,
    "CuratedState.delete": Permission.WRITE_KNOWLEDGE,
    "CuratedState.restore": Permission.WRITE_KNOWLEDGE,
    "NotesState.open_notes": Permission.READ_KNOWLEDGE,
    "NotesState.turn_page": Permission.READ_KNOWLEDGE,
    "NotesState.follow": Permission.READ_KNOWLEDGE,
    "NotesState.change_audience": Permission.WRITE_KNOWLEDGE,
    "NotesState.delete": Permission.WRITE_KNOWLEDGE,
    "CuratedEditorState.begin": Permission.WRITE_KNOWLEDGE,
    "CuratedEditorState.begin_answered": Permission.WRITE_KNOWLEDGE,
    "CuratedEditorState.edit": Permission.WRITE_KNOWLEDGE,
    "CuratedEditorState.choose_audience": TAB,
    "CuratedEditorState.save": Permission.WRITE_KNOWLEDGE,
    "CuratedEditorState.publish": Permission.WRITE_KNOWLEDGE,
    "CuratedEditorState.keep_private": TAB,
    "CuratedEditorState.close": TAB,
    "NoteEditorState.begin": Permission.WRITE_KNOWLEDGE,
    "NoteEditorState.edit": Permission.WRITE_KNOWLEDGE,
    "NoteEditorState.choose_audience": TAB,
    "NoteEditorState.save": Permission.WRITE_KNOWLEDGE,
    "NoteEditorState.publish": Permission.WRITE_KNOWLEDGE,
    "NoteEditorState.keep_private": TAB,
    "NoteEditorState.close": TAB,
    "AddingState.begin": TAB,
    "AddingState.close": TAB,
    "AddingState.choose_audience": TAB,
    "AddingState.preview": Permission.WRITE_KNOWLEDGE,
    "AddingState.choose_reach": Permission.WRITE_KNOWLEDGE,
    "AddingState.add": Permission.WRITE_KNOWLEDGE,
    "DeletedState.open_deleted": Permission.WRITE_KNOWLEDGE,
    "DeletedState.turn_page": Permission.WRITE_KNOWLEDGE,
    "DeletedState.restore": Permission.WRITE_KNOWLEDGE,
    "DeletedState.close": TAB,
    "RunsState.open_runs": Permission.READ_KNOWLEDGE,
    "RunsState.turn_page": Permission.READ_KNOWLEDGE,
    "RunsState.close": TAB,
    "FailedPagesState.open_failed": Permission.READ_KNOWLEDGE,
    "FailedPagesState.turn_page": Permission.READ_KNOWLEDGE,
    "FailedPagesState.close": TAB,
    "PassagesState.open_passages": Permission.READ_KNOWLEDGE,
    "PassagesState.turn_page": Permission.READ_KNOWLEDGE,
    "PassagesState.close": TAB,
    "UndoState.offer": TAB,
    "UndoState.close": TAB,
}


@dataclass(frozen=True, slots=True)
class Handler:
    """An event handler that a websocket can name."""

    state: type[BaseState]
    name: str

    @property
    def label(self) -> str:
        return f"{self.state.__name__}.{self.name}"

    @property
    def access(self) -> str | Permission:
        """Whom it is for; one that is not listed fails a test of its own, and is held to be guarded."""
        return ACCESS.get(self.label, PERSON)

    def arguments(self, found: Canaries) -> tuple[Any, ...]:
        """What it is called with, about what is in a workspace."""
        if self.label in NAMING:
            return NAMING[self.label](found)
        return ARGUMENTS.get(self.label, ())

    def query(self, found: Canaries) -> dict[str, str]:
        return QUERIES[self.label](found) if self.label in QUERIES else {}


# Reflex' own ``setvar`` is a test of its own.
HANDLERS = [
    Handler(state, name)
    for state in our_states()
    for name in sorted(state.event_handlers)
    if name != "setvar" and issubclass(state, rx.State)
]
# What nobody may use without a session.
GUARDED = [handler for handler in HANDLERS if handler.access not in (TAB, INVITED)]
# What nobody may use who is no member of the workspace it is about.
OF_MEMBERS = [handler for handler in GUARDED if handler.access != PERSON]


def each(handlers: list[Handler]) -> pytest.MarkDecorator:
    """A test for each of these handlers, called by its name."""
    return pytest.mark.parametrize("handler", handlers, ids=lambda handler: handler.label)
