"""A page of another site that posts with somebody's cookie changes nothing (CSRF)."""

from __future__ import annotations

import httpx
import pytest

from tests.api.access.asking import ask
from tests.api.access.attempts import state_of
from tests.api.access.register import ACCESS, ROUTES, VISITOR
from tests.canaries import Canaries

pytestmark = pytest.mark.usefixtures("worker")

# Stripe signs what it posts, and a mail server has a secret; a cookie is nothing to these.
SIGNED = {"POST /api/webhooks/stripe", "POST /api/stripe/webhook", "POST /api/inbound/email"}
# Visitors are on other sites, and have no cookie.
CHANGING = [
    label
    for label, access in ACCESS.items()
    if not label.startswith(("GET ", "HEAD ")) and access != VISITOR and label not in SIGNED
]


@pytest.mark.parametrize("label", CHANGING)
async def test_another_site_changes_nothing_with_the_cookie_of_an_owner(
    client: httpx.AsyncClient, theirs: Canaries, label: str
) -> None:
    before = await state_of(theirs)
    headers = theirs.owner_headers | {"origin": "https://evil.example"}
    answer = await ask(client, ROUTES[label], theirs, headers, str(theirs.tenant.id))
    assert answer.status == 403
    assert answer.seen == set()
    assert await state_of(theirs) == before


async def test_a_sandboxed_page_is_another_site_too(client: httpx.AsyncClient, theirs: Canaries) -> None:
    headers = theirs.owner_headers | {"origin": "null"}
    answer = await ask(client, ROUTES["PATCH /api/auth/me"], theirs, headers, str(theirs.tenant.id))
    assert answer.status == 403
