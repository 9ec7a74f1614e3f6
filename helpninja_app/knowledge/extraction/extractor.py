"""Owns the pool of child processes that parse and cut documents, and the words for their failures."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any

import structlog

import helpninja_app
from helpninja_app.errors import FileRefused, Unavailable
from helpninja_app.knowledge.chunking import Chunk
from helpninja_app.knowledge.extraction.extracted import CHUNKS, Extracted, Limits
from helpninja_app.knowledge.extraction.kinds import decide_kind, read_head

_log = structlog.get_logger(__name__)

_CHILD = "helpninja_app.knowledge.extraction.child"
_ROOT = Path(helpninja_app.__path__[0]).parent
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_ANSWER_BYTES = 128 * 1024 * 1024
_UNAVAILABLE = "Files cannot be read right now. Please try again."
_SLOW = "This file takes too long to read."
_NAME_MOST = 200


class Extractor:
    """Reads documents in ``workers`` child processes, one document at a time in each.

    A child is started when it is first needed, reused for ``documents_per_worker`` documents (starting one
    costs about as much as parsing ten pages), and thrown away after any failure, so that one document never
    meets what another left behind. Belongs to one event loop.
    """

    def __init__(self, *, workers: int = 2, documents_per_worker: int = 200) -> None:
        self._free = asyncio.Semaphore(workers)
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._documents_per_worker = documents_per_worker
        self._is_closed = False

    async def extract(
        self,
        body: bytes | Path,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        limits: Limits | None = None,
    ) -> Extracted:
        """The readable part of ``body`` (or of the file at that path).

        Raises ``FileRefused`` with a sentence for the user when it cannot be read, and ``Unavailable`` when
        the pool is closed or no child can be started. ``content_type`` may carry a charset; ``decide_kind``
        says what a ``filename`` decides.
        """
        limits = limits or Limits()
        size, head, path = await asyncio.to_thread(_look, body)
        if size > limits.max_bytes:
            raise FileRefused(f"This file is larger than {limits.max_bytes // (1024 * 1024)} MB.")
        kind = decide_kind(head, filename=filename, content_type=content_type)
        charset = _CHARSET.search(content_type or "")
        request = {
            "kind": kind,
            "path": path,
            "size": 0 if isinstance(body, Path) else size,
            "name": _name(filename),
            "charset": charset[1] if charset else None,
            "limits": asdict(limits),
        }
        answer = await self._ask(request, body if isinstance(body, bytes) else b"", limits)
        return Extracted.from_json(_result(answer[-1], kind)["extracted"])

    async def cut(self, markdown: str, *, title: str) -> list[Chunk]:
        """``chunk_markdown`` in a child: a long text takes a second, in which no answer would be streamed.

        Raises as ``extract`` does.
        """
        content, limits = markdown.encode("utf-8", "surrogatepass"), Limits()
        request = {"kind": CHUNKS, "size": len(content), "name": title, "limits": asdict(limits)}
        try:
            *lines, end = await self._ask(request, content, limits)
        except _Away as error:
            # Text that was read already harms no child: something of ours did, and another try helps.
            raise Unavailable(_UNAVAILABLE) from error
        _result(end, CHUNKS)
        chunks: list[Chunk] = []
        for line in lines:
            chunks += [Chunk.from_json(each) for each in json.loads(line)]
            await asyncio.sleep(0)
        return chunks

    async def _ask(self, request: dict[str, object], content: bytes, limits: Limits) -> list[bytes]:
        try:
            async with self._child() as child:
                started = time.monotonic()
                return await child.ask(request, content, limits.wall_seconds)
        except _DiedOfItsPast:
            left = limits.wall_seconds - (time.monotonic() - started)
            async with self._child(fresh=True) as child:
                return await child.ask(request, content, left)

    @property
    def processes(self) -> frozenset[int]:
        """Ids of the child processes, idle and at work."""
        return frozenset(child.pid for child in (*self._idle, *self._busy))

    async def aclose(self) -> None:
        """End all children; what is being read raises ``Unavailable``, so that it can be read later."""
        self._is_closed = True
        children = [*self._idle, *self._busy]
        self._idle.clear()
        for child in children:
            await child.kill()

    @asynccontextmanager
    async def _child(self, *, fresh: bool = False) -> AsyncIterator[_Child]:
        async with self._free:
            if self._is_closed:
                raise Unavailable(_UNAVAILABLE)
            child = self._idle.pop() if self._idle and not fresh else await _Child.start()
            self._busy.add(child)
            try:
                yield child
            finally:
                self._busy.discard(child)
                if child.is_fit and child.documents < self._documents_per_worker and not self._is_closed:
                    self._idle.append(child)
                else:
                    await child.kill()


class _Away(FileRefused):
    """No answer came, and the machine may be to blame as well as the file."""


class _DiedOfItsPast(Exception):
    """A child that had read other documents died; this one deserves a fresh child."""


class _Child:
    """One child process and the pipes to it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.documents = 0
        self.is_fit = True
        self._is_ending = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    async def start(cls) -> _Child:
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-B", "-s", "-m", _CHILD),
                stdin=PIPE,
                stdout=PIPE,
                cwd=_ROOT,
                # No secrets for a process that reads what strangers wrote. OpenBLAS would start a thread for
                # each processor, with 40 MB of addresses: a dozen of them left nothing for a document.
                env={"LANG": "C.UTF-8", "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"},
                limit=_ANSWER_BYTES,
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(_UNAVAILABLE) from error
        return cls(process)

    async def ask(self, request: dict[str, object], body: bytes, seconds: float) -> list[bytes]:
        """The lines of the child's answer; unfit from the moment it is asked until it has answered well."""
        self.is_fit = False
        self.documents += 1
        try:
            async with asyncio.timeout(seconds):
                answer = await self._exchange(json.dumps(request).encode() + b"\n", body)
        except TimeoutError as error:
            raise _Away(_SLOW) from error
        except ValueError as error:
            raise FileRefused(
                "This file holds more text than can be read. Split it into smaller files."
            ) from error
        if not answer[-1].endswith(b"\n"):
            await self._explain_death()
        self.is_fit = b'"spent": true' not in answer[-1][:4096]
        return answer

    async def _exchange(self, header: bytes, body: bytes) -> list[bytes]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise Unavailable(_UNAVAILABLE)
        # A child that died on the way says so by ending its output.
        with suppress(ConnectionError):
            stdin.write(header)
            stdin.write(body)
            await stdin.drain()
        lines = [await stdout.readline()]
        size = len(lines[0])
        while lines[-1].startswith(b"["):
            lines.append(await stdout.readline())
            if (size := size + len(lines[-1])) > _ANSWER_BYTES:
                raise ValueError("The child says more than anybody asked for.")
        return lines

    async def _explain_death(self) -> None:
        code = await self._process.wait()
        if self._is_ending:
            raise Unavailable(_UNAVAILABLE)
        if code in (-signal.SIGPROF, -signal.SIGXCPU):
            raise FileRefused(_SLOW)
        _log.warning("extraction_child_died", code=code, documents=self.documents)
        if self.documents > 1:
            raise _DiedOfItsPast
        if code > 0:
            # It ended by itself before it could read: our fault, not the document's.
            raise Unavailable(_UNAVAILABLE)
        raise _Away("This file is damaged, or it needs too much memory to be read.")

    async def kill(self) -> None:
        self._is_ending = True
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()


def _look(body: bytes | Path) -> tuple[int, bytes, str | None]:
    """Size, first bytes that say something and, for a file, its absolute path."""
    if isinstance(body, bytes):
        return len(body), read_head(io.BytesIO(body)), None
    with body.open("rb") as file:
        return body.stat().st_size, read_head(file), str(body.absolute())


def _name(filename: str | None) -> str:
    """What a document without a title is called."""
    stem = " ".join(PurePath(filename or "").stem.replace("_", " ").split())
    return stem[:_NAME_MOST] or "Untitled"


def _result(answer: bytes, kind: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(answer)
    if fault := data.get("fault"):
        _log.info("document_unreadable", kind=kind, fault=fault)
    if "refused" in data:
        raise FileRefused(data["refused"])
    return data
