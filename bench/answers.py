"""Answers of the demo, asked as its widget asks: how long they take, and whether they are the right ones."""

from __future__ import annotations

import json
import secrets
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

import helpninja_app.demo
from bench.report import Figure, at_most, median_of, say, show
from bench.scratch import scratch_folder
from bench.server import Server, free_port, running_server
from helpninja_app.answers.evaluation.dataset import LabelledQuestion, load_question_file
from helpninja_app.demo.workspace import PUBLIC_KEY
from helpninja_app.kernel.frontend import FrontEnd

QUESTIONS = Path(helpninja_app.demo.__path__[0]) / "questions.csv"
RUNS = 3
MOST_ANSWER_MS = 1_000.0
MOST_COLD_START_S = 240.0
MOST_SECOND_START_S = 15.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer; ``paths`` are the pages it cites, ``is_passed_on`` that a person was called."""

    question: LabelledQuestion
    milliseconds: float
    paths: frozenset[str]
    is_passed_on: bool

    @property
    def is_declined(self) -> bool:
        return not self.paths


async def run() -> None:
    """Start the demo twice and ask all its questions, three times as JSON and once as a stream."""
    questions = load_question_file(QUESTIONS)
    with scratch_folder() as folder:
        port = free_port()
        was_built = FrontEnd().is_current()
        say("starting HelpNinja with an empty folder")
        with running_server(folder / "data", port) as cold:
            pass
        say("starting it again")
        with running_server(folder / "data", port) as second:
            runs = []
            async with httpx.AsyncClient(base_url=second.url, trust_env=False, timeout=60) as client:
                await _ask(client, questions[0])
                for number in range(RUNS):
                    say(f"asking {len(questions)} questions, run {number + 1} of {RUNS}")
                    runs.append([await _ask(client, question) for question in questions])
                say("asking them for streams")
                first_tokens = [await _first_token(client, question.text) for question in questions]
    show(
        f"Answers: {len(questions)} questions about the demo, offline answerer, median of {RUNS} runs",
        _figures(runs, first_tokens, cold, second, was_built=was_built),
    )


def _body(message: str) -> dict[str, str]:
    return {"tenantId": PUBLIC_KEY, "sessionId": secrets.token_urlsafe(12), "message": message}


async def _ask(client: httpx.AsyncClient, question: LabelledQuestion) -> Asked:
    started = time.perf_counter()
    response = await client.post("/api/chat", json=_body(question.text))
    elapsed = (time.perf_counter() - started) * 1000
    response.raise_for_status()
    reply: dict[str, Any] = response.json()
    paths = frozenset(urlsplit(ref).path for ref in reply["refs"])
    return Asked(question, elapsed, paths, reply["escalated"])


async def _first_token(client: httpx.AsyncClient, message: str) -> float:
    """Milliseconds until the first piece of text is here."""
    started = time.perf_counter()
    headers = {"accept": "text/event-stream"}
    async with client.stream("POST", "/api/chat", json=_body(message), headers=headers) as response:
        response.raise_for_status()
        is_token = False
        async for line in response.aiter_lines():
            if line.startswith("event:"):
                is_token = line.removeprefix("event:").strip() == "token"
            elif is_token and line.startswith("data:") and json.loads(line.removeprefix("data:"))["text"]:
                return (time.perf_counter() - started) * 1000
    raise RuntimeError(f"There was no token in the answer to: {message}")


def _figures(
    runs: Sequence[Sequence[Asked]],
    first_tokens: Sequence[float],
    cold: Server,
    second: Server,
    *,
    was_built: bool,
) -> list[Figure]:
    times = [[asked.milliseconds for asked in run] for run in runs]
    answerable = [asked for asked in runs[-1] if asked.question.answerable]
    others = [asked for asked in runs[-1] if not asked.question.answerable]
    right = [asked for asked in answerable if asked.question.relevant & asked.paths]
    silent = [asked for asked in answerable if asked.is_declined]
    honest = [asked for asked in others if asked.is_declined or asked.is_passed_on]
    for asked in answerable:
        if asked not in right:
            cited = ", ".join(sorted(asked.paths)) or "nothing"
            say(f"missed: {asked.question.text} (cites {cited})")
    for asked in others:
        if asked not in honest:
            say(f"answered all the same: {asked.question.text} (cites {', '.join(sorted(asked.paths))})")
    passed_on = sum(asked.is_passed_on for asked in answerable)
    return [
        Figure("whole answer, p50", f"{median_of(times, 0.5):.0f} ms"),
        Figure("whole answer, p99", f"{median_of(times, 0.99):.0f} ms"),
        at_most("slowest answer, median of runs", median_of(times, 1.0), MOST_ANSWER_MS, "ms"),
        Figure("first token of a stream, p50", f"{statistics.median(first_tokens):.0f} ms"),
        Figure("answerable: cites the expected page", _share(right, answerable)),
        Figure("answerable: declined", _share(silent, answerable)),
        Figure("answerable: a person was called as well", f"{passed_on} of {len(answerable)}"),
        Figure("unanswerable: declined or passed on", _share(honest, others)),
        at_most(
            "first start, pages built before" if was_built else "first start, pages built in it",
            cold.seconds,
            MOST_COLD_START_S,
            "s",
        ),
        at_most("second start", second.seconds, MOST_SECOND_START_S, "s"),
    ]


def _share(some: Sequence[Asked], all_of_them: Sequence[Asked]) -> str:
    share = 100 * len(some) / len(all_of_them) if all_of_them else 0.0
    return f"{len(some)} of {len(all_of_them)} ({share:.0f} %)"
