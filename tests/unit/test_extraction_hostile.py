"""What hostile, broken and wrong documents do: each is refused with a sentence and costs no other one."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from helpninja_app.errors import FileRefused, Unavailable
from helpninja_app.knowledge.extraction.extracted import Limits
from helpninja_app.knowledge.extraction.extractor import Extractor
from tests.unit.document_factory import (
    docx,
    help_page,
    locked_pdf,
    paragraph,
    pdf,
    pdf_of_empty_pages,
    pdf_with_table,
)

GOOD = b"A good text."
BILLION = (
    '<!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1 or str()};" * 10}">' for n in range(1, 10))
    + "]>"
)


FUZZED = [
    ("a.pdf", pdf_with_table()),
    ("a.docx", docx(paragraph("Warranty", "Heading1") + paragraph("Two years. " * 50))),
    ("a.html", help_page("<h1>Returns</h1><p>Within thirty days.</p><ul><li>free</li></ul>" * 5)),
    ("a.csv", b"name;text\n" + b'1;"two, three"\n' * 30),
]


@pytest_asyncio.fixture(scope="module")
async def extractor() -> AsyncIterator[Extractor]:
    running = Extractor(workers=1)
    yield running
    await running.aclose()


REFUSED = [
    ("empty file", b"", "a.txt", "is empty"),
    ("only blanks", b" \n\r\n\t", "a.md", "is empty"),
    ("only zero bytes", b"\x00" * 100, "a.txt", "is empty"),
    ("locked PDF", locked_pdf("secret", user_password="x"), "a.pdf", "protected by a password"),
    ("PDF without pages' text", pdf("", ""), "a.pdf", "has no text"),
    ("PDF cut in the middle", pdf("text" * 100)[:300], "a.pdf", "damaged"),
    ("PDF that is only a header", b"%PDF-1.7\n", "a.pdf", "damaged"),
    ("PDF of 10,000 pages", pdf_of_empty_pages(10_000), "a.pdf", "has 10,000 pages"),
    ("PDF named text", pdf("text"), "a.txt", "is named .txt"),
    ("PDF named HTML", pdf("text"), "a.html", "is named .html"),
    ("program named PDF", b"MZ\x90\x00" + b"\x00" * 200 + b"%PDF-1.4", "a.pdf", "is named .pdf"),
    ("picture named Markdown", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "a.md", "is named .md"),
    ("HTML named text", help_page("x"), "a.txt", "is named .txt"),
    ("text named HTML", b"no tag at all", "a.html", "is named .html"),
    ("zip named Word", b"PK\x03\x04" + b"\x00" * 100, "a.docx", "damaged"),
    (
        "spreadsheet named Word",
        docx("").replace(b"word/document.xml", b"xlsx/workbook.xml"),
        "a.docx",
        "not a Word",
    ),
    (
        "old or locked Word",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600,
        "a.docx",
        "protected by a password",
    ),
    ("locked archive", docx(paragraph("x"), locked=True), "a.docx", "protected by a password"),
    ("Word with macros by name", docx(paragraph("x")), "a.docm", "macros"),
    (
        "Word with macros inside",
        docx(paragraph("x"), extra={"word/vbaProject.bin": b"x"}),
        "a.docx",
        "macros",
    ),
    ("Word without text", docx(paragraph(" ")), "a.docx", "has no text"),
    (
        "zip bomb",
        docx(paragraph("x"), extra={"word/media/a.png": b"\x00" * 60_000_000}),
        "a.docx",
        "far more",
    ),
    ("XML bomb", docx(paragraph("x"), extra={"word/a.xml": b" " * 60_000_000}), "a.docx", "far more"),
    (
        "archive of too many entries",
        docx(paragraph("x"), extra={f"word/{n}": b"" for n in range(5_001)}),
        "a.docx",
        "far more",
    ),
    ("billion laughs", docx(paragraph("&lol9;"), prolog=BILLION), "a.docx", "damaged"),
    ("broken XML", docx("<w:p><w:r>"), "a.docx", "damaged"),
    ("deep XML", docx("<w:p>" * 50_000 + "</w:p>" * 50_000), "a.docx", "damaged|nested"),
    ("binary in text", b"text\x00\x01\x02\x03 more" * 20, "a.txt", "is named .txt"),
    ("late zero bytes in text", b"text " * 3_000 + b"\x00\x01", "a.txt", "not a text file"),
    ("late zero bytes in CSV", b"a,b\n" * 3_000 + b"\x00", "a.csv", "not a text file"),
    ("page without text", help_page("<img src=x>", around=False), "a.html", "has no text"),
    ("unknown type", GOOD, "a.exe", r"type \.exe are not supported"),
    ("endless suffix", GOOD, "a." + "x" * 3_000, "not supported"),
]


@pytest.mark.parametrize(
    ("body", "name", "sentence"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
async def test_what_cannot_be_read_is_refused_with_its_reason_and_the_next_is_read(
    extractor: Extractor, body: bytes, name: str, sentence: str
) -> None:
    with pytest.raises(FileRefused, match=sentence) as caught:
        await extractor.extract(body, filename=name)
    assert len(caught.value.detail) < 200
    assert (await extractor.extract(GOOD, filename="good.txt")).markdown == GOOD.decode()


@pytest.mark.parametrize(
    "content_type", [None, "", "image/png", "application/octet-stream", "video/" + "x" * 5_000]
)
async def test_a_fetched_body_of_another_type_is_refused(
    extractor: Extractor, content_type: str | None
) -> None:
    with pytest.raises(FileRefused, match="is not supported"):
        await extractor.extract(b"\x89PNG", content_type=content_type)


async def test_what_a_server_sends_as_html_but_is_a_pdf_is_read_as_a_pdf(extractor: Extractor) -> None:
    assert (await extractor.extract(pdf("Hello there."), content_type="text/html")).kind == "pdf"


async def test_a_pdf_that_only_restricts_printing_is_read(extractor: Extractor) -> None:
    found = await extractor.extract(locked_pdf("Readable text.", user_password=""), filename="a.pdf")
    assert "Readable text." in found.markdown


async def test_a_pdf_whose_index_is_broken_is_read_all_the_same(extractor: Extractor) -> None:
    broken = pdf("Readable text.").replace(b"startxref\n", b"startxref\n9")
    assert "Readable text." in (await extractor.extract(broken, filename="a.pdf")).markdown


async def test_deeply_nested_html_is_read(extractor: Extractor) -> None:
    page = b"<title>t</title>" + b"<div>" * 8_000 + b"The text in the depth." + b"</div>" * 8_000
    assert "in the depth" in (await extractor.extract(page, content_type="text/html")).markdown


async def test_ten_megabytes_of_html_are_read(extractor: Extractor) -> None:
    page = help_page(
        "".join(f"<p class='one of many'>Paragraph {n} of a long page.</p>" for n in range(200_000))
    )
    assert len(page) > 10_000_000
    found = await extractor.extract(page, content_type="text/html")
    assert "Paragraph 199999 of" in found.markdown


async def test_a_csv_line_of_a_megabyte_is_read(extractor: Extractor) -> None:
    found = await extractor.extract(b"name,text\nx," + b"long " * 200_000, filename="a.csv")
    assert len(found.markdown) > 900_000


async def test_an_unclosed_quote_in_a_csv_does_not_lose_the_text(extractor: Extractor) -> None:
    found = await extractor.extract(b'a,b\n1,"never closed\n2,still here\n', filename="a.csv")
    assert "still here" in found.markdown


async def test_a_file_above_the_limits_is_refused(extractor: Extractor) -> None:
    with pytest.raises(FileRefused, match="larger than 1 MB"):
        await extractor.extract(b"x" * 1_100_000, filename="a.txt", limits=Limits(max_bytes=1024 * 1024))
    with pytest.raises(FileRefused, match="more than 1,000 characters"):
        await extractor.extract(b"word " * 300, filename="a.txt", limits=Limits(max_markdown_chars=1_000))
    with pytest.raises(FileRefused, match="has 3 pages; at most 2"):
        await extractor.extract(pdf("a", "b", "c"), filename="a.pdf", limits=Limits(max_pages=2))


async def test_what_needs_too_much_time_is_stopped_by_the_processor_clock(extractor: Extractor) -> None:
    page = help_page("<p>Many words on a page.</p>" * 300_000)
    with pytest.raises(FileRefused, match="takes too long"):
        await extractor.extract(page, content_type="text/html", limits=Limits(cpu_seconds=0.3))


async def test_what_needs_too_much_memory_is_refused(extractor: Extractor) -> None:
    with pytest.raises(FileRefused, match=r"memory|damaged"):
        await extractor.extract(
            b"word and word\n" * 2_500_000, filename="a.txt", limits=Limits(memory_bytes=220 * 1024 * 1024)
        )


async def test_a_child_that_hangs_is_stopped_by_the_parents_clock() -> None:
    extractor = Extractor(workers=1)
    await extractor.extract(GOOD, filename="good.txt")
    (child,) = extractor.processes
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(FileRefused, match="takes too long"):
        await extractor.extract(GOOD, filename="good.txt", limits=Limits(wall_seconds=0.2))
    assert (await extractor.extract(GOOD, filename="good.txt")).markdown == GOOD.decode()
    await extractor.aclose()


async def test_a_child_that_is_killed_between_two_documents_is_replaced() -> None:
    extractor = Extractor(workers=1)
    await extractor.extract(GOOD, filename="good.txt")
    (child,) = extractor.processes
    os.kill(child, signal.SIGKILL)
    assert (await extractor.extract(GOOD, filename="good.txt")).markdown == GOOD.decode()
    await extractor.aclose()


async def test_a_cancelled_document_leaves_nothing_for_the_next() -> None:
    extractor = Extractor(workers=1)
    page = help_page("<p>Many words on a page.</p>" * 100_000)
    task = asyncio.create_task(extractor.extract(page, content_type="text/html"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await extractor.extract(GOOD, filename="good.txt")).markdown == GOOD.decode()
    await extractor.aclose()


async def test_children_are_reused_and_replaced_after_their_share_and_end_with_the_pool() -> None:
    extractor = Extractor(workers=1, documents_per_worker=2)
    seen = []
    for _ in range(3):
        await extractor.extract(GOOD, filename="good.txt")
        seen.append(extractor.processes)
    assert seen[0]
    assert not seen[1]
    assert seen[2] - seen[0]
    await extractor.aclose()
    assert not extractor.processes
    assert not Path(f"/proc/{min(seen[2])}").exists()


async def test_documents_are_read_side_by_side_and_each_gets_its_own_text() -> None:
    extractor = Extractor(workers=2)
    texts = [f"Text number {n}." for n in range(20)]
    found = await asyncio.gather(*(extractor.extract(text.encode(), filename="a.txt") for text in texts))
    assert [each.markdown for each in found] == texts
    assert len(extractor.processes) == 2
    await extractor.aclose()


async def test_damaged_bytes_lead_to_text_or_a_refusal_and_to_nothing_else(extractor: Extractor) -> None:
    chance = random.Random(7)
    outcomes = set()
    for name, body in FUZZED * 15:
        damaged = bytearray(body)
        for _ in range(chance.randrange(1, 30)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            found = await extractor.extract(bytes(damaged[: chance.randrange(50, 20_000)]), filename=name)
        except FileRefused as error:
            outcomes.add(error.detail)
        else:
            outcomes.add("read")
            assert found.markdown
    assert "read" in outcomes
    assert len(outcomes) > 2


async def test_closing_the_pool_does_not_blame_the_document_that_is_being_read() -> None:
    extractor = Extractor(workers=1)
    page = help_page("<p>Many words on a page.</p>" * 100_000)
    task = asyncio.create_task(extractor.extract(page, content_type="text/html"))
    while not extractor.processes:
        await asyncio.sleep(0.01)
    await extractor.aclose()
    with pytest.raises(Unavailable):
        await task
    with pytest.raises(Unavailable):
        await extractor.extract(GOOD, filename="good.txt")


async def test_a_child_knows_no_secret_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    extractor = Extractor(workers=1)
    await extractor.extract(GOOD, filename="good.txt")
    (child,) = extractor.processes
    assert b"sk-very-secret" not in Path(f"/proc/{child}/environ").read_bytes()
    await extractor.aclose()
