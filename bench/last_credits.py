"""500 questions of members at once, over HTTP, where seven credits are left: seven reach the model.

python -m bench.last_credits [REPEATS]
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx
import uvicorn
from llmock.pytest_plugin import LLMock
from llmock.testing import LLMockServer

from api_routes.app import create_api
from bench.killing import is_well
from bench.report import Figure, say
from bench.scratch import scratch_database, settings_on
from helpninja_app.answers.answerers import Answerers, ProviderKey
from helpninja_app.answers.providers.base import Timeouts
from helpninja_app.billing.models import EntryKind
from helpninja_app.chats import prompts
from helpninja_app.jobs import tasks
from helpninja_app.kernel import database
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources, open_resources
from tests.factories import Factory
from tests.ledgers import Books

TURNS, LEFT, REPEATS = 500, 7, 20
MODEL = "gpt-4o-mini"
ANSWER = "A small falcon."
# A question and an answer of this length take one credit. The longest may take five, and reserve them.
_SHORT = 512
# With provider, product and all who ask in one process some wait longer for the database than it has them do.
_PATIENCE = 90.0
_ALLOWANCE = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the questions, by status, and what the workspace has afterwards."""

    calls: int
    statuses: dict[int, int]
    answers: int
    charged: list[int]
    chats: int
    balance: int
    is_right: bool


EXACT = Outcome(LEFT, {200: LEFT, 402: TURNS - LEFT}, LEFT, [-1] * LEFT, LEFT, 0, True)


def answering(model: LLMock) -> Answerers:
    """Answerers whose provider is the server that counts its calls."""
    key = ProviderKey("sk-test-0123456789", model.base_url("openai"))
    return Answerers(openai=key, timeouts=Timeouts(_PATIENCE, _PATIENCE, _PATIENCE))


@contextmanager
def one_credit_each() -> Iterator[None]:
    """Every question takes one credit, and however busy the machine is nobody is sent away for that.

    Resources have to be opened in it.
    """
    with (
        patch.object(prompts, "ANSWER_TOKENS", _SHORT),
        patch.object(database, "_PATIENCE", _PATIENCE),
        patch.object(database, "_CONNECT", int(_PATIENCE)),
    ):
        yield


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def api_over_http() -> AsyncIterator[str]:
    """The API of the resources that were opened last, on a port of its own; gives its address."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = _Server(
            uvicorn.Config(create_api(), log_level="error", lifespan="off", ws="none", backlog=TURNS)
        )
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


async def spend_the_last(resources: Resources, url: str, model: LLMock) -> Outcome:
    """Ask so many questions at once in a workspace of which all but the last credits are used."""
    factory = Factory(resources)
    tenant = await factory.tenant(plan="free")
    _, headers = await factory.member(tenant)
    books = Books(resources.database, tenant.id)
    await books.use(_ALLOWANCE - LEFT)
    before = len(model.requests)
    headers["origin"] = resources.settings.link_origin
    heard = await asyncio.gather(*(_ask(url, headers) for _ in range(TURNS)))
    async with httpx.AsyncClient(base_url=url, headers=headers) as client:
        chats = (await client.get("/api/chats")).json()["total"]
    return Outcome(
        calls=len(model.requests) - before,
        statuses=dict(Counter(status for status, _ in heard)),
        answers=sum(text == ANSWER for _, text in heard),
        charged=(await books.amounts(EntryKind.USAGE))[1:],
        chats=chats,
        balance=await books.balance(),
        is_right=await books.held() == [] and await books.is_right(),
    )


async def _ask(url: str, headers: dict[str, str]) -> tuple[int, str]:
    """Ask over a connection of its own; the status and the text of what was said."""
    body = json.dumps({"modelId": MODEL, "messages": [{"role": "user", "content": "What is a kestrel?"}]})
    lines = {"host": urlsplit(url).netloc, "connection": "close", "content-type": "application/json"}
    lines |= {"content-length": str(len(body))} | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    # A client for many such would take more time than all that it asks for.
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    try:
        writer.write(f"POST /api/chat HTTP/1.1\r\n{head}\r\n{body}".encode())
        said = (await reader.read()).decode()
    finally:
        writer.close()
    head, _, body = said.partition("\r\n\r\n")
    # Of what comes in chunks every other line is a length.
    text = "".join(body.split("\r\n")[1::2]) if "transfer-encoding: chunked" in head.lower() else body
    return int(head.split(" ", 2)[1]), text


async def run(repeats: int) -> bool:
    """Whether each time as many questions reached the model as there were credits."""
    outcomes, started = [], time.perf_counter()
    with scratch_database() as scratch, LLMockServer() as server:
        model = LLMock(server).reply(ANSWER, times=None)
        settings = settings_on(
            scratch, unlimited=False, member_limit=1_000_000, public_url="http://helpninja.test"
        )
        with one_credit_each():
            async with (
                open_resources(
                    settings,
                    scratch.urls.app,
                    tasks=tasks,
                    embedder=HashingEmbedder(),
                    answerers=answering(model),
                ) as resources,
                api_over_http() as url,
            ):
                for number in range(1, repeats + 1):
                    outcomes.append(await spend_the_last(resources, url, model))
                    say(f"repeat {number} of {repeats}: {outcomes[-1]}")
    wrong = sum(outcome != EXACT for outcome in outcomes)
    seconds = time.perf_counter() - started
    figures = [
        Figure(f"times that {TURNS} questions were asked at once", f"{repeats} in {seconds:.0f} s"),
        Figure("calls of the model", str(sum(outcome.calls for outcome in outcomes)), str(LEFT * repeats)),
        Figure(
            f"times that not exactly {LEFT} were answered and {TURNS - LEFT} refused with 402",
            str(wrong),
            "0",
            wrong == 0,
        ),
    ]
    return is_well(f"The last {LEFT} credits, over HTTP", figures)


if __name__ == "__main__":
    if not asyncio.run(run(int(sys.argv[1]) if len(sys.argv) == 2 else REPEATS)):
        sys.exit(1)
