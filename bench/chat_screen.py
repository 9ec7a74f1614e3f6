"""The chat page in a browser: a member with 10,000 saved chats asks, and gets 4,000 tokens.

    HELPNINJA_BROWSER="$(.ci/browser)" python -m bench.chat_screen

Says how long the browser's main thread was kept at most, how often the answer was drawn, how long the server
kept another request waiting meanwhile, and, in a process without a browser, how long its event loop was kept.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
from playwright.sync_api import Page, expect, sync_playwright

from bench.report import Figure, at_most, say, show
from bench.scratch import opened, scratch_database, scratch_folder
from bench.server import free_port, running_server
from bench.texts import passage
from helpninja_app.answers.answerers import Answerers
from helpninja_app.answers.catalogue import find_model
from helpninja_app.answers.providers.base import (
    Finished,
    GenerationRequest,
    StreamEvent,
    TextDelta,
    TokenUsage,
)
from helpninja_app.answers.providers.fake import FakeProvider
from helpninja_app.demo.workspace import OWNER, PASSWORD_FILE
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres
from helpninja_app.knowledge.tokens import estimate_tokens
from helpninja_app.resources import _open
from helpninja_app.runtime import warm_up
from helpninja_app.screens.chat.state import ChatState
from tests.e2e.chat_steps import MINI, ask, is_over, messages, question, take_model
from tests.e2e.conftest import CHROMIUM_FLAGS
from tests.e2e.slow_provider import running_slow_provider
from tests.factories import Factory
from tests.screens.events import fire, tab_at

CHATS = 10_000
TOKENS = 4_000
# Pieces of about four letters, as models send them.
PAUSE = 0.01
CODE = "\n\n```python\n" + "".join(f"total_{n} = price * {n}  # with tax\n" for n in range(12)) + "```\n\n"
_SEED = 20_261_129
_OBSERVE = """
  window.tasks = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.tasks.push([entry.duration, entry.startTime]);
  }).observe({ type: "longtask", buffered: true });
