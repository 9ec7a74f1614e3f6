"""Encrypted texts: keys that change, keys that are wrong, and texts that were moved or changed."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.encryption import decrypt, encrypt

OLD, NEW = "the old key, of any length", "the new key, of any length"
TEXT = "the secret of Ada's phone"


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    before = encrypt([OLD], TEXT, context="a")
    after = encrypt([NEW, OLD], TEXT, context="a")
    assert [decrypt([NEW, OLD], text, context="a") for text in (before, after)] == [TEXT, TEXT]
    assert decrypt([NEW], after, context="a") == TEXT
    with pytest.raises(Unavailable):
        decrypt([OLD], after, context="a")


def test_equal_texts_do_not_look_alike_and_are_not_in_what_is_stored() -> None:
    stored = [encrypt([OLD], TEXT, context="a") for _ in range(2)]
    assert len(set(stored)) == 2
    assert not [text for text in stored if TEXT in text]


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-8], lambda text: "A" + text[1:], lambda _: "", str.upper]
)
def test_a_text_that_was_changed_is_refused(spoil: Callable[[str], str]) -> None:
    stored = encrypt([OLD], TEXT, context="a")
    with pytest.raises(Unavailable):
        decrypt([OLD], spoil(stored), context="a")


def test_a_text_is_only_readable_where_it_was_written_for() -> None:
    stored = encrypt([OLD], TEXT, context="Ada")
    with pytest.raises(Unavailable):
        decrypt([OLD], stored, context="Grace")


def test_what_is_said_of_a_wrong_key_holds_neither_key_nor_text() -> None:
    stored = encrypt([OLD], TEXT, context="a")
    with pytest.raises(Unavailable) as refused:
        decrypt([NEW], stored, context="a")
    said = "".join(traceback.format_exception(refused.value))
    assert "an encryption key of this server is missing" in said
    assert not [word for word in (OLD, NEW, TEXT, stored) if word in said]
