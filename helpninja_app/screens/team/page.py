"""How the team looks: invite somebody, the members, and the invites that nobody has accepted yet."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.accounts.models import Role
from helpninja_app.screens.shell.frame import dashboard
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.screens.team.state import MEMBERS, PATH, InviteRow, MemberRow, TeamState
from helpninja_app.ui.actions import button
from helpninja_app.ui.avatars import avatar
from helpninja_app.ui.badges import badge
from helpninja_app.ui.code import copied_line
from helpninja_app.ui.dialogs import confirm, opens
from helpninja_app.ui.forms import field, select_box
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, failed_state, page_header, section, skeleton_rows

# Reflex' types do not know what the decorated handlers can do.
_state: Any = TeamState

_ROW = "flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-border px-4 py-3 last:border-b-0"
# On a phone the name has a line of its own, and what can be done stands below it.
_NAME = "min-w-0 flex-1 basis-48"
_CONTROLS = "ml-auto flex flex-wrap items-center justify-end gap-x-2 gap-y-1"


def team_page() -> rx.Component:
    return dashboard(
        page_header("Team", "Who works in this workspace, and what each of them may do."),
        rx.cond(TeamState.failure != "", card(failed_state(TeamState.failure, retry=TeamState.open_team))),
        rx.cond(TeamState.problem != "", notice(TeamState.problem, tone="danger")),
        rx.cond(TeamState.may_manage, _invite()),
        section(
            "Members",
            card(
                rx.cond(
                    TeamState.is_loaded,
                    rx.el.ul(rx.foreach(TeamState.members, _member)),
                    skeleton_rows(3),
                )
            ),
            heading_id=MEMBERS,
        ),
        rx.cond(
            TeamState.invites.length() > 0,
            section("Invited", card(rx.el.ul(rx.foreach(TeamState.invites, _invited)))),
        ),
        path=PATH,
    )


def _invite() -> rx.Component:
    return section(
        "Invite somebody",
        card(
            rx.el.form(
                rx.el.div(
                    field(
                        "E-mail address",
                        name="email",
                        type="email",
                        max_length=320,
                        auto_complete="off",
                        hint="Leave it empty for a link that you pass on yourself.",
                    ),
                    class_name="min-w-0 flex-1",
                ),
                rx.el.div(
                    rx.el.label("Role", html_for="role", class_name="text-table font-medium"),
                    rx.el.select(
                        rx.foreach(TeamState.grantable, _role_option),
                        id="role",
                        name="role",
                        default_value="agent",
                        class_name="h-10 rounded-control border border-border-strong bg-bg px-3 text-body",
                    ),
                    class_name="flex flex-col gap-1.5",
                ),
                rx.el.div(
                    button("Invite", type="submit", emphasis="primary", size="large"),
                    class_name="flex tablet:pt-6",
                ),
                on_submit=_state.send_invite,
                reset_on_submit=True,
                class_name="flex flex-col gap-4 p-4 tablet:flex-row tablet:items-start",
            )
        ),
        rx.cond(
            TeamState.link != "",
            rx.el.div(
                copied_line(TeamState.link, label="The link of the invite", note="Copied."),
                rx.el.p(TeamState.link_note, role="status", class_name="text-small text-muted"),
                class_name="flex flex-col gap-2",
            ),
        ),
        note="the link counts once, and for seven days",
        id="invite",
    )


def _member(member: MemberRow) -> rx.Component:
    return rx.el.li(
        avatar(rx.cond(member.name != "", member.name, member.email)),
        rx.el.div(
            rx.el.p(
                rx.cond(member.name != "", member.name, member.email),
                rx.cond(member.is_me, rx.el.span(" (you)", class_name="text-muted")),
                class_name="truncate text-table font-medium",
            ),
            rx.cond(
                member.name != "",
                rx.el.p(member.email, class_name="truncate text-small text-muted"),
            ),
            class_name=_NAME,
        ),
        rx.el.div(
            rx.cond(member.is_suspended, badge("Suspended", "warning")),
            rx.cond(
                member.can_change,
                rx.el.div(
                    select_box(
                        f"Role of {member.email}",
                        rx.foreach(TeamState.grantable, _role_option),
                        value=member.role,
                        on_change=lambda role: _state.give_role(member.id, role),
                    ),
                    class_name="w-28",
                ),
                badge(_in_words(member.role), "neutral"),
            ),
            rx.cond(
                member.can_change,
                button(
                    rx.cond(member.is_suspended, "Let in", "Suspend"),
                    type="button",
                    emphasis="quiet",
                    on_click=_state.suspend(member.id, ~member.is_suspended),
                ),
            ),
            rx.cond(member.can_change | member.is_me, _removal(member)),
            class_name=_CONTROLS,
        ),
        class_name=_ROW,
    )


def _removal(member: MemberRow) -> rx.Component:
    dialog = f"remove-{member.id}"
    return rx.fragment(
        button(rx.cond(member.is_me, "Leave", "Remove"), type="button", emphasis="quiet", **opens(dialog)),
        confirm(
            id=dialog,
            title=rx.cond(
                member.is_me,
                f"Leave {ShellState.workspace_name}?",
                f"Remove {member.email} from {ShellState.workspace_name}?",
            ),
            consequence=rx.cond(
                member.is_me,
                "You see nothing of it any more, until somebody invites you again.",
                "They lose access at once. What they wrote stays, and you can invite them again.",
            ),
            act=rx.cond(member.is_me, "Leave", "Remove"),
            keep="Cancel",
            on_confirm=_state.remove(member.id),
        ),
    )


def _invited(invite: InviteRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(invite.email, class_name="truncate text-table font-medium"),
            rx.el.p("invited ", invite.when, class_name="text-small text-muted"),
            class_name=_NAME,
        ),
        rx.el.div(
            badge(_in_words(invite.role), "neutral"),
            button("Send again", type="button", emphasis="quiet", on_click=_state.resend_invite(invite.id)),
            button("Withdraw", type="button", emphasis="quiet", **opens(f"withdraw-{invite.id}")),
            confirm(
                id=f"withdraw-{invite.id}",
                title=f"Withdraw the invite of {invite.email}?",
                consequence="The link in it stops working at once.",
                act="Withdraw",
                on_confirm=_state.withdraw_invite(invite.id),
            ),
            class_name=_CONTROLS,
        ),
        class_name=_ROW,
    )


def _role_option(role: rx.Var[str]) -> rx.Component:
    return rx.el.option(_in_words(role), value=role)


def _in_words(role: Any) -> Any:
    return rx.match(role, *((each.value, each.value.capitalize()) for each in Role), role)
