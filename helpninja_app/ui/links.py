"""Links that the browser follows by itself."""

from __future__ import annotations

from typing import Any

import reflex as rx


def document_link(*content: rx.Component | str, href: str, **attributes: Any) -> rx.Component:
    """A link to what is no page of ours, such as the demo shop, or to a place on this page.

    Reflex hands every other link to its router, which knows our pages and nothing else on this origin.
    """
    return rx.el.a(*content, href=href, reload_document=True, **attributes)
