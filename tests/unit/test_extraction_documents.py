"""What is read out of good documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from helpninja_app.errors import FileRefused
from helpninja_app.knowledge.extraction.extractor import Extractor
from tests.unit.document_factory import (
    docx,
    help_page,
    paragraph,
    pdf,
    pdf_of_two_columns,
    pdf_with_table,
    table,
)

PROSE = "<p>You may return any unused item within thirty days of delivery, free of charge.</p>"
HTML = "text/html"


@pytest_asyncio.fixture(scope="module")
async def extractor() -> AsyncIterator[Extractor]:
    running = Extractor(workers=1)
    yield running
    await running.aclose()


async def test_a_page_gives_its_main_text_with_headings_lists_and_tables(extractor: Extractor) -> None:
    page = help_page(
        f"<h1>Returns</h1>{PROSE}<h2>Costs</h2><ul><li>Home: free</li><li>Abroad: $5</li></ul>"
        "<h3>Times</h3><table><tr><th>Zone</th><th>Days</th></tr><tr><td>Home</td><td>2</td></tr></table>"
    )
    found = await extractor.extract(page, content_type=HTML)
    lines = [line.replace(" ", "") for line in found.markdown.splitlines()]
    for expected in ("#Returns", "##Costs", "-Home:free", "###Times", "|Zone|Days|", "|Home|2|"):
        assert expected in lines
    assert "Menu words" not in found.markdown
    assert "cookie" not in found.markdown


async def test_a_page_tells_its_title_language_and_robots(extractor: Extractor) -> None:
    head = '<meta name="ROBOTS" content="NoIndex, nofollow">'
    found = await extractor.extract(help_page(f"<h1>Returns</h1>{PROSE}", head=head), content_type=HTML)
    assert (found.title, found.language_hint) == ("Returns", "en")
    assert found.robots == {"noindex", "nofollow"}


async def test_a_short_answer_page_keeps_every_word_of_its_main_part(extractor: Extractor) -> None:
    page = help_page(
        "<h1>Opening hours</h1><dl><dt>Monday</dt><dd>9 to 5</dd><dt>Sunday</dt><dd>closed</dd></dl>"
        "<div>Ring twice.</div>"
    )
    found = await extractor.extract(page, content_type=HTML)
    for words in ("Opening hours", "Monday", "9 to 5", "Sunday", "closed", "Ring twice."):
        assert words in found.markdown


async def test_the_line_that_dates_a_page_is_not_part_of_it(extractor: Extractor) -> None:
    dateline = "<p>Last updated <time>28 August 2026</time></p>"
    opening = "<p>Monday: <time>09:00</time></p>"
    page = help_page(f"<h1>Returns</h1>\n{dateline}{PROSE}<h2>Hours</h2>{opening}")
    found = await extractor.extract(page, content_type=HTML)
    assert "28 August" not in found.markdown
    assert "Monday: 09:00" in found.markdown


INLINE = (
    "<p>The winter sale ends on <time datetime='2026-05-03'>3 May 2026</time> at noon, and whoever ordered"
    " <output>five</output> things pays <label>nothing at all</label> for <data value='2'>two</data> days of"
    " <abbr title='shipping'>shipping</abbr> at <kbd>level 7</kbd>.</p>"
)


@pytest.mark.parametrize("opening", ["<main>", "<article>", "<div role=main>", "<div>"])
@pytest.mark.parametrize("more", ["", "<dl><dt>Price</dt><dd>12 euros</dd></dl>"])
async def test_no_word_is_lost_in_the_middle_of_a_sentence(
    extractor: Extractor, opening: str, more: str
) -> None:
    page = f"<title>Sale</title><nav>Menu</nav>{opening}<h1>Sale</h1>{INLINE}<p>{PROSE}</p>{more}".encode()
    read = await extractor.extract(page, content_type=HTML)
    sentence = (
        "ends on 3 May 2026 at noon, and whoever ordered five things pays nothing at all for two days of"
    )
    assert sentence in read.markdown
    assert "shipping at level 7." in read.markdown
    if opening != "<div>":
        assert ("12 euros" in read.markdown) is bool(more)
        assert "Menu" not in read.markdown


async def test_a_page_without_a_main_element_is_read_without_its_furniture(extractor: Extractor) -> None:
    main = f"<div><h2>B</h2>{PROSE}</div>"
    page = f"<title>A</title><nav>Menu words</nav>{main}<script>var x = 1</script>".encode()
    found = await extractor.extract(page, content_type=HTML)
    assert "thirty days" in found.markdown
    assert "Menu words" not in found.markdown
    assert "var x" not in found.markdown


@pytest.mark.parametrize(
    ("title", "heading", "expected"),
    [
        ("Returns - Shop", "Returns", "Returns"),
        ("Help centre", "Returns", "Help centre"),
        ("", "Returns", "Returns"),
        ("Only title", "", "Only title"),
    ],
)
async def test_a_pages_title_is_the_most_telling_one(
    extractor: Extractor, title: str, heading: str, expected: str
) -> None:
    page = help_page(f"<h1>{heading}</h1>{PROSE}", title=title)
    assert (await extractor.extract(page, content_type=HTML)).title == expected


@pytest.mark.parametrize(
    ("text", "encoding", "header", "head"),
    [
        ("Überweisung für Größe", "utf-8", None, ""),
        ("Überweisung für Größe", "utf-16", None, ""),
        ("Überweisung für Größe", "latin-1", "iso-8859-1", ""),
        ("Überweisung “für” Größe", "cp1252", "latin1", ""),
        ("Überweisung für Größe", "utf-8", "no-such-charset", ""),
        ("Überweisung für Größe", "utf-8-sig", "latin-1", ""),
        ("返品は三十日以内に受け付けます", "shift_jis", None, '<meta charset="shift_jis">'),
        ("返品は三十日以内に受け付けます", "euc_jp", "EUC-JP", ""),
        (
            "نقبل المرتجعات خلال ثلاثين يوما",
            "cp1256",
            None,
            '<meta http-equiv=x content="text/html; charset=windows-1256">',
        ),
        ("نقبل المرتجعات", "cp1256", "windows-1256", '<meta charset="utf-8">'),
    ],
)
async def test_a_page_is_read_in_the_charset_it_is_written_in(
    extractor: Extractor, text: str, encoding: str, header: str | None, head: str
) -> None:
    page = (
        help_page(f"<h1>{text}</h1><p>{text}. {text}.</p>", title=text, head=head).decode().encode(encoding)
    )
    content_type = f"text/html; charset={header}" if header else HTML
    found = await extractor.extract(page, content_type=content_type)
    assert found.title == text
    assert text in found.markdown


async def test_an_undeclared_legacy_charset_is_recognised(extractor: Extractor) -> None:
    text = "Мы принимаем возврат товара в течение тридцати дней после получения заказа. " * 5
    found = await extractor.extract(text.encode("cp1251"), filename="notes.txt")
    assert "возврат товара" in found.markdown


async def test_a_pdf_gives_headings_paragraphs_and_tables(extractor: Extractor, tmp_path: Path) -> None:
    file = tmp_path / "manual.pdf"
    file.write_bytes(pdf_with_table())
    found = await extractor.extract(file, filename="manual.pdf")
    assert (found.title, found.kind, found.pages) == ("Shipping handbook", "pdf", 1)
    blocks = found.markdown.split("\n\n")
    assert blocks[0] == "# Shipping"
    assert blocks[1].startswith("We ship on every working day. We ship")
    assert "\n" not in blocks[1]
    assert blocks[2:4] == [
        "## Prices",
        "| Zone | Time | Price |\n| --- | --- | --- |\n| Home | 1 day | $3.00 |\n"
        "| Europe and islands | 3 days | $9.00 |",
    ]


async def test_cells_of_several_lines_stay_in_their_row_and_column(extractor: Extractor) -> None:
    header = [["Article", "Weekend (2\nnights)", "Each further\nnight"]]
    rows = [["Tent", "$34", "$8"], ["Avalanche set (probe,\nshovel)", "$38", "$9"], ["Stove", "$19", "$4"]]
    found = await extractor.extract(pdf_with_table(header + rows), filename="a.pdf")
    assert [line for line in found.markdown.splitlines() if line.startswith("|")] == [
        "| Article | Weekend (2 nights) | Each further night |",
        "| --- | --- | --- |",
        "| Tent | $34 | $8 |",
        "| Avalanche set (probe, shovel) | $38 | $9 |",
        "| Stove | $19 | $4 |",
    ]


async def test_two_columns_of_prose_are_no_table(extractor: Extractor) -> None:
    found = await extractor.extract(pdf_of_two_columns(), filename="a.pdf")
    assert "|" not in found.markdown
    assert "line 1 of the left column. This is line 2 of the left" in found.markdown


async def test_an_empty_page_does_not_cost_the_others(extractor: Extractor) -> None:
    found = await extractor.extract(pdf("First page.", "", "Third page."), filename="a.pdf")
    assert found.pages == 3
    assert "First page." in found.markdown
    assert "Third page." in found.markdown


async def test_page_numbers_and_running_heads_are_left_out(extractor: Extractor) -> None:
    pages = [f"Acme handbook, page {n}" for n in range(1, 6)]
    with pytest.raises(FileRefused, match="no text"):
        await extractor.extract(pdf(*pages), filename="a.pdf")


async def test_a_word_document_gives_headings_lists_and_tables(extractor: Extractor) -> None:
    body = (
        paragraph("Warranty", "Heading1")
        + paragraph("Two years on everything &amp; more.")
        + paragraph("Terms", "Heading2")
        + table([["Part", "Years"], ["Frame", "5"]])
    )
    found = await extractor.extract(docx(body, title="Warranty terms"), filename="warranty.docx")
    assert found.title == "Warranty terms"
    assert found.markdown == (
        "# Warranty\n\nTwo years on everything & more.\n\n"
        "## Terms\n\n| Part | Years |\n| --- | --- |\n| Frame | 5 |"
    )


async def test_a_word_document_without_a_title_is_named_by_its_heading_or_file(extractor: Extractor) -> None:
    with_heading = await extractor.extract(
        docx(paragraph("Care", "Heading1") + paragraph("Wash.")), filename="a.docx"
    )
    without = await extractor.extract(docx(paragraph("Wash cold.")), filename="care_guide.docx")
    assert (with_heading.title, without.title) == ("Care", "care guide")


async def test_markdown_stays_as_it_is_below_its_front_matter(extractor: Extractor) -> None:
    body = b'---\ntitle: "Washing down"\nlang: en\n---\r\n\r\n# Wash\r\n\r\n- cold\r\n'
    found = await extractor.extract(body, filename="wash.md")
    assert (found.title, found.language_hint, found.markdown) == ("Washing down", "en", "# Wash\n\n- cold")


async def test_markdown_without_front_matter_is_titled_by_its_heading(extractor: Extractor) -> None:
    found = await extractor.extract(b"Intro\n\n# The Title #\n\nText.", filename="x.md")
    assert found.title == "The Title"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
async def test_each_row_of_a_csv_carries_its_headers(extractor: Extractor, delimiter: str) -> None:
    rows = [
        ["Question", "Answer", "Page"],
        ["Do you ship?", '"Yes, we do;\nto all|zones\there"', ""],
        ["Why?", "So.", "7"],
    ]
    body = "\r\n".join(delimiter.join(row) for row in rows).encode()
    found = await extractor.extract(body, filename="faq.csv")
    assert found.markdown == (
        "- Question: Do you ship?; Answer: Yes, we do; to all|zones here\n"
        "- Question: Why?; Answer: So.; Page: 7"
    )


async def test_a_csv_of_one_column_is_read_as_paragraphs(extractor: Extractor) -> None:
    found = await extractor.extract(b"We ship.\nWe return.\n", filename="notes.csv")
    assert found.markdown == "We ship.\n\nWe return."


async def test_a_very_long_name_becomes_a_bounded_title(extractor: Extractor) -> None:
    found = await extractor.extract(b"Some text.", filename="n" * 5_000 + ".txt")
    assert found.title == "n" * 200
