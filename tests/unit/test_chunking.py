"""How documents are cut into passages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpninja_app.knowledge.chunking import MOST, MOST_WHOLE, TINY, chunk_markdown
from helpninja_app.knowledge.sentences import split_sentences
from helpninja_app.knowledge.tokens import estimate_tokens

SENTENCE = "Refunds reach your account within five working days of the parcel's arrival in our warehouse. "


def letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def test_each_passage_carries_the_headings_above_it() -> None:
    markdown = "# Shipping\nWe ship.\n## Abroad\nAlso there.\n### Norway\nWith duty.\n## Home\nIn a day."
    chunks = chunk_markdown(markdown, title="Help")
    assert [(c.heading_path, c.text) for c in chunks] == [
        (("Shipping",), "We ship."),
        (("Shipping", "Abroad"), "Also there."),
        (("Shipping", "Abroad", "Norway"), "With duty."),
        (("Shipping", "Home"), "In a day."),
    ]
    assert [c.position for c in chunks] == [0, 1, 2, 3]


def test_the_indexed_text_names_title_and_headings_once_and_drops_link_targets() -> None:
    chunk = chunk_markdown(
        "# Returns\n## Costs\nSee [the form](https://shop.example/a?b=c).", title="returns"
    )[0]
    assert chunk.embed_text == "returns > Costs\nSee the form."
    assert "https://shop.example" in chunk.text


def test_the_hash_changes_with_the_headings_and_not_with_the_position() -> None:
    alone = chunk_markdown("# A\nSame text.", title="T")[0]
    second = chunk_markdown("# B\nOther.\n# A\nSame text.", title="T")[1]
    renamed = chunk_markdown("# C\nSame text.", title="T")[0]
    assert alone.content_hash == second.content_hash != renamed.content_hash


def test_long_prose_becomes_passages_of_two_to_three_hundred_tokens() -> None:
    chunks = chunk_markdown("# A\n" + "\n\n".join([SENTENCE * 4] * 20), title="T")
    assert all(200 <= c.tokens <= MOST for c in chunks[:-1])


def test_no_sentence_is_cut() -> None:
    chunks = chunk_markdown(SENTENCE * 60, title="T")
    assert len(chunks) > 3
    assert all(c.text.startswith("Refunds") and c.text.endswith("warehouse.") for c in chunks)


def test_a_sentence_that_alone_is_too_long_is_cut_between_words() -> None:
    words = ("considerably " * 400).strip()
    chunks = chunk_markdown(words, title="T")
    assert len(chunks) > 1
    assert " ".join(c.text for c in chunks) == words


def test_a_tiny_last_passage_joins_the_one_before_it() -> None:
    per_chunk = MOST // estimate_tokens(SENTENCE)
    chunks = chunk_markdown(SENTENCE * per_chunk + "\n\nWrite to us.", title="T")
    assert len(chunks) == 1
    assert estimate_tokens("Write to us.") < TINY


def test_passages_never_cross_a_heading() -> None:
    chunks = chunk_markdown("# A\nOne.\n# B\nTwo.", title="T")
    assert [c.text for c in chunks] == ["One.", "Two."]


def test_a_table_that_fits_stays_whole_with_the_line_that_announces_it() -> None:
    rows = "\n".join(f"| Zone {n} | {n} days | ${n}.00 |" for n in range(40))
    table = f"| Zone | Time | Price |\n|---|---|---|\n{rows}"
    chunks = chunk_markdown(f"{SENTENCE * 10}\n\nOur prices are:\n\n{table}", title="T")
    assert MOST < estimate_tokens(table) <= MOST_WHOLE
    assert chunks[-1].text == f"Our prices are:\n\n{table}"


def test_a_larger_table_is_cut_between_rows_and_repeats_its_header() -> None:
    rows = [f"| Item number {n} | costs {n} dollars |" for n in range(200)]
    chunks = chunk_markdown("\n".join(["| Item | Price |", "|---|---|", *rows]), title="T")
    assert len(chunks) > 3
    found = []
    for chunk in chunks:
        lines = chunk.text.split("\n")
        assert lines[:2] == ["| Item | Price |", "|---|---|"]
        found += lines[2:]
    assert found == rows


def test_a_list_stays_with_its_lead_in_and_repeats_it_when_it_is_long() -> None:
    items = "\n".join(
        f"- Thing number {n}, which nobody ever wants to insure for its full value" for n in range(60)
    )
    chunks = chunk_markdown(f"These are not insured:\n\n{items}", title="T")
    assert len(chunks) > 2
    assert all(c.text.startswith("These are not insured:\n") for c in chunks)


def test_an_item_keeps_the_lines_that_continue_it() -> None:
    chunks = chunk_markdown("Steps:\n\n1. Open it.\n   Then wait.\n\n2. Close it.", title="T")
    assert [c.text for c in chunks] == ["Steps:\n\n1. Open it.\n   Then wait.\n\n2. Close it."]


def test_code_stays_whole_and_its_comments_are_no_headings() -> None:
    chunks = chunk_markdown("# Install\n```sh\n# not a heading\npip install x\n```\nDone.", title="T")
    assert [c.heading_path for c in chunks] == [("Install",)]
    assert "# not a heading\npip install x\n```" in chunks[0].text


def test_long_code_is_cut_between_lines_and_each_part_is_fenced() -> None:
    lines = [f"print('line number {n} of the program')" for n in range(200)]
    chunks = chunk_markdown("\n".join(["```python", *lines, "```"]), title="T")
    assert len(chunks) > 3
    assert all(c.text.startswith("```python\n") and c.text.endswith("\n```") for c in chunks)
    assert [line for c in chunks for line in c.text.split("\n")[1:-1]] == lines


def test_a_heading_without_text_below_it_is_still_found() -> None:
    chunks = chunk_markdown("# Guide\n## We never sell data\n## Next\nText.", title="T")
    assert [c.text for c in chunks] == ["We never sell data", "Text."]


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("# The `HELPNINJA_DATA` folder #", "The HELPNINJA_DATA folder"),
        ("## **Bold** and [link](https://x.example)", "Bold and link"),
        ("# C#", "C#"),
        ("Plain\n=====", "Plain"),
    ],
)
def test_headings_lose_their_markup_but_not_their_words(heading: str, name: str) -> None:
    assert chunk_markdown(f"{heading}\n\nText.", title="T")[0].heading_path == (name,)


@pytest.mark.parametrize(
    "text",
    [
        "返品は商品の到着から三十日以内に受け付けます。送料はお客様の負担です。" * 60,
        "我们在三十天内接受退货。运费由客户承担。" * 90,
        "เรารับคืนสินค้าภายในสามสิบวันหลังจากได้รับสินค้า" * 60,
    ],
)
def test_text_without_spaces_is_cut_to_size_and_nothing_is_lost(text: str) -> None:
    chunks = chunk_markdown(text, title="T")
    assert len(chunks) > 2
    assert max(c.tokens for c in chunks) <= MOST + TINY
    assert "".join(c.text for c in chunks) == text


def test_japanese_and_chinese_sentences_stay_whole() -> None:
    chunks = chunk_markdown("返品は商品の到着から三十日以内に受け付けます。" * 60, title="T")
    assert all(c.text.endswith("。") for c in chunks)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("We met Dr. Smith at 3.30 p.m. on Monday. He left.", 2),
        ("Das gilt z. B. ab dem 3. Oktober. Danach nicht.", 2),
        ("Version 1.2.3 is out! Is it? Yes…  Good.", 4),
        ("هل تشحنون؟ نعم نشحن.", 2),
        ("हम भेजते हैं। धन्यवाद।", 2),
        ("一つ。二つ！「三つ。」四つ", 4),
        ("no end at all", 1),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, count: int) -> None:
    assert len(split_sentences(text)) == count


@given(st.text())
def test_sentences_joined_are_the_text(text: str) -> None:
    assert "".join(split_sentences(text)) == text


PIECES = st.sampled_from(
    [
        *("# H\n", "## Sub\n", "- item ", "\n", "\n\n", "| a | b |\n", "|---|---|\n", "```\n"),
        *("word ", "End. ", "語", "。", "ก", "x" * 90),
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=400).map("".join))
def test_whatever_comes_in_all_letters_come_out_in_bounded_passages(markdown: str) -> None:
    chunks = chunk_markdown(markdown, title="T")
    out = letters("".join("".join(c.heading_path) + c.text for c in chunks))
    missing = set(letters(markdown)) - set(out)
    assert not missing
    assert all(0 < c.tokens <= MOST_WHOLE + TINY for c in chunks)


@pytest.mark.parametrize(
    "unit",
    [
        *("a", "a b. ", "\n", ".", "|", "|a|b|\n", "- x\n", "語", "# x\n", "[x](", "`", ". \n", "\n ", "-"),
        *("a\n-\n", "*_", "#", '."', "! ", "あ。"),
    ],
)
@pytest.mark.timeout(60)
def test_a_huge_document_of_one_thing_is_cut_without_going_over_it_again_and_again(unit: str) -> None:
    # Quadratic work on this much would run into the time-out many times over.
    markdown = unit * (120_000 // len(unit))
    chunks = chunk_markdown(markdown, title="T")
    assert all(c.tokens <= MOST_WHOLE + TINY for c in chunks)
    assert len(chunks) > 40 or not letters(markdown) or unit.startswith(("#", "a\n-"))
