"""Light, dark, or as the system has it: what people may choose."""

from __future__ import annotations

from reflex_base.style import LiteralColorMode

# What it is called inside, what people read, and its icon.
MODES: tuple[tuple[LiteralColorMode, str, str], ...] = (
    ("light", "Light", "sun"),
    ("dark", "Dark", "moon"),
    ("system", "As the system", "monitor"),
)
