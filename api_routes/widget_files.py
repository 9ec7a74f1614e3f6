"""The panel's files as they are sent: without what only their readers here need."""

from __future__ import annotations

import re
from functools import lru_cache

_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*.*?\*/)[ \t]*\n", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)


@lru_cache(maxsize=64)
def lean(source: str) -> str:
    """``source`` (JavaScript or CSS) without the comments that have lines of their own, and without indents.

    No string of the panel spans lines, so nothing that is shown changes.
    """
    return _INDENT.sub("", _COMMENT.sub("", source))
