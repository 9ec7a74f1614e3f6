"""Every page there is, in one list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from helpninja_app.screens.access.page import (
    code_page,
    forgot_page,
    invite_page,
    recovery_page,
    reset_page,
    sign_in_page,
    sign_up_page,
    verify_page,
)
from helpninja_app.screens.access.state import AccessState
from helpninja_app.screens.account import state as account
from helpninja_app.screens.account.page import account_page
from helpninja_app.screens.account.two_factor_state import TwoFactorState
from helpninja_app.screens.api_keys import state as api_keys
from helpninja_app.screens.api_keys.page import OPENING as API_KEYS
from helpninja_app.screens.api_keys.page import api_keys_page
from helpninja_app.screens.audit_log import state as audit
from helpninja_app.screens.audit_log.page import audit_page
from helpninja_app.screens.billing import state as billing
from helpninja_app.screens.billing.credits_state import CreditsState
from helpninja_app.screens.billing.invoices_state import InvoicesState
from helpninja_app.screens.billing.page import billing_page
from helpninja_app.screens.chat import managing_state as chat
from helpninja_app.screens.chat.list_state import ChatListState
from helpninja_app.screens.chat.page import chat_page
from helpninja_app.screens.chat.state import ChatState
from helpninja_app.screens.escalation import integrations_state as escalation
from helpninja_app.screens.escalation.page import OPENING as ESCALATION
from helpninja_app.screens.escalation.page import escalation_page
from helpninja_app.screens.gallery.page import gallery_page
from helpninja_app.screens.home.page import home_page
from helpninja_app.screens.home.state import PATH, HomeState
from helpninja_app.screens.inbox import list_state as inbox
from helpninja_app.screens.inbox.page import inbox_page
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.knowledge import state as knowledge
from helpninja_app.screens.knowledge.page import OPENING as KNOWLEDGE
from helpninja_app.screens.knowledge.page import knowledge_page
from helpninja_app.screens.landing.page import landing_page
from helpninja_app.screens.not_found.page import not_found_page
from helpninja_app.screens.operations import state as operations
from helpninja_app.screens.operations.page import operations_page
from helpninja_app.screens.pricing.page import pricing_page
from helpninja_app.screens.session import SignedInState
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.screens.team import state as team
from helpninja_app.screens.team.page import team_page
from helpninja_app.screens.workspace_settings import state as settings
from helpninja_app.screens.workspace_settings.page import settings_page
from helpninja_app.ui.public import PRICING


@dataclass(frozen=True, slots=True)
class Screen:
    """A page: its route, what draws it, and what search engines and tabs show."""

    route: str
    page: Callable[[], rx.Component]
    title: str
    description: str
    on_load: Any = None


# Below these there is nothing in production.
DEVELOPMENT_ONLY = ("/dev",)

SCREENS = (
    Screen(
        "/",
        landing_page,
        "HelpNinja: support that answers from your own pages",
        "Paste one line into your website. HelpNinja answers visitors from your own pages and documents, "
        "shows where each answer comes from, and hands over to a person when it is not sure.",
    ),
    Screen(
        PRICING,
        pricing_page,
        "Pricing · HelpNinja",
        "What HelpNinja costs a month or a year, and what each plan includes.",
    ),
    Screen(
        "/sign-in",
        sign_in_page,
        "Sign in to HelpNinja",
        "Sign in to your HelpNinja workspace.",
        # Whoever signs in here must not be shown what this tab knew of somebody else.
        on_load=[
            SignedInState.forget,
            AccessState.read_address,
            AccessState.read_ways,
            AccessState.read_session,
        ],
    ),
    Screen(
        "/sign-in/code",
        code_page,
        "Sign in to HelpNinja",
        "The code of your authenticator app.",
        on_load=[SignedInState.forget, AccessState.read_address],
    ),
    Screen(
        "/sign-in/recovery",
        recovery_page,
        "Sign in to HelpNinja",
        "A recovery code, for a lost phone.",
        on_load=[SignedInState.forget, AccessState.read_address],
    ),
    Screen(
        "/sign-up",
        sign_up_page,
        "Make a HelpNinja account",
        "A support agent that answers from your own pages, in a minute.",
        on_load=[
            SignedInState.forget,
            AccessState.read_address,
            AccessState.read_ways,
            AccessState.read_session,
        ],
    ),
    Screen(
        "/forgot",
        forgot_page,
        "Choose a new password · HelpNinja",
        "Ask for a link to choose a new password.",
        on_load=AccessState.read_address,
    ),
    Screen(
        "/reset",
        reset_page,
        "Choose a new password · HelpNinja",
        "Choose a new password by the link that was mailed to you.",
        on_load=AccessState.read_address,
    ),
    Screen(
        "/verify",
        verify_page,
        "Confirm your address · HelpNinja",
        "Confirm the address of your HelpNinja account.",
        on_load=AccessState.read_address,
    ),
    Screen(
        "/invite",
        invite_page,
        "Join a workspace · HelpNinja",
        "Accept an invite to a HelpNinja workspace.",
        on_load=[SignedInState.forget, AccessState.read_address, AccessState.open_invite],
    ),
    Screen(
        PATH,
        home_page,
        "Home · HelpNinja",
        "Your workspace: what the assistant knows, what it would find, and who talked to it.",
        on_load=[ShellState.open_shell, HomeState.open_page],
    ),
    Screen(
        inbox.PATH,
        inbox_page,
        "Inbox · HelpNinja",
        "The conversations of your visitors.",
        on_load=[ShellState.open_shell, inbox.InboxListState.open_inbox, InboxState.open_conversation],
    ),
    Screen(
        knowledge.PATH,
        knowledge_page,
        "Knowledge · HelpNinja",
        "What the assistant answers from.",
        on_load=[
            ShellState.open_shell,
            *KNOWLEDGE,
        ],
    ),
    Screen(
        escalation.PATH,
        escalation_page,
        "Escalation · HelpNinja",
        "Who hears that a visitor needs a person, and when.",
        on_load=[ShellState.open_shell, *ESCALATION],
    ),
    Screen(
        chat.PATH,
        chat_page,
        "Chat · HelpNinja",
        "Your private assistant.",
        on_load=[ShellState.open_shell, ChatState.open_chat, ChatListState.open_chats],
    ),
    Screen(
        team.PATH,
        team_page,
        "Team · HelpNinja",
        "Who works in this workspace.",
        on_load=[ShellState.open_shell, team.TeamState.open_team],
    ),
    Screen(
        api_keys.PATH,
        api_keys_page,
        "API keys & webhooks · HelpNinja",
        "Keys for programs, and what your servers are told.",
        on_load=[
            ShellState.open_shell,
            *API_KEYS,
        ],
    ),
    Screen(
        settings.PATH,
        settings_page,
        "Settings · HelpNinja",
        "The settings of your workspace.",
        on_load=[ShellState.open_shell, settings.SettingsState.open_settings],
    ),
    Screen(
        audit.PATH,
        audit_page,
        "Audit log · HelpNinja",
        "Who changed what.",
        on_load=[ShellState.open_shell, audit.AuditState.open_audit],
    ),
    Screen(
        billing.PATH,
        billing_page,
        "Billing · HelpNinja",
        "The plan, what is used of it, and invoices.",
        on_load=[
            ShellState.open_shell,
            billing.BillingState.open_billing,
            InvoicesState.open_invoices,
            CreditsState.open_credits,
        ],
    ),
    Screen(
        operations.PATH,
        operations_page,
        "Operations · HelpNinja",
        "For those who run this installation.",
        on_load=[ShellState.open_shell, operations.OperationsState.open_events],
    ),
    Screen(
        account.PATH,
        account_page,
        "Account · HelpNinja",
        "Your name, your password and your devices.",
        on_load=[
            ShellState.open_shell,
            account.AccountState.open_account,
            TwoFactorState.open_two_factor,
        ],
    ),
    Screen(
        "/dev/gallery",
        gallery_page,
        "The design system · HelpNinja",
        "Every component in every state, light and dark.",
    ),
    Screen("404", not_found_page, "Page not found", "There is no page at this address."),
)
