"""Text of a 200-page PDF: the product's extractor, in and out of its child process, beside bare libraries."""

from __future__ import annotations

import io
import random
import statistics
import time
from collections.abc import Awaitable, Callable

import pypdf
import pypdfium2
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from bench.report import Figure, at_least, say, show
from bench.texts import passage
from helpninja_app.knowledge.extraction.extractor import Extractor
from helpninja_app.knowledge.extraction.pdf_files import extract_pdf

PAGES = 200
FEWEST_PAGES_A_SECOND = 50.0
RUNS = 3


async def run() -> None:
    """Print pages a second; all four read the same file in turn, in each run anew."""
    say(f"making a PDF of {PAGES} pages")
    document = make_pdf(PAGES)
    extractor = Extractor()
    try:
        # Starting the child is paid once for 200 documents, so it is not part of this.
        await extractor.extract(make_pdf(1), filename="first.pdf")

        async def through_child() -> None:
            extracted = await extractor.extract(document, filename="bench.pdf")
            if extracted.pages != PAGES:
                raise RuntimeError(f"{extracted.pages} pages were read of {PAGES}.")

        ways: dict[str, Callable[[], Awaitable[None]]] = {
            "extractor": lambda: _extract(document),
            "child": through_child,
            "pypdfium2": lambda: _bare_pypdfium2(document),
            "pypdf": lambda: _bare_pypdf(document),
        }
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(RUNS):
            say(f"run {turn + 1} of {RUNS}")
            for name, read in ways.items():
                started = time.perf_counter()
                await read()
                speeds[name].append(PAGES / (time.perf_counter() - started))
    finally:
        await extractor.aclose()
    speed = {name: statistics.median(values) for name, values in speeds.items()}

    def beside(name: str) -> str:
        return f"pypdf {speed['pypdf']:.0f} pages/s: {speed[name] / speed['pypdf']:.1f} times as fast"

    show(
        f"PDF of {PAGES} pages, {len(document) / 1024:.0f} KB, median of {RUNS} runs",
        [
            at_least(
                "extractor: text, headings, tables",
                speed["extractor"],
                FEWEST_PAGES_A_SECOND,
                "pages/s",
                peer=beside("extractor"),
            ),
            at_least(
                "the same through the child process",
                speed["child"],
                FEWEST_PAGES_A_SECOND,
                "pages/s",
                peer=beside("child"),
            ),
            Figure("pypdfium2 alone, bare text", f"{speed['pypdfium2']:,.1f} pages/s"),
        ],
    )


def make_pdf(pages: int) -> bytes:
    """A4 pages of prose under headings, about 350 words each, every tenth with a table."""
    chance = random.Random(pages)
    styles = getSampleStyleSheet()
    story: list[Flowable] = []
    for number in range(1, pages + 1):
        story.append(Paragraph(f"Chapter {number}", styles["Heading1"]))
        for section in range(3):
            story.append(Paragraph(f"Section {number}.{section + 1}", styles["Heading2"]))
            story.append(Paragraph(passage(chance, 90).replace("&", "&amp;"), styles["BodyText"]))
        if number % 10 == 0:
            rows = [["Article", "Price", "Deposit"]]
            rows += [[f"Article {number}-{row}", f"EUR {row * 7}", f"EUR {row * 20}"] for row in range(1, 9)]
            story += [Spacer(1, 8), Table(rows)]
        story.append(PageBreak())
    written = io.BytesIO()
    SimpleDocTemplate(written, pagesize=A4, title="Benchmark", invariant=True).build(story)
    return written.getvalue()


async def _extract(document: bytes) -> None:
    extract_pdf(document, name="bench", most_pages=PAGES, is_time_left=lambda: True)


async def _bare_pypdfium2(document: bytes) -> None:
    opened = pypdfium2.PdfDocument(document)
    try:
        for page in opened:
            text = page.get_textpage()
            text.get_text_bounded()
            text.close()
            page.close()
    finally:
        opened.close()


async def _bare_pypdf(document: bytes) -> None:
    for page in pypdf.PdfReader(io.BytesIO(document)).pages:
        page.extract_text()
