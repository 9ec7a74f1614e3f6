"""A text is cut in a child, which gives what cutting it here gives, and lets others go first."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import DEVNULL

import pytest
import pytest_asyncio

from helpninja_app.errors import FileRefused, Unavailable
from helpninja_app.knowledge.chunking import chunk_markdown
from helpninja_app.knowledge.extraction import extractor as extractor_module
from helpninja_app.knowledge.extraction.child import _NICENESS, _let_others_go_first
from helpninja_app.knowledge.extraction.extracted import CHUNKS_A_LINE, Limits
from helpninja_app.knowledge.extraction.extractor import Extractor

LONG = "\n\n".join(
    f"## Part {n}\n\nReturns are free. Déjà vu [here](https://shop.example/{n})." for n in range(70)
)
HOSTILE = "# A\n\nText.\n\n" * 800_000


@pytest_asyncio.fixture
async def extractor() -> AsyncIterator[Extractor]:
    running = Extractor(workers=1)
    yield running
    await running.aclose()


def nice_of_group(process: int) -> int:
    """Of the process' autogroup; without an entry it is in the one that is there from the start."""
    entry = Path(f"/proc/{process}/autogroup").read_text().split()
    return int(entry[-1]) if entry else 0


@pytest.mark.parametrize(
    "markdown",
    ["", "Hello.", LONG, "a\ud800b", "[\n{", "返品は商品の到着から三十日以内に受け付けます。" * 60],
)
async def test_a_text_is_cut_in_a_child_as_it_would_be_here(extractor: Extractor, markdown: str) -> None:
    assert await extractor.cut(markdown, title="Help") == chunk_markdown(markdown, title="Help")


def test_the_long_text_takes_several_lines() -> None:
    assert len(chunk_markdown(LONG, title="Help")) > 2 * CHUNKS_A_LINE


async def test_a_text_that_is_made_to_be_slow_is_refused_and_the_next_one_is_cut(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extractor_module, "Limits", lambda: Limits(cpu_seconds=0.5))
    with pytest.raises(FileRefused, match="takes too long"):
        await extractor.cut(HOSTILE, title="Help")
    assert len(await extractor.cut("Hello.", title="Help")) == 1


async def test_a_text_that_needs_much_memory_is_refused_and_the_next_one_is_cut(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extractor_module, "Limits", lambda: Limits(memory_bytes=220 * 1024 * 1024))
    with pytest.raises(FileRefused, match="too much memory"):
        await extractor.cut(HOSTILE * 2, title="Help")
    assert len(await extractor.cut("Hello.", title="Help")) == 1


async def test_a_text_of_too_many_passages_is_refused_and_so_is_one_whose_passages_are_too_large(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileRefused, match="more than 50,000 passages"):
        await extractor.cut("# A\n\nB.\n\n" * 50_001, title="Help")
    monkeypatch.setattr(extractor_module, "_ANSWER_BYTES", 100_000)
    with pytest.raises(FileRefused, match="more text than can be read"):
        await extractor.cut(LONG * 20, title="Help")
    assert len(await extractor.cut("Hello.", title="Help")) == 1


async def test_a_child_that_was_killed_meanwhile_costs_no_text(extractor: Extractor) -> None:
    await extractor.cut("Hello.", title="Help")
    (child,) = extractor.processes
    os.kill(child, signal.SIGKILL)
    assert await extractor.cut(LONG, title="Help") == chunk_markdown(LONG, title="Help")


async def test_a_child_that_hangs_is_no_fault_of_the_text(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await extractor.cut("Hello.", title="Help")
    (child,) = extractor.processes
    os.kill(child, signal.SIGSTOP)
    monkeypatch.setattr(extractor_module, "Limits", lambda: Limits(wall_seconds=0.2))
    with pytest.raises(Unavailable):
        await extractor.cut("Hello.", title="Help")


async def test_closing_the_pool_does_not_blame_the_text_that_is_being_cut(extractor: Extractor) -> None:
    task = asyncio.create_task(extractor.cut(HOSTILE, title="Help"))
    while not extractor.processes:
        await asyncio.sleep(0.01)
    await extractor.aclose()
    with pytest.raises(Unavailable):
        await task


async def test_a_child_lets_others_go_first(extractor: Extractor) -> None:
    await extractor.cut("Hello.", title="Help")
    (child,) = extractor.processes
    assert os.getpriority(os.PRIO_PROCESS, child) > os.getpriority(os.PRIO_PROCESS, os.getpid())


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="needs Linux's groups by session")
async def test_a_child_s_session_lets_others_go_first(extractor: Extractor) -> None:
    # Where this may not be written, as in some containers, nobody is told.
    probe = "from pathlib import Path; Path('/proc/self/autogroup').write_text('1')"
    if subprocess.run([sys.executable, "-c", probe], start_new_session=True, stderr=DEVNULL).returncode:
        pytest.skip("must not be written here")
    await extractor.cut("Hello.", title="Help")
    (child,) = extractor.processes
    assert nice_of_group(child) == _NICENESS


def test_a_child_asks_for_less_again_while_linux_is_asked_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Exception | None] = [BlockingIOError(), BlockingIOError(), None]
    written: list[str] = []

    def write(_path: Path, text: str) -> None:
        if (error := answers.pop(0)) is not None:
            raise error
        written.append(text)

    monkeypatch.setattr(Path, "write_text", write)
    monkeypatch.setattr(os, "nice", lambda _by: 0)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    _let_others_go_first()
    assert (len(written), answers) == (1, [])


async def test_a_child_is_one_thread_however_many_processors_there_are(extractor: Extractor) -> None:
    html = b"<html lang=en><body><main><p>Returns are free within thirty days.</p></main></body></html>"
    await extractor.extract(html, filename="a.html")
    (child,) = extractor.processes
    assert len(list(Path(f"/proc/{child}/task").iterdir())) == 1
