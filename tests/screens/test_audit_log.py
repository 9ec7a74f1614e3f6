"""The audit log's page: what was changed into what, and its filters."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.accounts.models import Role
from helpninja_app.resources import Resources
from helpninja_app.screens.audit_log.state import AuditState
from helpninja_app.screens.team.state import TeamState
from tests.factories import Factory
from tests.screens.settings_form import settings_tab
from tests.screens.test_home import call, signed_in_tab, tab


async def test_what_changed_is_in_the_audit_log_by_pages_and_filters(factory: Factory) -> None:
    tenant = await factory.tenant()
    settings, form = await settings_tab(factory, tenant)
    await call(settings, "save", form | {"voice": "formal"})
    audit = await tab(AuditState, settings.router.headers.cookie)
    await call(audit, "open_audit")
    assert [(row.what, row.detail) for row in audit.rows] == [
        ("Workspace changed", "voice: friendly → formal")
    ]
    await call(audit, "choose_kind", "member")
    assert audit.rows == []
    await call(audit, "choose_kind", "'; drop table audit_events")
    assert len(audit.rows) == 1


async def test_the_audit_log_shows_what_was_there_before_and_reads_old_entries(
    factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    settings, form = await settings_tab(factory, tenant)
    hours = {"open_mon": "on", "from_mon_0": "09:00", "to_mon_0": "17:00"}
    await call(settings, "save", form | hours | {"greeting": "g" * 400, "main_language": "de"})
    actor = Actor(tenant.id, "member:1", "grace@example.com")
    async with resources.database.unit_of_work(tenant.scope) as session:
        await record(session, actor, "workspace.changed", fields=["voice", "slug"])
        await record(session, actor, "member.role_changed", before="agent", after="viewer")
    audit = await tab(AuditState, settings.router.headers.cookie)
    await call(audit, "open_audit")
    assert [row.detail for row in audit.rows[:2]] == ["agent → viewer", "fields: voice, slug"]
    assert set(audit.rows[2].detail.split(", ")) == {
        "hours mon: closed → 09:00-17:00",
        "languages: none → de",
        f"greeting: empty → {'g' * 200}…",
    }


async def test_the_audit_log_is_filtered_by_days_of_the_workspace(
    factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    settings, form = await settings_tab(factory, tenant)
    await call(settings, "save", form | {"time_zone": "Pacific/Kiritimati"})
    audit = await tab(AuditState, settings.router.headers.cookie)
    async with resources.database.unit_of_work(tenant.scope) as session:
        saved: datetime = (
            await session.execute(text("select max(created_at) from audit_events"))
        ).scalar_one()
    today = saved.astimezone(ZoneInfo("Pacific/Kiritimati")).date()
    for handler, day, count in (
        ("choose_since", str(today), 1),
        ("choose_since", str(today + timedelta(days=1)), 0),
        ("choose_since", "", 1),
        ("choose_until", str(today), 1),
        ("choose_until", str(today - timedelta(days=1)), 0),
        ("choose_until", "0000-99-99", 1),
        ("choose_until", "9999-12-31", 1),
        ("choose_since", ["x"], 1),
    ):
        await call(audit, handler, day)
        assert (len(audit.rows), audit.failure) == (count, ""), (handler, day)


async def test_changes_of_a_member_and_of_a_list_that_is_long_are_told(factory: Factory) -> None:
    tenant = await factory.tenant()
    email, _ = await factory.member(tenant, Role.AGENT)
    team = await signed_in_tab(TeamState, factory, tenant)
    await call(team, "open_team")
    agent = next(row.id for row in team.members if row.email == email)
    await call(team, "give_role", agent, "viewer")
    await call(team, "suspend", agent, True)
    audit = await tab(AuditState, team.router.headers.cookie)
    await call(audit, "open_audit")
    assert [(row.subject, row.detail) for row in audit.rows] == [
        (email, "suspended: no → yes"),
        (email, "role: agent → viewer"),
    ]
    told = changes({"hosts": [], "voice": "casual"}, {"hosts": ["a"] * 23, "voice": "casual"})
    assert told == {"hosts": {"before": [], "after": [*["a"] * 20, "3 more"]}}
