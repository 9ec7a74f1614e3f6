"""A process that charges turns until it dies at an await; ``bench.ledger_chaos`` starts one after another."""

from __future__ import annotations

import asyncio
import faulthandler
import random
import types
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import aclosing, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bench.killing import Report
from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.answers.answerers import Answerers
from helpninja_app.answers.catalogue import find_model
from helpninja_app.answers.pipeline import Pipeline, Token
from helpninja_app.answers.providers.base import GenerationRequest, StreamEvent, TokenUsage
from helpninja_app.answers.providers.fake import FakeProvider, ScriptStep, spoken
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import AGENCY
from helpninja_app.billing.reservations import release, reserve, settle
from helpninja_app.chats.answering import Started, answer_member
from helpninja_app.chats.turns import Ask
from helpninja_app.chats.writing import Answered, ChatDesk
from helpninja_app.errors import Conflict, ProviderFailed
from helpninja_app.kernel.background import Background
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.search import SearchIndex

MODEL = find_model("gpt-4o-mini")
TURNS = 12
AT_ONCE = 4

BEGIN, FINISH = "begin a chat", "finish a chat"
# Where a process may die, and of how many awaits there one is the last; of twelve turns anywhere.
FUSES: tuple[tuple[str | None, int], ...] = ((None, 700), (BEGIN, 60), (FINISH, 60))

_STAGE: ContextVar[str] = ContextVar("stage", default="start")
# As an answer is stored: in the transaction that charges it.
_STORE_ANSWER = text("insert into chaos_answers (turn, reservation_id, used) values (:turn, :id, :used)")


@dataclass(frozen=True, slots=True)
class Orders:
    """What a process is to do; ``report`` is a file that it adds lines to.

    It dies at one of the first ``awaits`` at ``stage``, where one is given.
    """

    url: str
    workspace_id: UUID
    user_id: UUID
    first_turn: int
    seed: int
    report: str
    stage: str | None = None
    awaits: int = FUSES[0][1]


