"""The panel's files as they are sent say the same as their sources."""

import re
from pathlib import Path

import pytest

from api_routes.widget_files import lean

WIDGET = Path(__file__).parents[2] / "assets" / "widget"
FILES = sorted(path for path in WIDGET.iterdir() if path.suffix in {".js", ".css"} and path.stem != "loader")


def test_comments_on_lines_of_their_own_and_indents_are_left_out() -> None:
    source = "// one\nconst a = 1; // two\n  /** three\n   * four */\n  const b = '// five';\n"
    assert lean(source) == "const a = 1; // two\nconst b = '// five';\n"


def test_a_comment_that_is_followed_by_code_on_its_line_stays() -> None:
    assert lean("/* a */ b();\n") == "/* a */ b();\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_of_the_panel_has_a_string_over_several_lines(path: Path) -> None:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        unquoted = re.sub(r"'[^'\n]*'|/(?:[^/\\]|\\.)+/", "", line)
        assert unquoted.count("`") % 2 == 0, f"{path.name}:{number}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_line_of_code_is_sent(path: Path) -> None:
    source = path.read_text("utf-8")
    comments = re.compile(r"^\s*(//|/\*|\*)")
    # CSS has lines that begin with a star selector.
    code = [line.strip() for line in source.splitlines() if path.suffix == ".js" and not comments.match(line)]
    assert [line for line in code if line] == [line for line in lean(source).splitlines() if code and line]


def test_a_long_source_of_half_open_comments_is_read_in_no_time() -> None:
    assert lean("/* a\n" * 2000).startswith("/* a")
