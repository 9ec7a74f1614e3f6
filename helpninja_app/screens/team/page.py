"""How the team looks: invite somebody, the members, and the invites that nobody has accepted yet."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.accounts.models import Role
from helpninja_app.screens.shell.frame import as_it_opens, dashboard, once_loaded, refused, this_form
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.screens.team.state import MEMBERS, PATH, InviteRow, MemberRow, TeamState
from helpninja_app.screens.workspace_settings import state as settings
from helpninja_app.ui.actions import busy_button, button, icon_button
from helpninja_app.ui.avatars import avatar
from helpninja_app.ui.badges import badge
from helpninja_app.ui.code import copied_line
from helpninja_app.ui.dialogs import confirm, opens
from helpninja_app.ui.forms import field, select_box
from helpninja_app.ui.menus import menu, menu_item, menu_line, opens_menu
from helpninja_app.ui.panels import card, page_header, section, skeleton_rows

# Reflex' types do not know what the decorated handlers can do.
_state: Any = TeamState
_drawn: Any = _state.drawn.to_string()
_kept: Any = TeamState.kept

_ROW = "flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-border px-4 py-3 last:border-b-0"
# On a phone the name has a line of its own, and what can be done stands below it.
_NAME = "min-w-0 flex-1 basis-48"
_LINK = "rounded-chip font-medium text-accent-text underline-offset-4 hover:underline"
_CONTROLS = "ml-auto flex flex-wrap items-center justify-end gap-x-2 gap-y-1"


def team_page() -> rx.Component:
    return dashboard(
        page_header("Team", "Who works in this workspace, and what each of them may do."),
        once_loaded(
            TeamState,
            refused(TeamState),
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
            again=(TeamState.open_team,),
        ),
        as_it_opens(TeamState.put_link_away),
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
                        default_value=_kept["email"],
                        hint="Leave it empty for a link that you pass on yourself.",
                    ),
                    key="email-" + _drawn,
                    class_name="min-w-0 flex-1",
                ),
                rx.el.div(
                    rx.el.label("Role", html_for="role", class_name="text-table font-medium"),
                    rx.el.select(
                        rx.foreach(TeamState.grantable, _role_option),
                        id="role",
                        name="role",
                        default_value=rx.cond(_kept["role"], _kept["role"], "agent"),
                        class_name="h-10 rounded-control border border-border-strong bg-bg px-3 text-body",
                    ),
                    key="role-" + _drawn,
                    class_name="flex flex-col gap-1.5",
                ),
                rx.el.div(
                    busy_button(
                        "Invite",
                        is_busy=TeamState.is_busy,
                        while_busy="Inviting…",
                        type="submit",
                        size="large",
                    ),
                    class_name="flex tablet:pt-6",
                ),
                this_form(TeamState),
                on_submit=_state.send_invite,
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
        avatar(_called(member)),
        rx.el.div(
            rx.el.p(
                rx.el.span(_called(member), class_name="truncate"),
                rx.cond(member.is_me, rx.el.span("(you)", class_name="shrink-0 text-muted")),
                class_name="flex gap-x-1 text-table font-medium",
            ),
            rx.cond(
                member.name != "",
                rx.el.p(member.email, class_name="truncate text-small text-muted"),
            ),
            rx.cond(
                member.is_last_owner,
                rx.el.p(
                    "To leave, make someone else the owner first, or ",
                    rx.el.a(
                        "delete the workspace",
                        href=f"{settings.PATH}#{settings.DELETION_PART}",
                        class_name=_LINK,
                    ),
                    ".",
                    class_name="text-small text-muted",
                ),
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
                        # Ownership is given in a dialog, not by an arrow key in a list.
                        rx.foreach(
                            TeamState.grantable,
                            lambda role: rx.cond(
                                (role != "owner") | (member.role == "owner"), _role_option(role)
                            ),
                        ),
                        value=member.role,
                        on_change=lambda role: _state.give_role(member.id, role),
                    ),
                    class_name="w-28",
                ),
                badge(_in_words(member.role), "neutral"),
            ),
            rx.cond(member.can_change, _changes(member)),
            rx.cond(member.is_me & ~member.is_last_owner, _leaving(member)),
            class_name=_CONTROLS,
        ),
        key=member.id,
        class_name=_ROW,
    )


def _changes(member: MemberRow) -> rx.Component:
    """What can be done with a colleague, behind one button; the owner alone can put them in their place."""
    more, transfer, removal = (f"{act}-{member.id}" for act in ("more", "transfer", "remove"))
    return rx.fragment(
        icon_button(f"More for {member.email}", "ellipsis", **opens_menu(more)),
        menu(
            rx.cond(
                member.can_own,
                rx.fragment(menu_item("Make the owner", "crown", **opens(transfer)), menu_line()),
            ),
            menu_item(
                rx.cond(member.is_suspended, "Let in", "Suspend"),
                "circle-pause",
                on_click=_state.suspend(member.id, ~member.is_suspended),
            ),
            menu_item("Remove", "user-minus", tone="danger", **opens(removal)),
            id=more,
            label=f"More for {member.email}",
            placement="below end",
        ),
        rx.cond(member.can_own, _transfer(member, transfer)),
        confirm(
            id=removal,
            title=f"Remove {member.email} from {ShellState.workspace_name}?",
            consequence="They lose access at once. What they wrote stays, and you can invite them again.",
            act="Remove",
            keep="Cancel",
            on_confirm=_state.remove(member.id),
        ),
    )


def _transfer(member: MemberRow, dialog: Any) -> rx.Component:
    return confirm(
        id=dialog,
        title=f"Make {_called(member)} the owner of {ShellState.workspace_name}?",
        consequence=(
            "You become an admin at once. The new owner can delete the workspace and remove you, and only "
            "they can make you the owner again. Invites you sent that nobody has accepted stop working."
        ),
        act="Make the owner",
        keep="Cancel",
        on_confirm=_state.transfer(member.id),
    )


def _leaving(member: MemberRow) -> rx.Component:
    return rx.fragment(
        button("Leave", type="button", emphasis="quiet", **opens(f"leave-{member.id}")),
        confirm(
            id=f"leave-{member.id}",
            title=f"Leave {ShellState.workspace_name}?",
            consequence="You see nothing of it any more, until somebody invites you again.",
            act="Leave",
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
            button(
                "Send again",
                type="button",
                emphasis="quiet",
                disabled=TeamState.is_busy,
                on_click=_state.resend_invite(invite.id),
            ),
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
        key=invite.id,
        class_name=_ROW,
    )


def _called(member: MemberRow) -> Any:
    return rx.cond(member.name != "", member.name, member.email)


def _role_option(role: rx.Var[str]) -> rx.Component:
    return rx.el.option(_in_words(role), value=role)


def _in_words(role: Any) -> Any:
    return rx.match(role, *((each.value, each.value.capitalize()) for each in Role), role)