class _Fuse:
    """Counts awaits, and kills the process at a random one."""

    def __init__(self, orders: Orders, report: Report) -> None:
        self._awaits = random.Random(orders.seed).randint(1, orders.awaits)
        self._stage, self._report = orders.stage, report

    def burn(self) -> None:
        stage = _STAGE.get()
        self._awaits -= self._stage in {None, stage}
        if self._awaits <= 0:
            self._report.die(stage)

    def attach(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        """A task, whoever makes it, that dies with the process at one of its awaits."""
        return asyncio.Task(self._run(work), loop=loop, **options)

    async def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await _mortal(work, self)


@types.coroutine
def _mortal(work: Coroutine[Any, Any, Any], fuse: _Fuse) -> Generator[Any, Any, Any]:
    """``work``, which dies before or after one of the moments at which it waits for something."""
    go_on = partial(work.send, None)
    while True:
        try:
            awaited = go_on()
        except StopIteration as end:
            return end.value
        fuse.burn()
        try:
            yield awaited
        except BaseException as error:
            go_on = partial(work.throw, error)
        else:
            go_on = partial(work.send, None)
        fuse.burn()


class _Model(FakeProvider):
    """Says one thing, slowly; ``then`` is what comes of the answer afterwards."""

    def __init__(self, script: list[ScriptStep], then: str) -> None:
        super().__init__([script])
        self._then = then

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        _STAGE.set("ask the model")
        try:
            async with aclosing(super().stream(request)) as events:
                async for event in events:
                    await asyncio.sleep(0.002)
                    yield event
        finally:
            _STAGE.set(self._then)


def work(orders: Orders) -> None:
    """The whole life of a process."""
    faulthandler.dump_traceback_later(60)
    asyncio.run(_Worker(orders).live())


class _Worker:
    """Takes turns: chats as members have them, and others, of which some have a key."""

    def __init__(self, orders: Orders) -> None:
        self._orders, self._report = orders, Report(orders.report)
        self._database = Database(orders.url, pool_size=AT_ONCE)
        self._background = Background()
        self._pipeline = Pipeline(
            SearchIndex(self._database, vector_memory=0), HashingEmbedder(), Answerers()
        )

    async def live(self) -> None:
        scope, door = Scope.members(self._orders.workspace_id), asyncio.Semaphore(AT_ONCE)
        async with self._database.unit_of_work(scope) as session:
            workspace = await load_workspace(session, self._orders.workspace_id)
        caller = MemberCaller(workspace, self._orders.user_id, "owner@example.com", Role.OWNER)

        async def take(number: int) -> None:
            async with door:
                if number % 2 == 0:
                    await self._chat(caller, number)
                else:
                    await self._take_turn(scope, number)

        asyncio.get_running_loop().set_task_factory(_Fuse(self._orders, self._report).attach)
        await asyncio.gather(*(take(self._orders.first_turn + number) for number in range(TURNS)))
        await self._background.finish(10)
        await self._database.close()

    async def _chat(self, caller: MemberCaller, number: int) -> None:
        """A chat of this process's own, every other with a second question."""
        chance = random.Random(self._orders.seed + number)
        # What it is called is in its charges, and no other chat is called so.
        question = f"Turn {number}, {new_id()}"
        _STAGE.set(BEGIN)
        chat_id = await self._ask(caller, chance, Ask(question))
        if number % 4:
            _STAGE.set("go on in a chat")
            await self._ask(caller, chance, Ask("And then?", chat_id=chat_id))

    async def _ask(self, caller: MemberCaller, chance: random.Random, ask: Ask) -> UUID:
        usage = TokenUsage(chance.randint(1, 15_000), chance.randint(1, 9_000))
        script, then, leaves = spoken("A small ", "falcon.", usage=usage), FINISH, False
        if (fate := chance.random()) < 0.15:
            script, then = [*script[:-1], ProviderFailed()], "give up a chat"
        elif fate < 0.3:
            then, leaves = "keep what was left", True
        answerers = Answerers.with_provider(_Model(script, then), MODEL)
        desk = ChatDesk(self._database, self._pipeline, answerers, self._background, AGENCY, longest=60)
        chat_id = None
        with suppress(ProviderFailed):
            async with aclosing(answer_member(desk, caller, ask, MODEL)) as events:
                async for event in events:
                    if isinstance(event, Started):
                        chat_id = event.chat_id
                    elif isinstance(event, Answered):
                        self._report.say("answered", event.message_id)
                    elif leaves and isinstance(event, Token):
                        break
        await self._background.finish(10)
        if chat_id is None:
            raise RuntimeError("A chat did not begin.")
        return chat_id

    async def _take_turn(self, scope: Scope, number: int) -> None:
        """Reserve, ask, and settle or release.

        Half of these turns have a key, with which whoever takes one again gets the same reservation; the
        others are taken as those of visitors are, and by whoever takes one again anew.
        """
        workspace_id, chance = self._orders.workspace_id, random.Random(number)
        amount, used, fails = chance.randint(1, 20), chance.randint(0, 25), chance.random() < 0.2
        key = f"turn:{number}" if number % 4 == 1 else None
        _STAGE.set("reserve")
        try:
            async with self._database.unit_of_work(scope) as session:
                reservation = await reserve(session, workspace_id, AGENCY, Unit.CREDIT, amount, key=key)
        except Conflict:
            return
        _STAGE.set("ask")
        for _ in range(3):
            await asyncio.sleep(0.002)
        if fails:
            _STAGE.set("release")
            async with self._database.unit_of_work(scope) as session:
                await release(session, workspace_id, reservation)
            return
        _STAGE.set("settle")
        try:
            async with self._database.unit_of_work(scope) as session:
                answer = {"turn": number, "id": reservation.id, "used": used}
                await session.execute(_STORE_ANSWER, answer)
                await settle(session, workspace_id, reservation, used)
        except IntegrityError:
            # Whoever took this turn before was not so dead that its answer had not been stored.
            return
        self._report.say("answered", number)
