"""What the parts of the screen read anew when something changed that several of them show."""

from __future__ import annotations

from typing import Any

# The event that reads a part, by the part's name. A part adds its own: most of them know none of the others.
_PARTS: dict[str, Any] = {}


def is_part(name: str, read: Any) -> None:
    """``read`` is the event that shows this part as it is now."""
    _PARTS[name] = read


def the_others(name: str) -> list[Any]:
    """The events that read every part but this one, which shows itself anew."""
    return [read for part, read in _PARTS.items() if part != name]
