"""Who may use each event handler, and with which ids of another workspace it is tried."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import reflex as rx
from reflex.state import BaseState

from helpninja_app.accounts.permissions import Permission
from tests.architecture.test_state_surface import our_states
from tests.canaries import Canaries

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
    "AccessState.open_invite": INVITED,
    "SignedInState.forget": TAB,
    # Whoever has no workspace is shown their own address, and led to their account.
    "ShellState.open_shell": PERSON,
    "ShellState.go_to_workspace": MEMBER,
    "ShellState.tell": TAB,
    "TeamState.open_team": Permission.READ_MEMBERS,
    "TeamState.send_invite": Permission.MANAGE_MEMBERS,
    "TeamState.resend_invite": Permission.MANAGE_MEMBERS,
    "TeamState.withdraw_invite": Permission.MANAGE_MEMBERS,
    "TeamState.give_role": Permission.MANAGE_MEMBERS,
    "TeamState.suspend": Permission.MANAGE_MEMBERS,
    "TeamState.remove": Permission.MANAGE_MEMBERS,
    "TeamState.transfer": Permission.DELETE_WORKSPACE,
    "KeysState.open_keys": Permission.MANAGE_KEYS,
    "KeysState.make_key": Permission.MANAGE_KEYS,
    "KeysState.revoke": Permission.MANAGE_KEYS,
    "AccountState.open_account": PERSON,
    "AccountState.rename": PERSON,
    "AccountState.end": PERSON,
    "AccountState.bring_back": PERSON,
    "AccountState.make_workspace": PERSON,
    "TwoFactorState.open_two_factor": PERSON,
    "TwoFactorState.confirm_code": PERSON,
    "TwoFactorState.renew_codes": PERSON,
    "TwoFactorState.keep_codes": TAB,
    "SettingsState.open_settings": Permission.MANAGE_WORKSPACE,
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
    "CreditsState.turn_page": Permission.MANAGE_BILLING,
    "OperationsState.open_events": OPERATOR,
    "OperationsState.choose_state": OPERATOR,
    "OperationsState.work_again": OPERATOR,
    "OperationsState.work_on_parked": OPERATOR,
    "OperationsState.turn_page": OPERATOR,
    "HomeState.open_page": Permission.READ_CONVERSATIONS,
    "HomeState.follow_ingests": Permission.READ_KNOWLEDGE,
    "SearchState.search": Permission.READ_KNOWLEDGE,
    "SearchState.choose_audience": Permission.READ_KNOWLEDGE,
    "SearchState.try_again": Permission.READ_KNOWLEDGE,
    "DocumentsState.open_documents": Permission.READ_KNOWLEDGE,
    "DocumentsState.filter_documents": Permission.READ_KNOWLEDGE,
    "DocumentsState.turn_page": Permission.READ_KNOWLEDGE,
}

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
    "SearchState.search": (QUESTION,),
    "SearchState.choose_audience": ("members",),
    "DocumentsState.filter_documents": ("boots",),
    "DocumentsState.turn_page": (1,),
}
# What is called with something of a workspace; for everybody else it must be as if that were not there.
NAMING: dict[str, Callable[[Canaries], tuple[Any, ...]]] = {
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
    "SettingsState.save": lambda found: (SETTINGS | {"slug": found.tenant.workspace.slug},),
    "SettingsState.delete_workspace": lambda found: ({"confirm": found.tenant.workspace.slug},),
}
# What is called instead with nothing that is there, so that whoever may do it changes nothing.
NOTHING = str(uuid.uuid4())
MISSING: dict[str, tuple[Any, ...]] = {
    "TeamState.resend_invite": (NOTHING,),
    "TeamState.withdraw_invite": (NOTHING,),
    "TeamState.give_role": (NOTHING, "viewer"),
    "TeamState.suspend": (NOTHING, True),
    "TeamState.remove": (NOTHING,),
    "TeamState.transfer": (NOTHING,),
    "KeysState.revoke": (NOTHING,),
    "SettingsState.save": ({"threshold": "2"},),
    "SettingsState.delete_workspace": ({"confirm": "x"},),
}
# What a page's address holds.
QUERIES: dict[str, Callable[[Canaries], dict[str, str]]] = {
    "AccessState.open_invite": lambda found: {"token": found.id_in("invite_hashes", "token_hash")},
    "TwoFactorState.open_two_factor": lambda _: {"two-factor": "begin"},
}
# What comes before, or there would be nothing to do.
BEFORE: dict[str, tuple[str, tuple[Any, ...]]] = {
    "SearchState.choose_audience": ("search", (QUESTION,)),
    "SearchState.try_again": ("search", (QUESTION,)),
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
