"""People name a page as their browser shows it, or by its path; both mean the stored document."""

from __future__ import annotations

import pytest

from helpninja_app.answers.evaluation.dataset import LabelledQuestion
from helpninja_app.answers.evaluation.expected_pages import with_pages_of

URLS = ("https://shop.example/help/boots", "https://de.shop.example/help/boots", "https://shop.example/?p=7")


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("https://shop.example/help/boots", {URLS[0]}),
        ("HTTPS://Shop.Example:443/help/boots?utm_source=mail#sizes", {URLS[0]}),
        ("/help/boots", {URLS[0], URLS[1]}),
        ("/?p=7", {URLS[2]}),
    ],
)
def test_a_page_is_found_however_it_is_named(named: str, meant: set[str]) -> None:
    (question,), missing = with_pages_of([asked(named)], URLS)
    assert question.relevant == meant
    assert missing == ()


@pytest.mark.parametrize(
    "named", ["/", "https://shop.example/help", "boots", "ftp://shop.example/help/boots"]
)
def test_a_page_that_is_not_there_is_named_once(named: str) -> None:
    questions, missing = with_pages_of([asked(named), asked(named)], URLS)
    assert missing == (named,)
    assert all(question.relevant == {named} for question in questions)


def asked(*urls: str) -> LabelledQuestion:
    return LabelledQuestion("1", "How are boots returned?", frozenset(urls), answerable=True)
