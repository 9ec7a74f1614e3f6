"""Text with structure, which the server has made into HTML and sanitised."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

TextSize = Literal["chat", "body"]

_SIZES: dict[TextSize, str] = {"chat": "text-chat", "body": "text-body"}


def rendered_text(html: Any, *, size: TextSize = "chat") -> rx.Component:
    """Only what ``answers.rendering.render_markdown`` gave may come here: it is put in as it is."""
    return rx.html(html, class_name=f"rendered {_SIZES[size]} text-text")
