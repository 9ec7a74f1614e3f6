"""The routes of signing in with Supabase: whether they keep to their description."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi.routing import APIRoute
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from api_routes.app import SUPABASE_ACCOUNTS, create_api
from tests.api.accounts import new_address
from tests.api.supabase import PASSWORD, Installation, installation, sign_in
from tests.api.test_contract import generated, send
from tests.conftest import OpenResources
from tests.twins.gotrue import Gotrue, running_gotrue

pytestmark = [
    pytest.mark.usefixtures("worker"),
    pytest.mark.filterwarnings("ignore:Do not use the `random` module:Warning"),
]

# What is otherwise, or only there, with Supabase. Who may call it: tests/api/access.
OWN = [
    f"{method} {route.path}"
    for module in SUPABASE_ACCOUNTS
    for route in module.router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
]
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
