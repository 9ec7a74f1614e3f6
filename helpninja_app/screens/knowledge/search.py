"""How the test search looks: the question, the passages that would be found, and the verdict."""

from __future__ import annotations

import reflex as rx

from helpninja_app.screens.knowledge.audiences import audience_chip
from helpninja_app.screens.knowledge.hits import Hit, Piece
from helpninja_app.screens.knowledge.search_state import MAX_QUESTION, SearchState
from helpninja_app.ui.actions import button
from helpninja_app.ui.badges import badge, score
from helpninja_app.ui.forms import search_field, segments
from helpninja_app.ui.panels import card, empty_state, failed_state, section, skeleton_rows

_AUDIENCES = (("visitors", "Visitors"), ("members", "Members"))


def search_section(write: rx.Component | None = None) -> rx.Component:
    """``write`` leads to writing an answer to the question, where that is possible."""
    return section(
        "Test search",
        card(
            rx.el.form(
                search_field(
                    "A question as a visitor would ask it",
                    name="question",
                    placeholder="Ask as a visitor would",
                    size="large",
                    max_length=MAX_QUESTION,
                ),
                button("Search", type="submit", emphasis="primary", size="large"),
                on_submit=SearchState.search,
                class_name="flex gap-2 border-b border-border p-3.5",
            ),
            rx.el.div(
                _results(write or rx.fragment()), aria_live="polite", aria_busy=SearchState.is_searching
            ),
        ),
        note="exactly what the assistant would find",
        actions=segments(
            "Whose documents are searched",
            name="audience",
            options=_AUDIENCES,
            chosen=SearchState.audience,
            on_choose=SearchState.choose_audience,
        ),
    )


def _results(write: rx.Component) -> rx.Component:
    return rx.cond(
        SearchState.failure != "",
        failed_state(SearchState.failure, retry=SearchState.try_again),
        rx.cond(
            SearchState.is_searching,
            skeleton_rows(3),
            rx.cond(
                SearchState.is_answered,
                rx.fragment(
                    rx.cond(
                        SearchState.hits.length() > 0,
                        rx.el.ol(rx.foreach(SearchState.hits, _hit), class_name="px-4"),
                        # A curated answer or small talk needs no passage.
                        rx.cond(SearchState.verdict.tone == "warning", _nothing_found()),
                    ),
                    _verdict(write),
                ),
                empty_state(
                    "search",
                    "Try a question before your visitors do",
                    "You see the passages an answer would rest on, how well each one fits, and whether the "
                    "assistant would answer or hand over.",
                ),
            ),
        ),
    )


def _verdict(write: rx.Component) -> rx.Component:
    return rx.el.div(
        badge(SearchState.verdict.label, SearchState.verdict.tone),
        rx.el.p(SearchState.verdict.sentence, class_name="min-w-0 flex-1 text-table text-muted"),
        write,
        class_name="flex flex-wrap items-center gap-x-3 gap-y-2 border-t border-border px-4 py-3 "
        "first:border-t-0",
    )


def _nothing_found() -> rx.Component:
    return empty_state(
        "search-x",
        "The assistant would find nothing",
        rx.cond(
            SearchState.audience == "visitors",
            "It would say so and call a person. Add a page that answers this, or search what members see.",
            "It would say so. Add a page that answers this.",
        ),
    )


def _hit(hit: Hit) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            score(hit.score),
            rx.el.h3(
                rx.cond(
                    hit.url != "",
                    rx.el.a(
                        hit.place,
                        href=hit.url,
                        target="_blank",
                        rel="noopener",
                        class_name="rounded-chip hover:underline",
                    ),
                    hit.place,
                ),
                class_name="min-w-0 flex-1 text-table font-semibold",
            ),
            audience_chip(hit.audience, hit.is_public),
            rx.el.p(
                rx.el.span("meaning ", hit.meaning),
                rx.el.span("words ", hit.words),
                rx.el.span("BM25 ", hit.lexical),
                class_name="flex w-full gap-2 text-small text-muted tabular-nums tablet:w-auto",
            ),
            class_name="flex flex-wrap items-center gap-x-2.5 gap-y-1",
        ),
        rx.el.p(rx.foreach(hit.pieces, _piece), class_name="max-w-reading text-table text-muted"),
        class_name="flex flex-col gap-1 border-b border-border py-3 last:border-b-0",
    )


def _piece(piece: Piece) -> rx.Component:
    return rx.cond(
        piece.is_match,
        rx.el.mark(piece.text, class_name="rounded-chip bg-accent-soft px-0.5 text-accent-text"),
        piece.text,
    )
