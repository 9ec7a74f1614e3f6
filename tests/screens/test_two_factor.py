"""Two-factor sign-in on the account's page, called as anybody with a websocket can call it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from helpninja_app.screens.account import two_factor_state
from helpninja_app.screens.account.two_factor_state import TwoFactorState
from helpninja_app.screens.session import SignedInState
from tests.api.accounts import PASSWORD, a_person
from tests.api.second_factor import code_at, signed_up
from tests.conftest import OpenResources
from tests.screens.test_home import call, tab, texts_in

pytestmark = pytest.mark.usefixtures("worker")

KEPT = {"stored": "yes"}


async def begun_tab(client: httpx.AsyncClient) -> tuple[TwoFactorState, str]:
    """The tab that a form's post led back to, and the secret that it shows."""
    _, headers, _ = await a_person(client)
    body = {"currentPassword": PASSWORD}
    begun = await client.post("/api/auth/two-factor", json=body, headers=headers)
    state = await at(headers["cookie"], "begin")
    await call(state, "open_two_factor")
    return state, begun.json()["secret"]


async def at(cookie: str, code: str = "") -> TwoFactorState:
    """A tab at the address that a route leads back to."""
    opened = await tab(TwoFactorState, cookie)
    data = {
        "headers": {"cookie": cookie, "origin": "https://help.example"},
        "asPath": f"/app/account?two-factor={code}",
        "pathname": "/app/account",
        "query": {"two-factor": code},
    }
    opened._get_root_state()._update_router_vars(data, {})
    return opened


async def test_it_is_switched_on_and_its_codes_are_shown_until_they_are_kept(
    client: httpx.AsyncClient,
) -> None:
    state, secret = await begun_tab(client)
    assert state.secret == secret
    assert secret in state.uri
    await call(state, "confirm_code", {"code": "12345"})
    assert "not right" in state.problem
    assert not state.is_on
    await call(state, "confirm_code", {"code": code_at(secret)})
    assert (state.is_on, len(state.codes), state.problem) == (True, 10, "")
    assert state.text_of_codes.split() == state.codes
    assert secret not in texts_in(state)
    type(state).event_handlers["keep_codes"].fn(state, {})
    assert state.codes
    codes = list(state.codes)
    type(state).event_handlers["keep_codes"].fn(state, KEPT)
    assert not [code for code in codes if code in texts_in(state)]


async def test_codes_stay_when_a_connection_is_found_again_and_go_with_their_page(
    client: httpx.AsyncClient,
) -> None:
    state, secret = await begun_tab(client)
    await call(state, "confirm_code", {"code": code_at(secret)})
    codes = list(state.codes)
    await call(state, "open_two_factor")
    assert (state.is_on, state.codes_left, state.codes) == (True, 10, codes)
    type(state).event_handlers["put_codes_away"].fn(state)
    assert not [word for word in (secret, *codes) if word in texts_in(state)]


async def test_a_secret_is_shown_right_after_the_password_alone(client: httpx.AsyncClient) -> None:
    state, secret = await begun_tab(client)
    later = await at(state.router.headers.cookie)
    await call(later, "open_two_factor")
    assert secret not in texts_in(later)


async def test_forgetting_takes_secret_and_codes_from_the_tab(client: httpx.AsyncClient) -> None:
    state, secret = await begun_tab(client)
    parent = await state.get_state(SignedInState)
    type(parent).event_handlers["forget"].fn(parent)
    assert secret not in texts_in(state)


async def test_new_codes_take_a_code_of_the_app_and_are_limited(
    client: httpx.AsyncClient, with_resources: OpenResources
) -> None:
    person = await signed_up(client)
    state = await at(person.headers["cookie"])
    await call(state, "open_two_factor")
    for wrong in ({"code": person.codes[0]}, {"code": 7}, {}, None):
        await call(state, "renew_codes", wrong)
        assert "not right" in state.problem
    assert state.codes == []
    await call(state, "renew_codes", {"code": person.next_code()})
    assert len(state.codes) == 10
    assert not set(state.codes) & set(person.codes)
    async with with_resources(sign_in_limit_per_account=1):
        await call(state, "renew_codes", {"code": "1"})
        assert "Too many" in str(await call(state, "renew_codes", {"code": "1"}))


async def test_another_tab_that_was_quicker_is_noticed(client: httpx.AsyncClient) -> None:
    state, secret = await begun_tab(client)
    body = {"code": code_at(secret)}
    other = {"cookie": state.router.headers.cookie}
    assert (await client.post("/api/auth/two-factor/confirm", json=body, headers=other)).status_code == 200
    assert "on already" in str(await call(state, "confirm_code", body))
    assert state.is_on
    assert state.codes == []


@pytest.mark.parametrize("code", ["wrong", "limited", "on-already", "off", "begin", "<b>x</b>", "wrong2"])
async def test_only_known_sentences_are_shown(client: httpx.AsyncClient, code: str) -> None:
    _, headers, _ = await a_person(client)
    state = await at(headers["cookie"], code)
    await call(state, "open_two_factor")
    known = {"", *two_factor_state._ERRORS.values(), *two_factor_state._DONE.values()}
    assert {state.error, state.notice} <= known | {two_factor_state._TOO_OLD}


@pytest.mark.parametrize("handler", ["confirm_code", "renew_codes"])
async def test_of_two_clicks_the_codes_that_count_are_shown_and_nothing_is_wrong(
    client: httpx.AsyncClient, handler: str
) -> None:
    state, secret = await begun_tab(client)
    if handler == "renew_codes":
        await call(state, "confirm_code", {"code": code_at(secret, -1)})
    code = {"code": code_at(secret), "drawn": str(state.drawn)}
    await asyncio.gather(*(call(state, handler, code) for _ in range(2)))
    shown = (state.is_on, len(state.codes), state.problem, state.codes_left)
    assert shown == (True, 10, "", 10)
    assert await call(state, handler, code) is None
    assert (state.is_on, len(state.codes), state.problem, state.codes_left) == shown
