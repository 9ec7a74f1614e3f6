"""The colours of the design system: as designed, the same with and without scripts, and named by role."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOKENS = (ROOT / "assets/styles/tokens.css").read_text()

# Of each role, in light and in dark.
DESIGNED = {
    "bg": ("#ffffff", "#111413"),
    "subtle": ("#f7f8f7", "#161a18"),
    "raised": ("#ffffff", "#1a1f1d"),
    "border": ("#e4e7e5", "#272d2a"),
    "border-strong": ("#cfd4d1", "#3a423e"),
    "text": ("#181c1a", "#e9ecea"),
    "muted": ("#626b66", "#9aa39e"),
    "faint": ("#8b938e", "#717a75"),
    "accent": ("#0b7a64", "#2fb598"),
    "accent-text": ("#0a6a57", "#4cc9ad"),
    "accent-soft": ("#e3f4ef", "#123229"),
    "on-accent": ("#ffffff", "#04150f"),
    "success": ("#2a7d3f", "#5ec27a"),
    "success-soft": ("#e6f4e9", "#142a1b"),
    "warning": ("#925c00", "#e0a744"),
    "warning-soft": ("#fdf1d8", "#2f2410"),
    "danger": ("#c0362c", "#f0786d"),
    "danger-soft": ("#fdebe9", "#351916"),
    "info": ("#2b62c9", "#7ea6f4"),
    "info-soft": ("#e8effc", "#16233d"),
}


def _blocks(scheme: str) -> list[dict[str, str]]:
    """The custom properties of each rule for a colour scheme."""
    bodies = re.findall(rf"{{\s*color-scheme: {scheme};(.*?)}}", TOKENS, re.S)
    return [dict(re.findall(r"--([\w-]+):\s*([^;]+);", body)) for body in bodies]


@pytest.mark.parametrize("role", DESIGNED)
def test_a_colour_is_as_it_was_designed(role: str) -> None:
    light, dark = DESIGNED[role]
    assert {block[role] for block in _blocks("light")} == {light}
    assert {block[role] for block in _blocks("dark")} == {dark}


def test_pages_without_scripts_have_the_same_dark_colours() -> None:
    by_choice, by_the_system = _blocks("dark")
    assert by_choice == by_the_system


def test_screens_name_roles_and_no_colours() -> None:
    named = {
        f"{path.relative_to(ROOT)}: {found}"
        for folder in ("ui", "screens")
        for path in (ROOT / "helpninja_app" / folder).rglob("*.py")
        for found in re.findall(r"#[0-9a-fA-F]{6}\b|rgba?\(", path.read_text())
    }
    assert named == set()
