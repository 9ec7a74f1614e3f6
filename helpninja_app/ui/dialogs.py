"""What opens above a page: dialogs, questions before something is destroyed, and sheets from the side."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.event import no_args_event_spec
from reflex_components_core.el.elements.other import Dialog

from helpninja_app.ui.actions import button, icon_button

_FLOATING = (
    "border border-border bg-raised p-0 text-left text-body font-normal whitespace-normal shadow-float"
)


class _Modal(Dialog):
    on_close: rx.EventHandler[no_args_event_spec]  # type: ignore[type-arg, valid-type]


def opens(dialog: Any) -> dict[str, Any]:
    """The attributes of a button that opens the dialog of this id."""
    return {"data_opens": dialog, "aria_haspopup": "dialog"}


def closes() -> dict[str, Any]:
    """The attributes of a button that closes the dialog it stands in."""
    return {"data_closes": True}


def dialog(
    *content: rx.Component,
    id: Any,
    title: Any,
    actions: tuple[rx.Component, ...] = (),
    is_shown: Any = None,
    on_close: Any = None,
    is_help: bool = False,
) -> rx.Component:
    """A modal dialog that Escape and a press beside it close; the focus returns to where it was.

    It is opened by a button with ``opens(id)``, or follows the Var ``is_shown``: then ``on_close`` has to
    make that false. The question mark opens the one that ``is_help``.
    """
    return _modal(
        _head(id, title),
        rx.el.div(*content, class_name="flex flex-col gap-4 overflow-y-auto px-5 pb-5"),
        rx.el.div(
            *actions,
            class_name="flex flex-wrap justify-end gap-2 border-t border-border bg-subtle px-5 py-3",
        )
        if actions
        else rx.fragment(),
        id=id,
        is_shown=is_shown,
        on_close=on_close,
        **({"data_help": True} if is_help else {}),
        aria_labelledby=_part(id, "title"),
        class_name="m-auto max-h-[90dvh] w-[calc(100%-2rem)] max-w-dialog flex-col rounded-card open:flex "
        f"overflow-hidden {_FLOATING}",
    )


def confirm(
    *,
    id: Any,
    title: Any,
    consequence: Any,
    act: Any,
    on_confirm: Any,
    keep: str = "Keep",
    is_shown: Any = None,
    on_close: Any = None,
) -> rx.Component:
    """Asks once before something is destroyed: ``title`` names the thing, ``act`` is the verb of the button.

    Opened and closed as ``dialog`` is. The way back is first in the order of the keyboard, so that Enter
    alone destroys nothing.
    """
    return _modal(
        rx.el.div(
            rx.el.h2(title, id=_part(id, "title"), class_name="text-chat font-semibold break-words"),
            rx.el.p(consequence, id=_part(id, "text"), class_name="text-body text-muted"),
            class_name="flex flex-col gap-1.5 p-5",
        ),
        rx.el.div(
            button(keep, type="button", data_first=True, **closes()),
            button(act, type="button", emphasis="danger", on_click=on_confirm, **closes()),
            class_name="flex flex-wrap justify-end gap-2 border-t border-border bg-subtle px-5 py-3",
        ),
        id=id,
        is_shown=is_shown,
        on_close=on_close,
        role="alertdialog",
        data_insists=True,
        aria_labelledby=_part(id, "title"),
        aria_describedby=_part(id, "text"),
        class_name=f"m-auto w-[calc(100%-2rem)] max-w-dialog overflow-hidden rounded-card {_FLOATING}",
    )


def sheet(
    *content: rx.Component,
    id: Any,
    title: Any,
    actions: tuple[rx.Component, ...] = (),
    is_shown: Any = None,
    on_close: Any = None,
    insists: bool = False,
    is_wide: bool = False,
    is_read: bool = False,
) -> rx.Component:
    """Details from the right edge, over the whole window on a phone; opened and closed as ``dialog`` is.

    One that ``insists`` is not closed by a press beside it: something may be written in it. One that
    ``is_wide`` has room for what is put together in it. One that ``is_read`` does not begin in a field of it,
    for which a phone would show its keyboard.
    """
    return _modal(
        _head(id, title, is_first=is_read),
        rx.el.div(*content, class_name="flex flex-1 flex-col gap-4 overflow-y-auto px-5 pb-5"),
        rx.el.div(*actions, class_name="flex justify-end gap-2 border-t border-border px-5 py-3")
        if actions
        else rx.fragment(),
        id=id,
        is_shown=is_shown,
        on_close=on_close,
        data_sheet=True,
        **({"data_insists": True} if insists else {}),
        aria_labelledby=_part(id, "title"),
        class_name="fixed inset-y-0 right-0 left-auto m-0 h-dvh max-h-none w-full max-w-none flex-col "
        "border-y-0 border-r-0 border-l border-border bg-raised p-0 text-left text-body shadow-float "
        "open:flex "
        + ("phone:w-[90vw] phone:max-w-wide-sheet" if is_wide else "phone:w-[90vw] phone:max-w-sheet"),
    )


def _head(id: Any, title: Any, *, is_first: bool = False) -> rx.Component:
    first: dict[str, Any] = {"data_first": True} if is_first else {}
    return rx.el.div(
        rx.el.h2(title, id=_part(id, "title"), class_name="min-w-0 text-chat font-semibold break-words"),
        icon_button("Close", "x", size="small", **first, **closes()),
        class_name="flex items-start justify-between gap-4 px-5 pt-4 pb-3",
    )


def _modal(*content: rx.Component, is_shown: Any = None, on_close: Any = None, **attributes: Any) -> Any:
    if is_shown is not None:
        attributes["data_shown"] = rx.cond(is_shown, "true", "false")
    if on_close is not None:
        attributes["on_close"] = on_close
    return _Modal.create(*content, **attributes)


def _part(id: Any, part: str) -> Any:
    return f"{id}-{part}"
