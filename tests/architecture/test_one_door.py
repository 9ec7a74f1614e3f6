"""Who calls is found out at one door: nothing else makes credentials or callers of what a request carries."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Who may make one: the door itself, and its adapters to HTTP, to websockets and to Supabase.
MAKERS = {
    "Credentials": {
        "api_routes/identity.py",
        "api_routes/session_cookies.py",
        "helpninja_app/accounts/supabase/project.py",
        "helpninja_app/screens/session.py",
    },
    "MemberCaller": {"helpninja_app/accounts/identity.py"},
    "KeyCaller": {"helpninja_app/accounts/identity.py"},
    "SignedInUser": {"helpninja_app/accounts/identity.py"},
    "VisitorCaller": {"api_routes/identity.py"},
}
# Where what is brought along is read, or given out.
READERS = {
    "SESSION_COOKIE": {
        "api_routes/forms.py",
        "api_routes/identity.py",
        "helpninja_app/accounts/sessions.py",
        "helpninja_app/screens/session.py",
    },
    "SessionHash": {
        "helpninja_app/accounts/models.py",
        "helpninja_app/accounts/sessions.py",
        "helpninja_app/accounts/supabase/introductions.py",
    },
    "ApiKeyHash": {"helpninja_app/accounts/api_keys.py", "helpninja_app/accounts/models.py"},
}


def _modules() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text())
        for folder in ("api_routes", "helpninja_app")
        for path in (ROOT / folder).rglob("*.py")
    }


MODULES = _modules()


@pytest.mark.parametrize("name", MAKERS)
def test_who_calls_is_made_at_the_door_alone(name: str) -> None:
    makers = {
        path
        for path, module in MODULES.items()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    }
    assert makers == MAKERS[name]


@pytest.mark.parametrize("name", READERS)
def test_credentials_are_read_at_the_door_alone(name: str) -> None:
    readers = {
        path
        for path, module in MODULES.items()
        for node in ast.walk(module)
        if (isinstance(node, ast.Name) and node.id == name)
        or (isinstance(node, ast.ClassDef) and node.name == name)
    }
    assert readers == READERS[name]
