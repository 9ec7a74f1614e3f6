"""What a browser says of itself is taken where it is a language or a time zone, and is nothing otherwise."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from helpninja_app.conversations.whereabouts import Whereabouts, clock_there
from helpninja_app.screens.inbox.words import language_in_words

MOMENT = datetime(2026, 7, 1, 22, 35, tzinfo=UTC)


@pytest.mark.parametrize("tag", ["en", "pt-BR", "zh-Hant-TW", "de-CH-1996", "de-u-co-phonebk"])
def test_a_language_tag_is_taken_as_it_is(tag: str) -> None:
    assert Whereabouts.told(None, tag, None) == Whereabouts(language=tag)


@pytest.mark.parametrize(
    "tag", [None, "", "e", "*", "en_US", "en-", "-en", "en US", "en\n", "<b>en</b>", "é", "en" + "-abc" * 9]
)
def test_what_is_no_language_tag_is_not_said(tag: str | None) -> None:
    assert Whereabouts.told(None, tag, None).language == ""


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "America/Argentina/Buenos_Aires", "UTC"])
def test_a_time_zone_of_the_database_is_taken(zone: str) -> None:
    assert Whereabouts.told(None, None, zone).time_zone == zone


@pytest.mark.parametrize(
    "zone",
    [None, "", "Europe", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "europe/\0berlin", "+02:00"],
)
def test_what_is_no_time_zone_is_not_said_and_has_no_clock(zone: str | None) -> None:
    assert Whereabouts.told(None, None, zone).time_zone == ""
    assert clock_there(zone or "", MOMENT) == ""


def test_the_clock_is_that_of_the_visitor() -> None:
    assert clock_there("Europe/Berlin", MOMENT) == "00:35 there (Europe/Berlin)"
    assert clock_there("Asia/Kolkata", MOMENT) == "04:05 there (Asia/Kolkata)"


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("de", "German"),
        ("EN-gb", "English (EN-gb)"),
        ("pt-BR", "Portuguese (pt-BR)"),
        ("eo-001", "eo-001"),
        ("", ""),
    ],
)
def test_a_language_is_called_by_its_name_where_it_has_one_here(tag: str, words: str) -> None:
    assert language_in_words(tag) == words
