"""The gallery shows every component of the design system."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpninja_app.screens.gallery.page import SAMPLES

PACKAGE = Path(__file__).parents[2] / "helpninja_app"
# They draw nothing themselves.
UNSEEN = {
    "failure_boundary": "stands around all pages; what it shows is failed_page",
    "connection_notice": "shows connection_bar while the server is away",
    "toaster": "the place of toasts, once for all pages",
    "renewal": "a mark that a script reads",
    "whose_page": "a mark that a script reads",
    "follower": "a hidden button that a script presses",
    "field_from_address": "goes with a form unseen",
    "hidden_field": "goes with a form unseen",
}


def components() -> dict[str, str]:
    """The public functions of ``ui/`` that give a component, and the module each stands in."""
    return {
        node.name: path.name
        for path in sorted((PACKAGE / "ui").glob("*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and node.returns is not None
        and "Component" in ast.unparse(node.returns)
    }


def names_used() -> set[str]:
    """Every name that the gallery's code reads; an import alone is no use."""
    return set(_names(PACKAGE / "screens" / "gallery"))


def _names(folder: Path) -> Iterator[str]:
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield node.id


def test_components_are_found() -> None:
    assert len(components()) > 60
    assert {"button", "app_shell", "said_toast"} <= components().keys()


@pytest.mark.parametrize("name", sorted(components().keys() - UNSEEN.keys()))
def test_every_component_is_shown_in_the_gallery(name: str) -> None:
    assert name in names_used(), f"{name} of ui/{components()[name]} has no sample in screens/gallery"


def test_what_draws_nothing_is_still_there_and_not_shown() -> None:
    assert components().keys() >= UNSEEN.keys()
    assert not names_used() & UNSEEN.keys()


def test_every_sample_has_a_place_of_its_own() -> None:
    ids = [sample.id for _, samples in SAMPLES for sample in samples]
    assert len(ids) == len(set(ids))
