"""The routes of signing in with Supabase: who may call them, and whether they keep to their description."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from api_routes.app import create_api
from tests.api.accounts import new_address
from tests.api.supabase import PASSWORD, Installation, installation, sign_in
from tests.api.test_access_matrix import ACCESS, PERSON, PUBLIC
from tests.api.test_contract import generated, send
from tests.conftest import OpenResources
from tests.twins.gotrue import Gotrue, running_gotrue

pytestmark = [
    pytest.mark.usefixtures("worker"),
    pytest.mark.filterwarnings("ignore:Do not use the `random` module:Warning"),
]

# As in tests/api/test_access_matrix.py; the rest is the same with and without Supabase.
OWN = {
    "POST /api/auth/sign-in": PUBLIC,
    "POST /api/auth/sign-out": PUBLIC,
    "POST /api/auth/sign-up": PUBLIC,
    "POST /api/auth/reset-password": PUBLIC,
    "POST /api/auth/resend-verification": PUBLIC,
    "POST /api/auth/magic-link": PUBLIC,
    "GET /api/auth/oauth": PUBLIC,
    "GET /api/auth/callback": PUBLIC,
    "POST /api/auth/refresh": PERSON,
    "POST /api/auth/update-password": PERSON,
}
OPERATIONS = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_dict(create_api(is_supabase=True).openapi()).get_all_operations()
    if isinstance(found, Ok)
}


def takes_input(label: str) -> bool:
    """Whether anything about a request can be wrong."""
    described: Any = OPERATIONS[label].definition.raw
    return "requestBody" in described or bool(described.get("parameters"))


@pytest.fixture(scope="module")
def gotrue() -> Iterator[Gotrue]:
    with running_gotrue() as running:
        yield running


@pytest.fixture
async def here(gotrue: Gotrue, with_resources: OpenResources) -> AsyncIterator[Installation]:
    async with installation(gotrue, with_resources) as made:
        yield made


def test_every_route_says_who_may_call_it() -> None:
    assert set(OPERATIONS) - set(OWN) <= set(ACCESS)
    local_only = {label for label in ACCESS if label.split(" ")[1].startswith("/api/auth/")} - set(OPERATIONS)
    assert all("two-factor" in label or "code" in label or "verify-email" in label for label in local_only)


@pytest.mark.parametrize("label", [label for label, access in OWN.items() if access == PERSON])
async def test_what_takes_a_person_is_401_without_one(here: Installation, label: str) -> None:
    method, _, path = label.partition(" ")
    async with here.browser() as browser:
        answer = await browser.request(method, path, json={"password": PASSWORD})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("label", "mode"),
    [(label, GenerationMode.POSITIVE) for label in sorted(OWN)]
    + [(label, GenerationMode.NEGATIVE) for label in sorted(OWN) if takes_input(label)],
)
@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_the_description_is_kept(
    here: Installation, label: str, mode: GenerationMode, is_signed_in: bool
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    operation: Any = OPERATIONS[label]
    async with here.browser() as browser:
        if is_signed_in:
            await sign_in(browser, email)
        statuses = {(await _send(browser, case)).status_code for case in generated(operation, mode)}
    assert statuses
    assert max(statuses) < 500


async def _send(browser: httpx.AsyncClient, case: Any) -> httpx.Response:
    return await send(browser, case, {})
