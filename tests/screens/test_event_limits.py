"""What is limited is so for events as well: per member, and together with their requests."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts import mail_limits
from helpninja_app.accounts.mail_limits import PER_RECIPIENT
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.resources import Resources
from helpninja_app.screens.access.state import AccessState
from helpninja_app.screens.account.two_factor_state import TwoFactorState
from helpninja_app.screens.team.state import TeamState
from tests.api.second_factor import signed_up
from tests.canaries import Canaries
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.screens.event_access import GUARDED, OPERATOR, Handler, each
from tests.screens.event_arguments import MISSING
from tests.screens.event_callers import Callers
from tests.screens.events import Answer, fire, tab_at

pytestmark = pytest.mark.usefixtures("no_waiting")

TOO_MANY = "Too many requests"
# What counts for a person, whatever the workspace; all else counts for a member of one.
OF_A_PERSON = {
    handler.label
    for handler in GUARDED
    if handler.access != OPERATOR and not isinstance(handler.access, Permission)
} - {"ShellState.open_shell"}


@each(GUARDED)
async def test_a_member_s_events_are_limited_whatever_the_tab_and_nobody_else_s(
    callers: Callers, with_resources: OpenResources, handler: Handler
) -> None:
    given = MISSING.get(handler.label, ())
    owner, admin = callers.members[Role.OWNER], callers.members[Role.ADMIN]
    # Some show the page again afterwards, which counts as another one.
    async with with_resources(member_limit=2):
        first = await owner.tries(handler, callers.own, *given)
        await owner.tries(handler, callers.own, *given)
        before = await callers.own.digests()
        last = await owner.tries(handler, callers.own, *given)
        after = await callers.own.digests()
        other = await admin.tries(handler, callers.own, *given)
    assert TOO_MANY not in first.refusal
    assert TOO_MANY in last.refusal
    assert TOO_MANY not in other.refusal
    assert before == after


@each(GUARDED)
async def test_requests_and_events_of_a_member_count_together(
    callers: Callers, client: httpx.AsyncClient, with_resources: OpenResources, handler: Handler
) -> None:
    path = "/api/auth/me" if handler.label in OF_A_PERSON else "/api/documents"
    owner = callers.members[Role.OWNER]
    async with with_resources(member_limit=2):
        for _ in range(2):
            asked = await client.get(path, headers={"cookie": owner.cookie})
            assert asked.status_code == 200, asked.text
        answer = await owner.tries(handler, callers.own, *MISSING.get(handler.label, ()))
    assert TOO_MANY in answer.refusal


async def invited(cookie: str, email: str) -> Answer:
    return await fire(await tab_at(TeamState, cookie), "send_invite", {"email": email, "role": "viewer"})


async def open_invite(cookie: str) -> tuple[TeamState, str]:
    """A tab with the team, and the id of the one invite that is open."""
    team = await tab_at(TeamState, cookie)
    await fire(team, "open_team")
    [row] = team.invites
    return team, row.id


async def test_nobody_is_mailed_more_invites_than_an_hour_allows_whoever_sends_them(
    factory: Factory, client: httpx.AsyncClient
) -> None:
    tenant = await factory.tenant()
    email, headers = await factory.member(tenant)
    _, colleague = await factory.member(tenant)
    recipient = f"to-{email}"
    for _ in range(PER_RECIPIENT.amount):
        assert (await invited(headers["cookie"], recipient)).refusal == ""
        team, invite_id = await open_invite(headers["cookie"])
        await fire(team, "withdraw_invite", invite_id)
    for cookie in (headers["cookie"], colleague["cookie"]):
        refused = await invited(cookie, recipient)
        assert TOO_MANY in refused.refusal
        assert not refused.shown["link"]
    by_request = await client.post(
        f"/api/workspaces/{tenant.id}/invites", json={"role": "viewer", "email": recipient}, headers=headers
    )
    assert by_request.status_code == 429, by_request.text


async def test_an_invite_is_sent_again_only_so_often(factory: Factory) -> None:
    email, headers = await factory.member(await factory.tenant())
    await invited(headers["cookie"], f"to-{email}")
    team, invite_id = await open_invite(headers["cookie"])
    answers = [await fire(team, "resend_invite", invite_id) for _ in range(PER_RECIPIENT.amount)]
    assert [TOO_MANY in answer.refusal for answer in answers] == [False] * (len(answers) - 1) + [True]


async def test_a_member_has_only_so_many_invites_mailed_and_a_colleague_theirs(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_limits, "PER_SENDER", Burst(3, 3600))
    tenant = await factory.tenant()
    email, headers = await factory.member(tenant)
    _, colleague = await factory.member(tenant)
    answers = [await invited(headers["cookie"], f"{number}-{email}") for number in range(4)]
    assert [TOO_MANY in answer.refusal for answer in answers] == [False, False, False, True]
    assert (await invited(colleague["cookie"], f"3-{email}")).refusal == ""
    # A link that is not mailed costs nobody anything.
    assert (await invited(headers["cookie"], "")).refusal == ""


async def test_a_plan_s_places_are_counted_for_events_too(
    resources: Resources, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    _, headers = await factory.member(tenant)
    async with with_resources(unlimited=False):
        assert (await invited(headers["cookie"], "")).refusal == ""
        assert "The free plan includes 2 members" in (await invited(headers["cookie"], "")).refusal
        team, invite_id = await open_invite(headers["cookie"])
        async with resources.database.unit_of_work(tenant.scope) as session:
            # Its place went to somebody else after seven days.
            await session.execute(text("update invites set expires_at = now()"))
        await factory.member(tenant, Role.VIEWER)
        assert "The free plan includes 2 members" in (await fire(team, "resend_invite", invite_id)).refusal


@pytest.mark.usefixtures("worker")
async def test_codes_are_guessed_at_by_events_and_requests_together(
    client: httpx.AsyncClient, with_resources: OpenResources
) -> None:
    async with with_resources(sign_in_limit_per_account=2):
        guesser, other = await signed_up(client), await signed_up(client)
        tab = await tab_at(TwoFactorState, guesser.headers["cookie"])
        wrong = {"code": "000000"}
        assert TOO_MANY not in (await fire(tab, "renew_codes", wrong)).refusal
        path = "/api/auth/two-factor/recovery-codes"
        by_request = await client.post(path, json=wrong, headers=guesser.headers)
        assert by_request.status_code != 429, by_request.text
        assert TOO_MANY in (await fire(tab, "renew_codes", wrong)).refusal
        others = await tab_at(TwoFactorState, other.headers["cookie"])
        assert TOO_MANY not in (await fire(others, "renew_codes", wrong)).refusal


async def test_invites_are_guessed_at_only_so_often_from_one_address(
    canaries: Canaries, with_resources: OpenResources
) -> None:
    async with with_resources(sign_in_limit_per_address=2):
        answers = [
            await fire(await tab_at(AccessState, query={"token": "guessed"}), "open_invite") for _ in range(3)
        ]
    assert [TOO_MANY in answer.refusal for answer in answers] == [False, False, True]
