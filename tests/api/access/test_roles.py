"""Every route of a workspace for its own members: each role may what the table of permissions says."""

from __future__ import annotations

import httpx
import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS
from tests.api.access.asking import ask
from tests.api.access.attempts import state_of
from tests.api.access.conftest import planted
from tests.api.access.register import ACCESS, MEMBER, ROUTES, in_workspaces
from tests.factories import Factory

pytestmark = pytest.mark.usefixtures("worker")

# What the first who may is answered, where it is not the status of a success.
OTHERWISE = {
    # It is of a page, and has no file.
    "GET /api/documents/{document_id}/file": 404,
    # An address that nobody may fetch; a job that is over; somebody who is a member already.
    "POST /api/ingest": 422,
    "DELETE /api/ingest/{job_id}": 409,
    "POST /api/ingest/preview": 422,
    "POST /api/webhook-endpoints": 422,
    "PATCH /api/webhook-endpoints/{endpoint_id}": 422,
    # It is a page.
    "GET /api/notes/{note_id}": 404,
    "PATCH /api/notes/{note_id}": 404,
    # There is one that is not named.
    "PUT /api/curated-answers/order": 409,
    "PUT /api/rules/order": 409,
    "POST /api/curated-answers/{answer_id}/restore": 409,
    # It is not deleted.
    "POST /api/sources/{source_id}/restore": 409,
    "POST /api/workspaces/{workspace_id}/invites": 409,
    # It is another member's own.
    "GET /api/chats/{chat_id}": 404,
    "PATCH /api/chats/{chat_id}": 404,
    "DELETE /api/chats/{chat_id}": 404,
    "POST /api/chats/{chat_id}/restore": 404,
    "POST /api/chats/{chat_id}/stop": 404,
    "GET /api/chats/{chat_id}/export": 404,
    # It is resolved.
    "POST /api/conversations/{conversation_id}/reply": 409,
    "POST /api/escalate": 409,
    # It was sent.
    "POST /api/deliveries/{delivery_id}/resend": 409,
    # What stands for its credentials was never encrypted.
    "POST /api/integrations/{integration_id}/test": 503,
    # Payments are not set up here.
    "POST /api/billing/checkout": 503,
    "POST /api/billing/top-up": 503,
    "POST /api/billing/portal": 503,
    "GET /api/billing/invoices": 503,
}
# The same for every workspace of a plan.
OF_NOBODY = {"GET /api/models"}


@pytest.mark.parametrize("label", in_workspaces(ACCESS))
async def test_a_role_may_what_its_permissions_say(
    client: httpx.AsyncClient, factory: Factory, label: str
) -> None:
    ours = await planted(factory)
    access, route = ACCESS[label], ROUTES[label]
    may = {role: access == MEMBER or access in ROLE_PERMISSIONS[role] for role in Role}
    members = {role: (await factory.member(ours.tenant, role))[1] for role in Role}
    # Those who may not come first: who may can delete it.
    before = await state_of(ours)
    for role in (role for role in Role if not may[role]):
        answer = await ask(client, route, ours, members[role], str(ours.tenant.id))
        assert answer.status == 403, (role, answer.text)
        assert not answer.seen, role
    assert await state_of(ours) == before
    statuses = {}
    for role in (role for role in Role if may[role]):
        statuses[role] = (await ask(client, route, ours, members[role], str(ours.tenant.id))).status
    first = next(iter(statuses.values()))
    assert first == OTHERWISE.get(label) or (label not in OTHERWISE and 200 <= first < 300), statuses
    assert not {401, 403} & set(statuses.values())
    assert max(statuses.values()) < 500 or OTHERWISE.get(label) == 503


@pytest.mark.parametrize("label", [label for label in in_workspaces(ACCESS) if label.startswith("GET ")])
async def test_what_strangers_never_see_is_there_to_be_seen(
    client: httpx.AsyncClient, factory: Factory, label: str
) -> None:
    ours = await planted(factory)
    answer = await ask(
        client, ROUTES[label], ours, ours.owner_headers, str(ours.tenant.id), is_filtered=False
    )
    assert answer.seen or label in OTHERWISE or label in OF_NOBODY
