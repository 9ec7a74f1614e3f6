"""Samples of what shows something: chips, cards, tabs, progress, charts, code and conversation."""

from __future__ import annotations

import reflex as rx

from helpninja_app.screens.gallery.samples import LONG, block, line
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.badges import BadgeTone, badge, score
from helpninja_app.ui.charts import chart_frame, chart_row
from helpninja_app.ui.code import code_block, code_line, copied_line
from helpninja_app.ui.conversation import answered, asked, citation
from helpninja_app.ui.keys import key, with_control
from helpninja_app.ui.notices import Tone, notice
from helpninja_app.ui.panels import card, stat
from helpninja_app.ui.progress import counted_progress, endless_progress, progress
from helpninja_app.ui.rendered import rendered_text
from helpninja_app.ui.tabs import Tab, tab_links, tabs

_TONES: tuple[tuple[BadgeTone, str], ...] = (
    ("accent", "Indexing"),
    ("success", "Up to date"),
    ("warning", "Waiting"),
    ("danger", "Failed"),
    ("info", "Bot"),
    ("neutral", "Mara"),
)
_NOTICES: tuple[tuple[Tone, str], ...] = (
    ("success", "Your password is changed."),
    ("info", "A mail with a link is on its way."),
    ("warning", "Your address is not confirmed yet."),
    ("danger", "The e-mail address or the password is not right."),
)
_DAYS = (("Mon", 34), ("Tue", 52), ("Wed", 47), ("Thu", 61), ("Fri", 40), ("Sat", 18), ("Sun", 12))
_CODE = """curl https://help.example.com/api/chat \\
  -H "content-type: application/json" \\
  -d '{"tenantId": "hn_pk_demo", "message": "May I return boots?"}'"""
_HTML = (
    "<p>The agreement can be ended with <strong>three months’ notice</strong>. The winter range is "
    "stricter:</p>"
    "<ul><li>Orders already confirmed stay binding.</li><li>Notice must arrive before <code>31 "
    "March</code>.</li></ul>"
    '<h3>How to do it</h3><ol><li>Write a letter.</li><li>Send it to <a href="https://example.com">Nordfell</a>.</li>'
    "</ol><blockquote><p>A mail is not enough.</p></blockquote>"
    "<table><thead><tr><th>Range</th><th>Notice</th></tr></thead>"
    "<tbody><tr><td>Summer</td><td>3 months</td></tr><tr><td>Winter</td><td>6 "
    "months</td></tr></tbody></table>"
    "<pre><code>notice = end_of_quarter - months(3)</code></pre>"
)


def badges(_side: str) -> rx.Component:
    return rx.fragment(
        line("Badges", *(badge(label, tone) for tone, label in _TONES)),
        line("Scores and keys", score("0.71"), score("0.38"), key("Esc"), with_control("K")),
        block("Notices", *(notice(words, tone=tone) for tone, words in _NOTICES)),
    )


def cards(_side: str) -> rx.Component:
    return rx.fragment(
        rx.el.dl(
            stat("Conversations", "1,284", "in the last 30 days"),
            stat("Answered without a person", "82 %", "4 more than before"),
            stat("Median confidence", "0.71", ""),
            class_name="grid gap-3 phone:grid-cols-3",
        ),
        card(
            rx.el.p("A card", class_name="text-body font-medium"),
            rx.el.p(LONG, class_name="text-table text-muted"),
            class_name="p-4",
        ),
    )


def tab_sets(side: str) -> rx.Component:
    def panel(words: str) -> rx.Component:
        return rx.el.p(words, class_name="text-table text-muted")

    return rx.fragment(
        tabs(
            f"Knowledge, {side}",
            Tab(f"{side}-sources", "Sources", panel("Websites and files.")),
            Tab(f"{side}-answers", "Curated answers", panel("What people wrote themselves."), count="18"),
            Tab(f"{side}-gaps", "Gaps", panel("Questions that nothing answers."), count="7"),
            Tab(f"{side}-off", "Not in this plan", panel(""), is_disabled=True),
        ),
        tab_links(
            f"Parts of the settings, {side}",
            ("Gallery", "/dev/gallery", ""),
            ("Front page", "/", ""),
            current="/dev/gallery",
        ),
    )


def progresses(_side: str) -> rx.Component:
    return rx.fragment(
        counted_progress(
            "Reading fernway.example",
            "38 of 61 pages",
            62,
            cancel=button("Stop", type="button", size="small", emphasis="quiet"),
        ),
        counted_progress(LONG, "5,120 of 5,120 pages", 100),
        block("Without a name to see", progress("Credits", 64)),
        block("No end in sight", endless_progress("Connecting")),
    )


def charts(_side: str) -> rx.Component:
    return chart_frame(
        "Conversations per day",
        rx.el.div(
            *(
                rx.el.div(
                    rx.el.div(
                        class_name="w-full rounded-t-chip bg-accent", style={"height": f"{count * 1.6}px"}
                    ),
                    rx.el.span(day, class_name="text-small text-muted"),
                    class_name="flex flex-1 flex-col items-center justify-end gap-1.5",
                )
                for day, count in _DAYS
            ),
            class_name="flex h-32 items-stretch gap-2",
        ),
        note="264 in seven days",
        columns=("Day", "Conversations"),
        rows=rx.fragment(*(chart_row(day, str(count)) for day, count in _DAYS)),
        actions=icon_button("Save as CSV", "download"),
    )


def code(_side: str) -> rx.Component:
    return rx.fragment(
        copied_line(
            '<script async src="https://help.example.com/api/widget?t=hn_pk_demo"></script>',
            label="The line that installs the widget",
            note="Copied.",
        ),
        block("Without a button", code_line("make run", label="How to start it")),
        block("Longer than its place", code_line(_CODE.replace("\\\n", ""), label="One long line")),
        code_block(_CODE, label="Ask a question"),
        code_block("\n".join([_CODE] * 9), label="Ask nine questions", is_long=True),
    )


def conversation(_side: str) -> rx.Component:
    return rx.fragment(
        rx.el.div(
            asked("Can I exchange boots after one hike?"),
            answered(rx.el.span("Unworn items can be exchanged within 60 days."), citation("1")),
            class_name="flex flex-col gap-3",
        ),
        block("Rendered, as in a chat", rendered_text(_HTML)),
        block("Rendered, as on a page", rendered_text(_HTML, size="body")),
    )
