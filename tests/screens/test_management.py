"""The pages about people, keys, settings and accounts, called as anybody with a websocket can call them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.users import find_user_id
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.errors import NotFound
from helpninja_app.resources import Resources
from helpninja_app.screens.account.state import AccountState, device_in_words
from helpninja_app.screens.api_keys.state import KeysState
from helpninja_app.screens.escalation.integration_editor_state import IntegrationEditorState
from helpninja_app.screens.knowledge.curated_editor_state import CuratedEditorState
from helpninja_app.screens.knowledge.note_editor_state import NoteEditorState
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.screens.team.state import TeamState
from helpninja_app.screens.workspace_settings.state import SettingsState
from tests.factories import Factory, Tenant
from tests.screens.events import fire, tab_at
from tests.screens.settings_form import settings_tab
from tests.screens.test_home import call, signed_in_tab, tab

NOBODY = str(uuid.uuid4())
FORM: dict[str, Any] = {"name": "x", "email": "", "role": "viewer", "confirm": "x", "knowledge:read": "yes"}


async def member_id(team: TeamState, email: str) -> str:
    await call(team, "open_team")
    return next(row.id for row in team.members if row.email == email)


async def test_a_team_is_invited_changed_and_left(factory: Factory) -> None:
    tenant = await factory.tenant()
    email, headers = await factory.member(tenant, Role.AGENT)
    team = await signed_in_tab(TeamState, factory, tenant)
    await call(team, "send_invite", {"email": "Grace@Example.com", "role": "viewer"})
    assert (team.problem, [row.email for row in team.invites]) == ("", ["grace@example.com"])
    assert "/invite?token=" in team.link
    await call(team, "send_invite", {"email": "grace@example.com", "role": "viewer"})
    assert "invited already" in team.problem
    assert team.link == ""
    await call(team, "withdraw_invite", team.invites[0].id)
    assert team.invites == []
    agent = await member_id(team, email)
    await call(team, "give_role", agent, "analyst")
    assert next(row.role for row in team.members if row.id == agent) == "analyst"
    await call(team, "suspend", agent, True)
    suspended = await tab(TeamState, headers["cookie"])
    await call(suspended, "open_team")
    assert "suspended" in suspended.failure
    assert suspended.members == []
    await call(team, "remove", agent)
    assert agent not in {row.id for row in team.members}
    own = next(row.id for row in team.members if row.is_me)
    await call(team, "remove", own)
    assert "needs an owner" in team.problem


async def test_an_owner_who_hands_over_is_shown_what_an_admin_may_at_once(factory: Factory) -> None:
    tenant = await factory.tenant()
    email, headers = await factory.member(tenant, Role.AGENT)
    team = await signed_in_tab(TeamState, factory, tenant)
    agent = await member_id(team, email)
    assert [(row.can_own, row.is_last_owner) for row in team.members] == [(False, True), (True, False)]
    events = await call(team, "transfer", agent)
    assert "has a new owner" in str(events[-1].args)
    assert ShellState.open_shell in events
    assert {row.email: row.role for row in team.members} == {
        email: "owner",
        next(row.email for row in team.members if row.is_me): "admin",
    }
    assert not [row for row in team.members if row.can_own or row.can_change or row.is_last_owner]
    assert "owner" not in team.grantable
    heir = await tab(TeamState, headers["cookie"])
    await call(heir, "open_team")
    assert [row.can_own for row in heir.members] == [False, True]


async def test_only_an_owner_hands_over_and_only_to_who_can_come_in(factory: Factory) -> None:
    tenant = await factory.tenant()
    owner = await signed_in_tab(TeamState, factory, tenant)
    email, _ = await factory.member(tenant, Role.AGENT)
    agent = await member_id(owner, email)
    admin = await signed_in_tab(TeamState, factory, tenant, Role.ADMIN)
    await call(admin, "open_team")
    assert not [row for row in admin.members if row.can_own]
    await call(admin, "transfer", agent)
    assert "does not allow" in admin.problem
    await call(owner, "suspend", agent, True)
    assert not next(row.can_own for row in owner.members if row.id == agent)
    await call(owner, "transfer", agent)
    assert "suspended member" in owner.problem
    await call(owner, "transfer", NOBODY)
    assert "no such member" in owner.problem


async def test_one_of_two_owners_may_leave(factory: Factory) -> None:
    tenant = await factory.tenant()
    email, _ = await factory.member(tenant, Role.OWNER)
    team = await signed_in_tab(TeamState, factory, tenant)
    other = await member_id(team, email)
    assert not [row for row in team.members if row.is_last_owner or row.can_own]
    await call(team, "suspend", other, True)
    assert [row.is_last_owner for row in team.members if row.is_me] == [True]


@pytest.mark.parametrize("role", [Role.AGENT, Role.ANALYST, Role.VIEWER])
async def test_roles_that_manage_nobody_change_nobody(factory: Factory, role: Role) -> None:
    tenant = await factory.tenant()
    email, _ = await factory.member(tenant, Role.VIEWER)
    team = await signed_in_tab(TeamState, factory, tenant, role)
    other = await member_id(team, email)
    assert not team.may_manage
    for handler, arguments in (
        ("send_invite", ({"email": "", "role": "viewer"},)),
        ("give_role", (other, "owner")),
        ("suspend", (other, True)),
        ("remove", (other,)),
    ):
        await call(team, handler, *arguments)
        assert "does not allow" in team.problem, handler
    assert team.link == ""
    keys = await signed_in_tab(KeysState, factory, tenant, role)
    await call(keys, "make_key", {"name": "x", "knowledge:read": "yes"})
    assert "does not allow" in keys.failure
    assert (keys.secret, keys.keys) == ("", [])
    settings = await signed_in_tab(SettingsState, factory, tenant, role)
    await call(settings, "save", FORM)
    assert "does not allow" in settings.failure


async def test_a_key_is_shown_once_and_revoked(factory: Factory) -> None:
    keys = await signed_in_tab(KeysState, factory, await factory.tenant())
    await call(keys, "make_key", {"name": "CI", "lifetime": "30", "knowledge:read": "yes"})
    assert keys.secret.startswith("hn_sk_")
    made = next(row for row in keys.keys if row.name == "CI")
    assert made.permissions == "May read the knowledge"
    assert made.expires.startswith("expires ")
    type(keys).event_handlers["put_key_away"].fn(keys)
    assert keys.secret == ""
    await call(keys, "revoke", made.id)
    assert "CI" not in {row.name for row in keys.keys}
    for form, sentence in (({"name": "x"}, "at least one thing"), ({"knowledge:read": "y"}, "a name")):
        await call(keys, "make_key", form)
        assert sentence in keys.problem


async def test_a_workspace_is_deleted_by_typing_its_name_and_brought_back(
    factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    settings, _ = await settings_tab(factory, tenant)
    await call(settings, "delete_workspace", {"confirm": "slip"})
    assert "Type " in settings.problem
    type(settings).event_handlers["keep_workspace"].fn(settings)
    assert (settings.problem, settings.is_deleting) == ("", False)
    cookie = settings.router.headers.cookie
    await call(settings, "delete_workspace", {"confirm": tenant.workspace.slug})
    async with resources.database.unit_of_work(tenant.scope) as session:
        with pytest.raises(NotFound):
            await load_workspace(session, tenant.id)
    account = await tab(AccountState, cookie)
    await call(account, "open_account")
    assert [row.id for row in account.deleted] == [str(tenant.id)]
    await call(account, "bring_back", str(tenant.id))
    async with resources.database.unit_of_work(tenant.scope) as session:
        assert (await load_workspace(session, tenant.id)).id == tenant.id


async def test_one_sees_and_ends_one_s_own_sessions_alone(factory: Factory) -> None:
    tenant = await factory.tenant()
    mine = await signed_in_tab(AccountState, factory, tenant)
    await call(mine, "open_account")
    [session] = mine.sessions
    assert session.is_current
    theirs = await signed_in_tab(AccountState, factory, tenant)
    assert "no such session" in str(await call(theirs, "end", session.id)).lower()
    await call(mine, "open_account")
    assert mine.sessions


async def test_the_shell_offers_what_one_may_and_changes_the_workspace(factory: Factory) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    owner = await signed_in_tab(ShellState, factory, tenant)
    await call(owner, "open_shell")
    assert (owner.may_manage_members, owner.may_manage_workspace, len(owner.workspaces)) == (True, True, 1)
    viewer = await signed_in_tab(ShellState, factory, tenant, Role.VIEWER)
    await call(viewer, "open_shell")
    assert not viewer.may_manage_members | viewer.may_manage_keys | viewer.may_read_audit
    for wrong in (str(other.id), NOBODY, "nothing", 7):
        await call(owner, "go_to_workspace", wrong)
        await call(owner, "open_shell")
        assert owner.workspace_id == str(tenant.id)


async def test_who_has_no_workspace_is_led_to_their_account(factory: Factory, resources: Resources) -> None:
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant, Role.VIEWER)
    team = await tab(TeamState, headers["cookie"])
    await call(team, "open_team")
    await call(team, "remove", next(row.id for row in team.members if row.is_me))
    shell = await tab(ShellState, headers["cookie"])
    redirect = await call(shell, "open_shell")
    assert "/app/account" in str(redirect.args)
    assert shell.workspace_name == "No workspace"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("curl/8.5.0", "A program"),
        ("", "A program"),
    ],
)
def test_a_device_is_named_as_its_owner_knows_it(user_agent: str, device: str) -> None:
    assert device_in_words(user_agent) == device


async def owner_of_two(resources: Resources, factory: Factory) -> tuple[Tenant, str]:
    """The second workspace, and the cookie of who is in the first."""
    first, second = await factory.tenant(), await factory.tenant()
    email, headers = await factory.member(first)
    async with resources.database.unit_of_work() as session:
        user_id = await find_user_id(session, email)
    assert user_id
    async with resources.database.unit_of_work(second.scope) as session:
        await add_member(session, second.id, user_id, Role.OWNER)
    return second, headers["cookie"]


async def test_what_was_typed_for_one_workspace_is_not_done_in_another(
    resources: Resources, factory: Factory
) -> None:
    """Another tab of the same browser went to another workspace meanwhile."""
    second, cookie = await owner_of_two(resources, factory)
    team, other = await tab(TeamState, cookie), await tab(ShellState, cookie)
    await call(team, "open_team")
    await call(other, "go_to_workspace", str(second.id))
    await call(team, "send_invite", {"email": "", "role": "viewer"})
    assert "Nothing was changed" in team.problem
    assert not team.invites
    # The page shows the other one now, and says so: what is typed next is meant for it.
    await call(team, "send_invite", {"email": "", "role": "viewer"})
    assert (team.problem, len(team.invites)) == ("", 1)


@pytest.mark.parametrize(
    ("state", "begun_with", "form"),
    [
        (IntegrationEditorState, ("email",), {"name": "Support", "to": "team@example.com"}),
        (NoteEditorState, (), {"title": "Hours", "text": "Closed at Christmas."}),
        (CuratedEditorState, ("Do you deliver?",), {"question": "Do you deliver?", "answer": "Yes."}),
    ],
)
async def test_what_was_typed_into_a_sheet_is_not_stored_in_another_workspace(
    resources: Resources, factory: Factory, state: Any, begun_with: tuple[str, ...], form: dict[str, str]
) -> None:
    second, cookie = await owner_of_two(resources, factory)
    editor, other = await tab_at(state, cookie), await tab(ShellState, cookie)
    await fire(editor, "begin", *begun_with)
    await call(other, "go_to_workspace", str(second.id))
    await fire(editor, "save", form)
    assert "Nothing was changed" in editor.problem
    assert editor.is_open
