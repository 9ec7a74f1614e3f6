"""What each role and an API key may do, as PRODUCT.md has it under "Roles": a change here is a decision."""

from __future__ import annotations

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import KEY_PERMISSIONS, ROLE_PERMISSIONS, outranks

READ = {"knowledge:read", "conversations:read", "members:read"}
MAY = {
    "viewer": READ,
    "agent": READ | {"conversations:answer", "chat:use", "documents:upload"},
    "analyst": READ | {"chat:use", "documents:upload", "knowledge:write", "rules:manage"},
    "admin": READ
    | {
        "conversations:answer",
        "chat:use",
        "documents:upload",
        "knowledge:write",
        "rules:manage",
        "audit:read",
    }
    | {"workspace:manage", "members:manage", "keys:manage"},
    "owner": READ
    | {
        "conversations:answer",
        "chat:use",
        "documents:upload",
        "knowledge:write",
        "rules:manage",
        "audit:read",
    }
    | {"workspace:manage", "members:manage", "keys:manage", "billing:manage", "workspace:delete"},
}


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_was_decided(role: Role) -> None:
    assert {permission.value for permission in ROLE_PERMISSIONS[role]} == MAY[role.value]


def test_a_key_lets_nobody_in_and_deletes_no_workspace() -> None:
    assert {permission.value for permission in KEY_PERMISSIONS} == MAY["owner"] - {
        "members:manage",
        "keys:manage",
        "workspace:delete",
    }


def test_roles_rank_from_owner_to_viewer() -> None:
    ranked = ["owner", "admin", "agent", "analyst", "viewer"]
    assert [role.value for role in Role] == ranked
    assert outranks(Role.OWNER, Role.ADMIN)
    assert not outranks(Role.ADMIN, Role.ADMIN)
