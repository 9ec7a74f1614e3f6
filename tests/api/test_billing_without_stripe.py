"""Billing where no Stripe account is set up: who may pay is told which setting is missing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from helpninja_app.accounts.models import Role
from tests.conftest import OpenResources
from tests.factories import Factory

MISSING = "Payments are not set up here: STRIPE_SECRET_KEY is not set."


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "checkout", {"plan": "pro", "interval": "month"}),
        ("POST", "top-up", {"pack": 1000}),
        ("POST", "portal", {}),
        ("GET", "invoices", None),
    ],
)
async def test_the_missing_setting_is_named_to_owners_alone(
    client: httpx.AsyncClient,
    with_resources: OpenResources,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    async with with_resources(stripe_secret_key=None, unlimited=False) as resources:
        factory = Factory(resources)
        tenant = await factory.tenant(plan="free")
        (_, owner), (_, agent) = [await factory.member(tenant, role) for role in (Role.OWNER, Role.AGENT)]
        answers = [
            await client.request(
                method,
                f"/api/billing/{path}",
                headers=headers | {"origin": "http://helpninja.test"},
                json=body,
            )
            for headers in (owner, agent)
        ]
    assert (answers[0].status_code, answers[0].json()["detail"]) == (503, MISSING)
    assert answers[1].status_code == 403
