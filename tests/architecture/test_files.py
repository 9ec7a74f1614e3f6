"""Rules about files that no linter knows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LONGEST = 400
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}

SOURCES = sorted(
    path.relative_to(PROJECT)
    for room in ("helpninja_app", "api_routes", "tests", "bench", "alembic")
    for path in (PROJECT / room).rglob("*.py")
)
PRODUCT = [path for path in SOURCES if path.parts[0] in {"helpninja_app", "api_routes"}]


def test_sources_are_found() -> None:
    assert len(PRODUCT) > 50


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_file_is_longer_than_two_screens_can_explain(path: Path) -> None:
    lines = (PROJECT / path).read_text("utf-8").count("\n")
    assert lines <= LONGEST, f"{path} has {lines} lines: split it by use case"


@pytest.mark.parametrize("path", PRODUCT, ids=str)
def test_a_module_is_named_after_what_it_owns(path: Path) -> None:
    words = {word for part in path.with_suffix("").parts for word in part.split("_")}
    assert not words & VAGUE_NAMES


@pytest.mark.parametrize("path", [path for path in PRODUCT if path.name != "__init__.py"], ids=str)
def test_a_module_opens_with_a_sentence(path: Path) -> None:
    said = ast.get_docstring(ast.parse((PROJECT / path).read_text("utf-8")))
    assert said
    assert said.splitlines()[0].rstrip().endswith((".", ":")) or "." in said


def test_the_package_itself_runs_nothing_when_imported() -> None:
    assert (PROJECT / "helpninja_app" / "__init__.py").read_text().strip() == ""
