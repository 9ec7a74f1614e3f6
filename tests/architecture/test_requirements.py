"""What is installed is the same everywhere, and only what ships is installed by `make run`."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==(?P<version>[\w.!+-]+)")
REMARK = re.compile(r"\s*#.*")


def requirements(name: str) -> list[str]:
    lines = (REMARK.sub("", line).strip() for line in (PROJECT / name).read_text().splitlines())
    return [line for line in lines if line and not line.startswith("-r ")]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    found = (PINNED.fullmatch(line) for line in requirements("requirements.lock"))
    return {normal(each["name"]): each["version"] for each in found if each}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements.lock"])
def test_every_requirement_is_pinned_to_one_version(name: str) -> None:
    loose = [line for line in requirements(name) if not PINNED.fullmatch(line)]
    assert requirements(name)
    assert not loose


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_agrees_with_what_is_required(name: str) -> None:
    wanted = (PINNED.fullmatch(line) for line in requirements(name))
    stale = [each[0] for each in wanted if each and locked().get(normal(each["name"])) != each["version"]]
    assert not stale, "run: make lock"


def test_what_ships_needs_nothing_that_is_not_locked() -> None:
    """Follows the requirements of what is installed; the lock may hold more, for other systems."""
    missing, seen = set(), set()
    waiting = [PINNED.fullmatch(line) for line in requirements("requirements.txt")]
    names = [normal(each["name"]) for each in waiting if each]
    while names:
        name = names.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in locked():
            missing.add(name)
        for needed in metadata.requires(name) or ():
            if "extra ==" not in needed and ";" not in needed:
                found = re.match(r"[A-Za-z0-9._-]+", needed)
                names += [normal(found[0])] if found else []
    assert not missing


def test_nothing_that_ships_is_under_a_licence_that_binds_its_users() -> None:
    # psycopg is LGPL: used as the separate library it is, which that licence allows.
    binding = []
    for line in requirements("requirements.txt"):
        name = line.partition("==")[0].partition("[")[0]
        about = metadata.metadata(name).json
        stated = str(about.get("license_expression") or about.get("license") or "")[:80]
        said = f"{stated} {about.get('classifier')}"
        if re.search(r"\b[AL]?GPL|Affero|General Public", said) and name != "psycopg":
            binding.append(name)
    assert not binding
