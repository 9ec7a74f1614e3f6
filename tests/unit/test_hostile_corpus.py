"""Every hostile file is read or refused with its sentence, within 10 seconds and 512 MB, leaving nothing."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path
from subprocess import DEVNULL

import pytest

from helpninja_app.errors import FileRefused
from helpninja_app.knowledge.extraction.extracted import Extracted, Limits
from helpninja_app.knowledge.extraction.extractor import Extractor, _Child, _DiedOfItsPast
from tests.unit.hostile_archives import READ_ARCHIVES, REFUSED_ARCHIVES
from tests.unit.hostile_pdfs import READ_PDFS, REFUSED_PDFS, SLOW_PDFS, Body
from tests.unit.hostile_texts import NAMES, READ_TEXTS, REFUSED_TEXTS, SLOW_TEXTS, TEXT

SECONDS = 10.0
MEGABYTES = 512
CLIMBED = Path("/tmp/hn-climbed.txt")

READ: list[tuple[str, Body, str]] = [
    *((f"PDF with {what}", body, "a.pdf") for what, body in READ_PDFS),
    *((f"Word with {what}", body, "a.docx") for what, body in READ_ARCHIVES),
    *READ_TEXTS,
    *((f"a name: {what}", TEXT.encode(), name) for what, name in NAMES),
]
REFUSED: list[tuple[str, Body, str, str]] = [
    *((f"PDF with {what}", body, "a.pdf", sentence) for what, body, sentence in REFUSED_PDFS),
    *((f"Word with {what}", body, "a.docx", sentence) for what, body, sentence in REFUSED_ARCHIVES),
    *REFUSED_TEXTS,
]
SLOW: list[tuple[str, Body, str, str]] = [
    *SLOW_TEXTS,
    *((f"PDF with {what}", body, "a.pdf", sentence) for what, body, sentence in SLOW_PDFS),
]


def peak_of(pid: int) -> int:
    """The most memory the process ever held, in MB; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line), 0) // 1024


def spent_by_children() -> float:
    """Seconds of processor time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@cache
def start_costs() -> float:
    """Of a child that reads nothing, on this machine: a document's own seconds count from then on."""
    before = spent_by_children()
    subprocess.run(
        [sys.executable, "-m", "helpninja_app.knowledge.extraction.child"],
        stdin=DEVNULL,
        start_new_session=True,
        check=True,
    )
    return spent_by_children() - before


async def read(body: Body, name: str, limits: Limits | None = None) -> Extracted:
    """What a fresh child makes of it; fails when the child took too much or leaves something behind."""
    content = body if isinstance(body, bytes) else body()
    start_costs()
    extractor = Extractor(workers=1)
    before = spent_by_children()
    peak = 0
    task = asyncio.create_task(extractor.extract(content, filename=name, limits=limits))
    children: set[int] = set()
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=0.02)
            children |= extractor.processes
            peak = max([peak, *map(peak_of, extractor.processes)])
        return await task
    finally:
        await extractor.aclose()
        assert spent_by_children() - before <= SECONDS + start_costs()
        assert peak <= MEGABYTES
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
        assert not CLIMBED.exists()


def test_the_corpus_holds_at_least_sixty_files() -> None:
    assert len({case[0] for case in (*READ, *REFUSED, *SLOW)}) >= 60


@pytest.mark.parametrize(("body", "name"), [case[1:] for case in READ], ids=[case[0] for case in READ])
async def test_a_hostile_file_with_text_is_read(body: Body, name: str) -> None:
    assert TEXT in (await read(body, name)).markdown


@pytest.mark.parametrize(
    ("body", "name", "sentence"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
async def test_a_hostile_file_without_text_is_refused(body: Body, name: str, sentence: str) -> None:
    with pytest.raises(FileRefused, match=sentence):
        await read(body, name)


@pytest.mark.parametrize(
    ("body", "name", "sentence"), [case[1:] for case in SLOW], ids=[case[0] for case in SLOW]
)
async def test_a_file_that_is_made_to_be_slow_is_ended_by_the_clock_of_the_child(
    body: Body, name: str, sentence: str
) -> None:
    with pytest.raises(FileRefused, match=sentence):
        await read(body, name, Limits(cpu_seconds=1.0, wall_seconds=90.0))


async def test_a_file_that_is_made_to_be_slow_costs_no_more_than_is_promised() -> None:
    before = spent_by_children()
    with pytest.raises(FileRefused, match="takes too long"):
        await read(SLOW[0][1], SLOW[0][2])
    assert spent_by_children() - before <= SECONDS + start_costs()


async def test_both_tries_of_a_document_that_kills_its_child_share_one_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    async def die(child: _Child, request: dict[str, object], body: bytes, seconds: float) -> bytes:
        asked.append(seconds)
        await asyncio.sleep(0.05)
        if len(asked) == 1:
            raise _DiedOfItsPast
        raise FileRefused("This file takes too long to read.")

    monkeypatch.setattr(_Child, "ask", die)
    with pytest.raises(FileRefused):
        await read(TEXT.encode(), "a.txt")
    assert asked[1] <= asked[0] - 0.05


def test_the_limits_of_time_are_the_ones_that_are_promised() -> None:
    assert Limits().cpu_seconds < SECONDS
    assert Limits().wall_seconds <= 6 * SECONDS


def test_the_limit_of_memory_is_the_one_that_is_promised() -> None:
    assert Limits().memory_bytes <= MEGABYTES * 1024 * 1024
