"""How well a visitor who asks for a person is understood, by a labelled set in ten languages.

Every second sentence may be looked at when phrases are written; the others are held out. The sentences of the
languages correspond to each other, so the half that is held out changes from language to language. Both
were known to who wrote the phrases, and the model was fitted with them: only the blind sentences say how well
other wordings are understood.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.report import Figure, at_most, say, show
from bench.scratch import scratch_folder
from bench.server import free_port, running_server
from helpninja_app.answers.evaluation.metrics import percentile
from helpninja_app.answers.small_talk import SmallTalkKind, answer_small_talk
from helpninja_app.demo.workspace import PUBLIC_KEY

SET = Path(__file__).with_name("data") / "person_requests.json"
# Written by somebody who had seen none of the phrases and words, after the last change of them, and in each
# language on its own. What is tuned on it makes it known: the next change needs another one.
UNSEEN = SET.with_name("person_requests_unseen.json")
# Were that before the words were added to.
ONCE_UNSEEN = tuple(SET.with_name(f"person_requests_{name}.json") for name in ("natural", "blind", "fresh"))
# Longer than most of what visitors write.
LONG = 300
HALVES = {"looked at": 0, "held out": 1}


def load(file: Path = SET) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def asks_for_a_person(message: str, language: str) -> bool:
    talk = answer_small_talk(message, language=language)
    return talk is not None and talk.kind is SmallTalkKind.PERSON


def understood(half: int, language: str, kind: str) -> tuple[int, int]:
    """How many ``requests`` or ``near_misses`` of a half are taken for requests, and how many it has."""
    found = load()
    start = (half + list(found).index(language)) % 2
    messages = found[language][kind][start::2]
    return sum(asks_for_a_person(message, language) for message in messages), len(messages)


async def run() -> None:
    figures = list(_figures())
    figures.append(await _reached())
    show("Asking for a person", figures)


def _figures() -> Iterator[Figure]:
    languages = list(load())
    for name, file in (("unseen", UNSEEN), *((f"once unseen, {file.stem}", file) for file in ONCE_UNSEEN)):
        given = load(file)
        for kind in ("requests", "near_misses"):
            said = [(text, code) for code, both in given.items() for text in both[kind]]
            taken = sum(asks_for_a_person(text, code) for text, code in said)
            yield Figure(f"{name}: {kind.replace('_', ' ')} taken for requests", f"{taken} of {len(said)}")
    yield from _speed()
    for name, half in HALVES.items():
        hits = [understood(half, language, "requests") for language in languages]
        alarms = [understood(half, language, "near_misses") for language in languages]
        found, wanted = (sum(column) for column in zip(*hits, strict=True))
        false, misses = (sum(column) for column in zip(*alarms, strict=True))
        yield Figure(f"recall, {name}", f"{found} of {wanted} ({found / wanted:.0%})")
        precision = f"{found / (found + false):.1%}" if found + false else "none found"
        yield Figure(f"precision, {name}", precision)
        yield Figure(f"false alarms, {name}", f"{false} of {misses}", "0", false == 0)
        by_language = ", ".join(f"{code} {one}/{of}" for code, (one, of) in zip(languages, hits, strict=True))
        yield Figure(f"requests understood, {name}", by_language)


async def _reached() -> Figure:
    """How many of the unseen requests reach a person in one way or another, where the demo is asked without a
    model: who is not understood is mostly not answered either, and that calls one too.
    """
    asked = [text for both in load(UNSEEN).values() for text in both["requests"]]
    with (
        scratch_folder() as folder,
        running_server(folder / "data", free_port(), HELPNINJA_LIMIT_ADDRESS="100000") as server,
    ):
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60) as client:
            reached = 0
            for text in asked:
                body = {"tenantId": PUBLIC_KEY, "sessionId": secrets.token_urlsafe(12), "message": text}
                reply = (await client.post("/api/chat", json=body)).raise_for_status().json()
                reached += reply["escalated"]
                if not reply["escalated"]:
                    say(f"answered: {text!r}: {reply['answer'][:100]!r}")
    return Figure("unseen: requests that reach a person", f"{reached} of {len(asked)}")


def _speed() -> Iterator[Figure]:
    """How long one message takes, as it is and filled up with what the others say."""
    found = load()
    told = {code: [text for texts in both.values() for text in texts] for code, both in found.items()}
    short = [(text, code) for code, texts in told.items() for text in texts]
    long = [(f"{text} {' '.join(told[code])}"[:LONG], code) for text, code in short]
    for text, code in short:
        asks_for_a_person(text, code)
    for name, messages, target in (("a message", short, 1.0), (f"{LONG} characters", long, 5.0)):
        took = [_milliseconds(text, code) for text, code in messages]
        yield at_most(f"{name}, median", percentile(took, 0.5), target, "ms")
        yield at_most(f"{name}, p95", percentile(took, 0.95), target, "ms")


def _milliseconds(text: str, code: str) -> float:
    started = time.perf_counter()
    asks_for_a_person(text, code)
    return (time.perf_counter() - started) * 1000
