"""Two-factor sign-in below its routes: replayed codes, races, clocks that go wrong, and keys that change."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import text

from helpninja_app.accounts import totp, two_factor
from helpninja_app.accounts.links import LIFETIMES, Purpose, make_link, try_link
from helpninja_app.accounts.recovery_codes import AMOUNT, count_recovery_codes
from helpninja_app.accounts.two_factor import (
    begin_two_factor,
    check_code,
    choose_new_recovery_codes,
    confirm_two_factor,
    load_begun_secret,
    load_status,
    remove_two_factor,
)
from helpninja_app.accounts.users import create_user
from helpninja_app.errors import Conflict, Invalid, NotFound, Unavailable
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.factories import Factory

KEYS = ("an encryption key of thirty-two characters",)
OTHER_KEY = "another encryption key of thirty-two characters"


@pytest.fixture
async def user_id(resources: Resources) -> UUID:
    async with resources.database.unit_of_work() as session:
        user = await create_user(session, email=f"{new_id().hex}@example.com", password_hash="x")
    return user.id


class At:
    """A clock that stands still, so that no test runs into the next half minute."""

    def __init__(self) -> None:
        self.moment = float(int(time.time()) // totp.STEP_SECONDS * totp.STEP_SECONDS + 10)

    def time(self) -> float:
        return self.moment

    def code(self, secret: str, steps: int = 0) -> str:
        return pyotp.TOTP(secret).at(int(self.moment) + steps * totp.STEP_SECONDS)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> At:
    standing = At()
    monkeypatch.setattr(totp, "time", standing)
    return standing


# The session that everything is done in, where nothing else is said.
HERE = UUID(int=7)


async def begin(resources: Resources, user_id: UUID) -> str:
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        return await begin_two_factor(session, KEYS, user_id, HERE)


async def confirm(resources: Resources, user_id: UUID, code: str, in_session: UUID = HERE) -> list[str]:
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        return await confirm_two_factor(session, KEYS, user_id, in_session, code)


async def check(
    resources: Resources, user_id: UUID, code: str, keys: tuple[str, ...] = KEYS
) -> two_factor.UsedCode | None:
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        return await check_code(session, keys, user_id, code)


async def switched_on(resources: Resources, user_id: UUID, clock: At) -> tuple[str, list[str]]:
    """The secret and the recovery codes; the code of the step before the present one is used."""
    secret = await begin(resources, user_id)
    return secret, await confirm(resources, user_id, clock.code(secret, -1))


async def test_it_counts_only_once_it_is_confirmed(resources: Resources, user_id: UUID, clock: At) -> None:
    secret = await begin(resources, user_id)
    assert await check(resources, user_id, clock.code(secret)) is None
    codes = await confirm(resources, user_id, clock.code(secret))
    assert len(set(codes)) == AMOUNT
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        assert await load_status(session, user_id) == two_factor.TwoFactorStatus(True, AMOUNT)
        assert await load_begun_secret(session, KEYS, user_id, HERE) is None


async def test_the_secret_is_not_stored_as_it_is(resources: Resources, user_id: UUID, clock: At) -> None:
    secret, codes = await switched_on(resources, user_id, clock)
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        rows = await session.execute(
            text(
                "select second_factors::text from second_factors"
                " union all select recovery_codes::text from recovery_codes"
            )
        )
        stored = " ".join(rows.scalars())
    assert secret not in stored
    assert not [code for code in codes if code in stored]


async def test_beginning_again_replaces_what_was_begun_and_nothing_that_is_on(
    resources: Resources, user_id: UUID, clock: At
) -> None:
    first = await begin(resources, user_id)
    second = await begin(resources, user_id)
    with pytest.raises(Invalid):
        await confirm(resources, user_id, clock.code(first))
    await confirm(resources, user_id, clock.code(second))
    with pytest.raises(Conflict):
        await begin(resources, user_id)
    with pytest.raises(Conflict):
        await confirm(resources, user_id, clock.code(second, 1))


async def test_what_was_begun_too_long_ago_is_not_confirmed(
    resources: Resources, user_id: UUID, clock: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = await begin(resources, user_id)
    monkeypatch.setattr(two_factor, "BEGUN_FOR", timedelta(0))
    with pytest.raises(Conflict):
        await confirm(resources, user_id, clock.code(secret))
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        assert await load_begun_secret(session, KEYS, user_id, HERE) is None


@pytest.mark.parametrize(("steps", "counts"), [(-3, False), (-2, False), (0, True), (1, True), (2, False)])
async def test_a_clock_may_go_wrong_by_one_step(
    resources: Resources, user_id: UUID, clock: At, steps: int, counts: bool
) -> None:
    secret, _ = await switched_on(resources, user_id, clock)
    used = await check(resources, user_id, clock.code(secret, steps))
    assert (used == "totp") is counts


async def test_a_code_counts_once_and_those_before_it_no_more(
    resources: Resources, user_id: UUID, clock: At
) -> None:
    secret, _ = await switched_on(resources, user_id, clock)
    assert await check(resources, user_id, clock.code(secret, -1)) is None
    assert await check(resources, user_id, clock.code(secret, 1)) == "totp"
    assert await check(resources, user_id, clock.code(secret, 1)) is None
    assert await check(resources, user_id, clock.code(secret)) is None


async def test_of_those_who_send_one_code_at_the_same_time_one_gets_in(
    resources: Resources, user_id: UUID, clock: At
) -> None:
    secret, codes = await switched_on(resources, user_id, clock)
    for code in (clock.code(secret), codes[0]):
        found = await asyncio.gather(*(check(resources, user_id, code) for _ in range(8)))
        assert len([used for used in found if used]) == 1


async def test_a_code_is_read_however_it_is_written(resources: Resources, user_id: UUID, clock: At) -> None:
    secret, codes = await switched_on(resources, user_id, clock)
    code = clock.code(secret)
    assert await check(resources, user_id, f" {code[:3]} {code[3:]} ") == "totp"
    assert await check(resources, user_id, codes[0].upper().replace("-", "  ")) == "recovery"
    assert await check(resources, user_id, codes[1].replace("-", "")) == "recovery"
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        assert await count_recovery_codes(session, user_id) == AMOUNT - 2


@pytest.mark.parametrize("code", ["", " ", "-", "123456", "١٢٣٤٥٦", "abcd-efgh-ijkl-mnop", "'; --", "é" * 64])
async def test_what_is_no_code_gets_nobody_in(
    resources: Resources, user_id: UUID, clock: At, code: str
) -> None:
    await switched_on(resources, user_id, clock)
    assert await check(resources, user_id, code) is None


async def test_somebody_else_s_codes_count_for_nothing(
    resources: Resources, user_id: UUID, clock: At
) -> None:
    _, codes = await switched_on(resources, user_id, clock)
    async with resources.database.unit_of_work() as session:
        other = await create_user(session, email=f"{new_id().hex}@example.com", password_hash="x")
    await switched_on(resources, other.id, clock)
    assert await check(resources, other.id, codes[0]) is None
    # Even with a forgotten filter: the database shows each only their own.
    async with resources.database.unit_of_work(Scope(user_id=other.id)) as session:
        assert await check_code(session, KEYS, user_id, codes[0]) is None
        assert await load_status(session, user_id) == two_factor.TwoFactorStatus(False, 0)
        with pytest.raises(NotFound):
            await remove_two_factor(session, user_id)


async def test_new_recovery_codes_take_a_code_of_the_app_and_end_the_old_ones(
    resources: Resources, user_id: UUID, clock: At
) -> None:
    secret, codes = await switched_on(resources, user_id, clock)
    scope = Scope(user_id=user_id)
    for wrong in (codes[0], clock.code(secret, -1)):
        with pytest.raises(Invalid):
            async with resources.database.unit_of_work(scope) as session:
                await choose_new_recovery_codes(session, KEYS, user_id, wrong)
    async with resources.database.unit_of_work(scope) as session:
        new = await choose_new_recovery_codes(session, KEYS, user_id, clock.code(secret))
    assert await check(resources, user_id, codes[0]) is None
    assert await check(resources, user_id, new[0]) == "recovery"


async def test_switched_off_nothing_is_left(resources: Resources, user_id: UUID, clock: At) -> None:
    secret, codes = await switched_on(resources, user_id, clock)
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        step = await make_link(session, user_id, "x@example.com", Purpose.SECOND_FACTOR)
        await remove_two_factor(session, user_id)
        with pytest.raises(Conflict):
            await choose_new_recovery_codes(session, KEYS, user_id, clock.code(secret))
        left = await session.execute(text("select count(*) from recovery_codes"))
        assert left.scalar_one() == 0
        with pytest.raises(Invalid):
            await try_link(session, step, Purpose.SECOND_FACTOR, most=5)
    assert await check(resources, user_id, codes[0]) is None
    assert await check(resources, user_id, clock.code(secret)) is None


async def test_keys_are_changed_without_losing_what_they_encrypted(
    resources: Resources, user_id: UUID, clock: At
) -> None:
    secret, codes = await switched_on(resources, user_id, clock)
    assert await check(resources, user_id, clock.code(secret), (OTHER_KEY, *KEYS)) == "totp"
    with pytest.raises(Unavailable) as refused:
        await check(resources, user_id, clock.code(secret, 1), (OTHER_KEY,))
    assert refused.value.__cause__ is None
    assert not [word for word in (secret, OTHER_KEY, KEYS[0]) if word in str(refused.value)]
    # Recovery codes are no secrets of ours: they count without a key.
    assert await check(resources, user_id, codes[0], (OTHER_KEY,)) == "recovery"


async def test_a_secret_moved_into_another_row_is_worth_nothing(
    resources: Resources, user_id: UUID, clock: At
) -> None:
    secret, _ = await switched_on(resources, user_id, clock)
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        stored = (await session.execute(text("select secret from second_factors"))).scalar_one()
    async with resources.database.unit_of_work() as session:
        other = await create_user(session, email=f"{new_id().hex}@example.com", password_hash="x")
    await switched_on(resources, other.id, clock)
    async with resources.database.unit_of_work(Scope(user_id=other.id)) as session:
        await session.execute(text("update second_factors set secret = :stored"), {"stored": stored})
    with pytest.raises(Unavailable):
        await check(resources, other.id, clock.code(secret))


async def test_a_step_is_used_up_by_its_last_try_and_by_time(
    resources: Resources, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with resources.database.unit_of_work() as session:
        step = await make_link(session, user_id, "x@example.com", Purpose.SECOND_FACTOR)
        for _ in range(3):
            assert await try_link(session, step, Purpose.SECOND_FACTOR, most=3) == user_id
        with pytest.raises(Invalid):
            await try_link(session, step, Purpose.SECOND_FACTOR, most=3)
        monkeypatch.setitem(LIFETIMES, Purpose.SECOND_FACTOR, timedelta(0))
        late = await make_link(session, user_id, "x@example.com", Purpose.SECOND_FACTOR)
        with pytest.raises(Invalid):
            await try_link(session, late, Purpose.SECOND_FACTOR, most=3)


async def test_colleagues_and_the_workspace_s_keys_read_none_of_it(
    resources: Resources, factory: Factory, clock: At
) -> None:
    tenant = await factory.tenant()
    email, _ = await factory.member(tenant)
    await factory.member(tenant)
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text("select user_id from user_emails where email = :email"), {"email": email}
        )
        member = found.scalar_one()
    await switched_on(resources, member, clock)
    for scope in (tenant.scope, Scope.members(tenant.id, new_id()), Scope()):
        async with resources.database.unit_of_work(scope) as session:
            for table in ("second_factors", "recovery_codes"):
                assert (await session.execute(text(f"select count(*) from {table}"))).scalar_one() == 0


async def test_what_was_begun_in_one_session_is_neither_seen_nor_confirmed_in_another(
    resources: Resources, user_id: UUID
) -> None:
    """Whoever stole a session does not know the password that its owner has just given in another."""
    secret = await begin(resources, user_id)
    elsewhere = UUID(int=8)
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        assert await load_begun_secret(session, KEYS, user_id, elsewhere) is None
    code = pyotp.TOTP(secret).now()
    with pytest.raises(Conflict):
        await confirm(resources, user_id, code, elsewhere)
    assert len(await confirm(resources, user_id, code)) == 10