"""
_COUNT = """() => {
  window.tasks = [];
  window.draws = 0;
  new MutationObserver(() => (window.draws += 1))
    .observe(document.querySelector("[aria-label=Messages]"), { subtree: true, childList: true });
}"""
_FILL = (
    "insert into chats (workspace_id, id, user_id, title, updated_at)"
    " select m.workspace_id, gen_random_uuid(), m.user_id, title, now() - number * interval '1 minute'"
    " from unnest(%s::text[]) with ordinality as given (title, number),"
    " (select workspace_id, user_id from members limit 1) as m"
)


def run(kept: list[tuple[float, float]]) -> None:
    """The rest of the module, beside what ``keeping`` found."""
    answer = long_answer()
    pieces = [answer[at : at + 4] for at in range(0, len(answer), 4)]
    with (
        running_slow_provider(words=0, pause=PAUSE) as provider,
        scratch_folder() as folder,
        running_server(
            folder / "data",
            free_port(),
            OPENAI_API_KEY="sk-test-0123456789",
            OPENAI_BASE_URL=provider.url,
        ) as server,
        sync_playwright() as playwright,
    ):
        provider.pieces = pieces
        say(f"storing {CHATS:,} chats")
        fill(folder / "data")
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("HELPNINJA_BROWSER"), args=CHROMIUM_FLAGS
        )
        page = browser.new_page()
        sign_in(page, server.url, (folder / "data" / PASSWORD_FILE).read_text().strip())
        opening = open_chat(page, server.url)
        opening_task = longest(page)
        take_model(page, MINI)
        page.evaluate(_COUNT)
        began = time.perf_counter()
        with waiting_for(server.url) as waits:
            ask(page, "Tell me all of it.")
            expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
            expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0, timeout=300_000)
            is_over(page)
        seconds = time.perf_counter() - began
        writing_task, draws = longest(page), int(page.evaluate("window.draws"))
        shown = "".join(messages(page).inner_text().split())
        last = "".join(answer.rstrip().splitlines()[-1].split())
        browser.close()
    if last not in shown:
        raise RuntimeError("The end of the answer is not shown.")
    show(
        f"The chat page with {CHATS:,} saved chats and an answer of {estimate_tokens(answer):,} tokens",
        [
            Figure("until the page can be typed in", f"{opening * 1000:,.0f} ms"),
            at_most("longest task of the browser while it opens", opening_task, 100.0, "ms"),
            at_most("longest task while it is written", writing_task, 100.0, "ms"),
            Figure("draws a second", f"{draws / seconds:,.1f}"),
            Figure("until it was whole", f"{seconds:,.1f} s"),
            at_most("event loop: longest work in one go", max(used for _, used in kept), 50.0, "ms"),
            Figure("event loop: late at most", f"{max(late for late, _ in kept):,.1f} ms"),
            Figure("the same, p99", f"{_p99([late for late, _ in kept]):,.1f} ms"),
            Figure("another request meanwhile, the longest", f"{max(waits) * 1000:,.1f} ms"),
            Figure("the same, p99", f"{_p99(waits) * 1000:,.1f} ms"),
        ],
    )


def _p99(values: list[float]) -> float:
    return sorted(values)[len(values) * 99 // 100]


def long_answer() -> str:
    """Prose under headings, with lists and code, of about 4,000 tokens."""
    chance = random.Random(_SEED)
    parts: list[str] = []
    while estimate_tokens("".join(parts)) < TOKENS:
        number = len(parts) + 1
        prose = passage(chance, 120)
        listed = "".join(f"- {passage(chance, 12)}\n" for _ in range(4))
        parts.append(f"## Part {number}\n\n{prose}\n\n{listed}{CODE if number % 3 == 0 else chr(10)}")
    return "".join(parts) + "This is the end of it."


def fill(data: Path) -> None:
    chance = random.Random(_SEED)
    titles = [passage(chance, 8) for _ in range(CHATS)]
    with psycopg.connect(EmbeddedPostgres(data / "postgres").start().superuser) as connection:
        connection.execute(_FILL, (titles,))


def sign_in(page: Page, url: str, password: str) -> None:
    page.goto(f"{url}/sign-in")
    page.get_by_label("E-mail address").fill(OWNER)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Chat", exact=True)).to_be_visible()


def open_chat(page: Page, url: str) -> float:
    """Seconds until the field and the list of chats are there."""
    page.add_init_script(_OBSERVE)
    began = time.perf_counter()
    page.goto(f"{url}/app/chat?chat=new")
    expect(page.get_by_role("region", name="Saved chats").get_by_role("listitem")).to_have_count(50)
    expect(question(page)).to_be_visible()
    took = time.perf_counter() - began
    page.wait_for_timeout(1_000)
    return took


def longest(page: Page) -> float:
    """The longest task of the main thread so far, in milliseconds; those below 50 count as none."""
    return float(page.evaluate("Math.max(0, ...window.tasks.map(([duration]) => duration))"))


@contextmanager
def waiting_for(url: str) -> Iterator[list[float]]:
    """How long each of many small requests took meanwhile, in seconds."""
    waits: list[float] = []
    is_over = threading.Event()

    def probe() -> None:
        with httpx.Client(base_url=url) as client:
            client.get("/api/health/live")
            while not is_over.wait(0.01):
                began = time.perf_counter()
                client.get("/api/health/live")
                waits.append(time.perf_counter() - began)

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield waits
    finally:
        is_over.set()
        thread.join()


class Paced(FakeProvider):
    """Says its script in pieces, at the pace of the slow provider."""

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        async with aclosing(super().stream(request)) as events:
            async for event in events:
                yield event
                await asyncio.sleep(PAUSE)


async def keeping() -> list[tuple[float, float]]:
    """Of each beat of the event loop while the page's state takes and stores the answer, in milliseconds: how
    late it came, and how much of the processor the loop's thread had used since the one before.

    On a shared machine the first holds the time of others too.
    """
    answer = long_answer()
    provider = Paced()
    pieces = [TextDelta(answer[at : at + 4]) for at in range(0, len(answer), 4)]
    provider.add([*pieces, Finished("stop", TokenUsage(60, TOKENS))])
    with scratch_database() as scratch:
        async with opened(scratch) as resources:
            await warm_up(resources)
            model = find_model("gpt-4o-mini")
            _open[:] = [replace(resources, answerers=Answerers.with_provider(provider, model))]
            factory = Factory(resources)
            _, headers = await factory.member(await factory.tenant())
            tab = await tab_at(ChatState, headers["cookie"])
            await fire(tab, "open_chat")
            await fire(tab, "choose_scope", "none")
            kept: list[tuple[float, float]] = []
            beating = asyncio.create_task(_beat(kept))
            await fire(tab, "ask", {"question": "Tell me all of it."})
            beating.cancel()
            _open[:] = [resources]
    if tab.messages[-1].state != "complete":
        raise RuntimeError(tab.messages[-1].note)
    return kept


async def _beat(kept: list[tuple[float, float]]) -> None:
    clock = asyncio.get_running_loop()
    while True:
        due, used = clock.time() + 0.005, time.thread_time()
        await asyncio.sleep(0.005)
        kept.append(((clock.time() - due) * 1000, (time.thread_time() - used) * 1000))


if __name__ == "__main__":
    run(asyncio.run(keeping()))
