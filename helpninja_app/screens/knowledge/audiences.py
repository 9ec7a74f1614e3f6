"""Who is answered from something, as a chip, and the question before it becomes public."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import confirm, opens
from helpninja_app.ui.menus import menu_item

VISITORS_AND_MEMBERS = (("visitors", "Visitors"), ("members", "Members"))


def audience_chip(audience: Any, is_public: Any) -> rx.Component:
    return badge(audience, rx.cond(is_public, "accent", "neutral"))


def audience_item(is_public: Any, *, question: Any, on_members: Any) -> rx.Component:
    """The entry of a menu that makes something public, which is asked about, or keeps it for members."""
    return rx.cond(
        is_public,
        menu_item("For members only", "lock", on_click=on_members),
        menu_item("Show to visitors…", "globe", **opens(question)),
    )


def public_question(
    *, id: Any, what: Any, on_confirm: Any, is_shown: Any = None, on_close: Any = None
) -> rx.Component:
    """Asks before ``what`` becomes public; opened and closed as ``confirm`` is."""
    return confirm(
        id=id,
        title=rx.fragment("Show ", what, " to visitors?"),
        consequence="Everybody who uses the widget on your website can be answered from it, at once.",
        act="Make it public",
        keep="Keep it for members",
        on_confirm=on_confirm,
        is_shown=is_shown,
        on_close=on_close,
    )
