"""The front end is built for every origin, and only when its sources changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.any_origin import rewrite_addresses
from helpninja_app.kernel.frontend import FrontEnd


class Builder:
    """Stands in for Reflex' export: deletes the old build first, as that does, then succeeds or fails."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.runs = 0
        self.fails = False

    def __call__(self, front_end: FrontEnd, _say: object) -> None:
        self.runs += 1
        pages = front_end.pages
        pages.mkdir(parents=True)
        if self.fails:
            raise Unavailable("The pages could not be built.")
        (pages / "index.html").write_text(f"build {self.runs}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "tokens.css").write_text(":root {}")
    (tmp_path / "helpninja_app" / "ui").mkdir(parents=True)
    (tmp_path / "helpninja_app" / "screens").mkdir()
    for name in ("rxconfig.py", "requirements.txt", "helpninja_app/helpninja_app.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "helpninja_app" / "kernel").mkdir()
    (tmp_path / "helpninja_app" / "kernel" / "any_origin.py").write_text("")
    return tmp_path


@pytest.fixture
def builder(project: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    builder = Builder(project)
    monkeypatch.setattr(FrontEnd, "_export", lambda front_end, say: builder(front_end, say))
    return builder


def ignore(_line: str) -> None: ...


def test_nothing_is_built_twice_for_the_same_sources(project: Path, builder: Builder) -> None:
    assert FrontEnd(project).build_if_needed(ignore) is True
    assert FrontEnd(project).build_if_needed(ignore) is False
    assert builder.runs == 1


@pytest.mark.parametrize(
    "changed", ["assets/tokens.css", "helpninja_app/ui/new.py", "rxconfig.py", "requirements.txt"]
)
def test_a_changed_source_is_built(project: Path, builder: Builder, changed: str) -> None:
    FrontEnd(project).build_if_needed(ignore)
    (project / changed).write_text("changed")
    assert FrontEnd(project).build_if_needed(ignore) is True


def test_what_python_leaves_behind_is_no_source(project: Path, builder: Builder) -> None:
    FrontEnd(project).build_if_needed(ignore)
    (project / "helpninja_app" / "ui" / "__pycache__").mkdir()
    (project / "helpninja_app" / "ui" / "__pycache__" / "x.pyc").write_text("x")
    assert FrontEnd(project).build_if_needed(ignore) is False


def test_a_failed_build_leaves_the_old_one_and_is_tried_again(project: Path, builder: Builder) -> None:
    front_end = FrontEnd(project)
    front_end.build_if_needed(ignore)
    (project / "rxconfig.py").write_text("changed")
    builder.fails = True
    with pytest.raises(Unavailable, match="could not be built"):
        front_end.build_if_needed(ignore)
    assert (front_end.pages / "index.html").read_text() == "build 1"
    builder.fails = False
    assert front_end.build_if_needed(ignore) is True
    assert (front_end.pages / "index.html").read_text() == "build 3"


def test_a_build_that_was_killed_is_made_again(project: Path, builder: Builder) -> None:
    front_end = FrontEnd(project)
    front_end.build_if_needed(ignore)
    (project / ".web" / "build").rename(project / ".web" / "build.previous")
    assert front_end.build_if_needed(ignore) is True
    assert not (project / ".web" / "build.previous").exists()


def test_a_build_without_npm_says_what_to_do(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    monkeypatch.setattr(sys, "executable", str(project / "bin" / "python"))
    with pytest.raises(Unavailable, match="make setup"):
        FrontEnd(project).build_if_needed(ignore)


def test_addresses_of_the_build_machine_become_the_pages_own_origin(tmp_path: Path) -> None:
    script = tmp_path / "reflex-env-AbC.js"
    script.write_text(
        'var e={PING:`http://localhost:8000/ping`,EVENT:"ws://localhost:8000/_event",T:`websocket`};'
    )
    rewrite_addresses(tmp_path)
    assert script.read_text() == (
        'var e={PING:(location.origin+"/ping"),'
        'EVENT:(location.origin.replace("http","ws")+"/_event"),T:`websocket`};'
    )


def test_a_build_without_an_address_to_replace_fails(tmp_path: Path) -> None:
    (tmp_path / "reflex-env-AbC.js").write_text("var e={};")
    with pytest.raises(RuntimeError, match="keeps it elsewhere"):
        rewrite_addresses(tmp_path)
