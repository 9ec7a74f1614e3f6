"""The page of the API keys where the plan has none, and its form when a key is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from helpninja_app.accounts.permissions import KEY_PERMISSIONS
from helpninja_app.resources import Resources
from helpninja_app.screens.api_keys.state import KeysState
from helpninja_app.screens.api_keys.words import MAY, end_in_words, permissions_in_words
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.screens.events import fire, tab_at
from tests.screens.test_escalation import cookie_of

WISH = {"name": "CI", "lifetime": "30", "knowledge:read": "yes"}


async def opened(factory: Factory, tenant: Tenant) -> KeysState:
    tab = await tab_at(KeysState, await cookie_of(factory, tenant))
    await fire(tab, "open_keys")
    return tab


async def revoke_all(resources: Resources, tenant: Tenant) -> None:
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update api_keys set revoked_at = now()"))


async def test_where_the_plan_has_no_keys_it_says_so_before_anything_is_typed(
    resources: Resources, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    await revoke_all(resources, tenant)
    async with with_resources(unlimited=False):
        tab = await opened(factory, tenant)
        refused = await fire(tab, "make_key", WISH)
    assert tab.lacking.startswith("The free plan has no API keys: they come with the starter plan.")
    assert tab.waiting == ""
    assert "The free plan has no API keys" in refused.refusal
    assert tab.is_at_limit


async def test_keys_that_were_made_before_are_said_to_wait(
    factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    async with with_resources(unlimited=False):
        tab = await opened(factory, tenant)
        assert len(tab.keys) == 1
        assert "wait" in tab.waiting
        await fire(tab, "revoke", tab.keys[0].id)
        assert (tab.keys, tab.waiting) == ([], "")


@pytest.mark.parametrize(("plan", "unlimited"), [("starter", False), ("free", True)])
async def test_where_there_are_keys_nothing_waits(
    factory: Factory, with_resources: OpenResources, plan: str, unlimited: bool
) -> None:
    tenant = await factory.tenant(plan=plan)
    async with with_resources(unlimited=unlimited):
        tab = await opened(factory, tenant)
    assert (tab.lacking, tab.waiting) == ("", "")


@pytest.mark.parametrize("missing", ["name", "knowledge:read"])
async def test_what_was_typed_stays_when_it_is_refused_and_goes_when_the_key_is_made(
    factory: Factory, missing: str
) -> None:
    tab = await opened(factory, await factory.tenant())
    await fire(tab, "make_key", {name: value for name, value in WISH.items() if name != missing})
    # Fields are drawn anew, and empty, when this number is another one; the browser keeps them else.
    assert (tab.drawn, tab.problem == "") == (0, False)
    await fire(tab, "make_key", WISH)
    assert (tab.drawn, tab.problem) == (1, "")


async def test_a_key_that_was_just_made_stays_in_sight_when_the_next_one_is_refused(factory: Factory) -> None:
    tab = await opened(factory, await factory.tenant())
    await fire(tab, "make_key", WISH)
    made = tab.secret
    await fire(tab, "make_key", {})
    assert made.startswith("hn_sk_")
    assert tab.secret == made


def test_all_that_a_key_may_has_words() -> None:
    assert set(MAY) == KEY_PERMISSIONS
    assert permissions_in_words(MAY) == "May do everything that a key can"


@pytest.mark.parametrize(
    ("permissions", "words"),
    [
        (("documents:upload", "conversations:read"), "May read conversations, upload documents"),
        (("audit:read", "no:more"), "May see the audit log, no:more"),
    ],
)
def test_what_a_key_may_is_said_in_words(permissions: tuple[str, ...], words: str) -> None:
    assert permissions_in_words(permissions) == words


def test_a_key_that_has_expired_does_not_expire_any_more() -> None:
    moment = datetime(2026, 11, 30, 12, tzinfo=UTC)
    ends = [end_in_words(moment + timedelta(days=days), moment) for days in (-2, 2)]
    assert ends == ["expired on 28 November 2026", "expires on 2 December 2026"]
    assert end_in_words(None, moment) == "does not expire"
