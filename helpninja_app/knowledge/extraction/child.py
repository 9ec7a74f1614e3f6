"""Owns the process in which documents are parsed and cut: little memory, little time, no secrets.

A request is a line of JSON and then ``size`` bytes of body (none when it names a ``path``); an answer is a
line of JSON, an object; before it come the chunks of a text that is cut, some on each line. The process ends
when its input ends, so it never outlives its parent for long.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from helpninja_app.errors import FileRefused
from helpninja_app.knowledge.chunking import chunk_markdown
from helpninja_app.knowledge.extraction.csv_files import extract_csv
from helpninja_app.knowledge.extraction.docx_files import docx_from_bytes, extract_docx
from helpninja_app.knowledge.extraction.extracted import CHUNKS, CHUNKS_A_LINE, MOST_CHUNKS, Extracted, Limits
from helpninja_app.knowledge.extraction.html_pages import extract_html
from helpninja_app.knowledge.extraction.pdf_files import extract_pdf
from helpninja_app.knowledge.extraction.text_files import extract_markdown, extract_text

_OPEN_FILES = 64
# A third of the weight of the processes that answer: some is left for reading however busy they are.
_NICENESS = 5
_NICENESS_TRIES = 5
# Of a PDF's time, for what is made of its pages when they are read.
_AFTER_PAGES_SHARE = 0.2


def main() -> None:
    """Answer requests until the input ends."""
    _let_others_go_first()
    requests, answers = sys.stdin.buffer, _private_output()
    while header := requests.readline():
        request = json.loads(header)
        limits = Limits(**request["limits"])
        _limit(limits)
        try:
            body = requests.read(request["size"])
            if request["kind"] == CHUNKS:
                answers.writelines(_cut(request, body))
                answer: dict[str, Any] = {}
            else:
                answer = _checked(_extract(request, body, limits), limits)
        except FileRefused as error:
            answer = {"refused": error.detail}
        except MemoryError:
            answer = {"refused": "This file needs too much memory to be read.", "spent": True}
        except RecursionError:
            answer = {"refused": "This file is nested too deeply to be read.", "spent": True}
        except Exception as error:
            # Whatever a parser raises on a hostile file, this file cannot be read; the log says what it was.
            answer = {
                "refused": "This file is damaged and cannot be read.",
                "fault": repr(error)[:500],
                "spent": True,
            }
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
        if answer.get("spent"):
            return


def _cut(request: dict[str, Any], body: bytes) -> Iterator[bytes]:
    chunks = chunk_markdown(body.decode("utf-8", "surrogatepass"), title=request["name"])
    if len(chunks) > MOST_CHUNKS:
        raise FileRefused(
            f"This text falls into more than {MOST_CHUNKS:,} passages. Split it into smaller ones."
        )
    for start in range(0, len(chunks), CHUNKS_A_LINE):
        some = [chunk.as_json() for chunk in chunks[start : start + CHUNKS_A_LINE]]
        # Escaped, what is not ASCII would take three times the room.
        yield json.dumps(some, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _extract(request: dict[str, Any], body: bytes, limits: Limits) -> Extracted:
    path, name, charset = request["path"], request["name"], request["charset"]
    match request["kind"]:
        case "pdf":
            return extract_pdf(
                path or body,
                name=name,
                most_pages=limits.max_pages,
                is_time_left=lambda: _seconds_left() > limits.cpu_seconds * _AFTER_PAGES_SHARE,
            )
        case "docx":
            if path:
                with Path(path).open("rb") as file:
                    return extract_docx(file, name=name)
            return docx_from_bytes(body, name=name)
    content = Path(path).read_bytes() if path else body
    return {"html": extract_html, "markdown": extract_markdown, "text": extract_text, "csv": extract_csv}[
        request["kind"]
    ](content, charset=charset, name=name)


def _checked(extracted: Extracted, limits: Limits) -> dict[str, Any]:
    if len(extracted.markdown) > limits.max_markdown_chars:
        most = f"{limits.max_markdown_chars:,}"
        raise FileRefused(
            f"This file holds more than {most} characters of text. Split it into smaller files."
        )
    if not any(character.isalnum() for character in extracted.markdown):
        raise FileRefused("This file has no text." if extracted.kind != "html" else "This page has no text.")
    return {"extracted": extracted.as_json()}


def _let_others_go_first() -> None:
    """Have the processor only where nobody who is waited for wants it.

    Where Linux groups processes by session (sched(7), autogroup), a session has a share of its own, and
    ``nice`` counts within it alone.
    """
    os.nice(_NICENESS)
    for _ in range(_NICENESS_TRIES):
        try:
            Path("/proc/self/autogroup").write_text(str(_NICENESS))
        except BlockingIOError:
            # Of all without privileges on a machine, Linux lets one do this in a tenth of a second.
            time.sleep(0.1)
            continue
        except OSError:
            pass
        return


def _limit(limits: Limits) -> None:
    """Memory, files and the seconds of the next document; no file can be written."""
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        try:
            resource.setrlimit(what, (most, resource.getrlimit(what)[1]))
        except (ValueError, OSError):
            # Not every system knows every limit; the parent's clock stands behind all of them.
            continue
    _allow(limits.cpu_seconds)


def _allow(seconds: float) -> None:
    """From now on so many seconds of processor time, then the system ends this process.

    The signal of the timer is left to do what it does by itself, so it needs no turn of the interpreter; the
    limit of whole seconds stands behind it.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    most = int(time.process_time() + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _seconds_left() -> float:
    return signal.getitimer(signal.ITIMER_PROF)[0]


def _private_output() -> BinaryIO:
    """The pipe to the parent; what libraries print goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


if __name__ == "__main__":
    main()
