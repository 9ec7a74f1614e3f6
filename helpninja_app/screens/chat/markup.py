"""How answers become HTML: whole ones, and one that is being written, of which only the end is drawn anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from helpninja_app.answers.rendering import last_block_at, render_markdown

Marker = Callable[[int], str]

# In sanitised HTML a "<" of the text itself is escaped, and quotes in attributes are.
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)(?:"[^"]*"|[^">])*>')
_MARKER = re.compile(r"\[(\d{1,3})\]")
_CLOSED_TO_MARKERS = frozenset({"a", "code", "pre"})
_CODE = (
    '<div class="code"><button type="button" class="code-copy" data-copies="code" aria-label="Copy the code">'
    'Copy</button><pre tabindex="0">'
)


def render_answer(text: str, message_id: str, numbers: Collection[int]) -> str:
    """A stored answer as safe HTML; its markers ``[n]`` with n in ``numbers`` press what opens the passage.

    That is the button with the id that ``source_button`` gives.
    """

    def marker(number: int) -> str:
        if number not in numbers:
            return f"[{number}]"
        return (
            f'<button type="button" class="cite" data-clicks="{source_button(message_id, number)}"'
            f' aria-label="Passage {number}">{number}</button>'
        )

    return _dressed(render_markdown(text, has_colours=True), marker)


def source_button(message_id: str, number: int) -> str:
    """The id of the button below an answer that opens a passage."""
    return f"source-{message_id}-{number}"


class GrowingAnswer:
    """An answer that is being written: ``finished`` blocks, each drawn once, and the ``open`` last one.

    ``has_markers`` when ``[n]`` in it are passages.
    """

    def __init__(self, *, has_markers: bool) -> None:
        self.finished: list[str] = []
        self.open = ""
        self.size = 0
        self._text = ""
        self._has_markers = has_markers

    def feed(self, text: str) -> None:
        """Draw what came; takes time as the open block is long, not as the answer is."""
        self._text += text
        self.size = len(self._text)
        end = last_block_at(self._text)
        if end:
            self.finished = [*self.finished, self._drawn(self._text[:end])]
            self._text = self._text[end:]
        self.open = self._drawn(self._text)

    def _drawn(self, text: str) -> str:
        def marker(number: int) -> str:
            return f'<span class="cite">{number}</span>' if self._has_markers else f"[{number}]"

        return _dressed(render_markdown(text), marker)


def _dressed(html: str, marker: Marker) -> str:
    """Put a button to copy with into each block of code, and ``marker`` in place of each ``[n]``."""
    parts: list[str] = []
    depth = end = 0
    for tag in _TAG.finditer(html):
        parts.append(_marked(html[end : tag.start()], marker, is_open=not depth))
        is_closing, name = bool(tag[1]), tag[2]
        if name in _CLOSED_TO_MARKERS:
            depth += -1 if is_closing else 1
        if name != "pre":
            parts.append(tag[0])
        else:
            parts.append("</pre></div>" if is_closing else _CODE)
        end = tag.end()
    parts.append(_marked(html[end:], marker, is_open=not depth))
    return "".join(parts)


def _marked(text: str, marker: Marker, *, is_open: bool) -> str:
    if not is_open or "[" not in text:
        return text
    return _MARKER.sub(lambda found: marker(int(found[1])), text)
