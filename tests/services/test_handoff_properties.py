"""Whatever bot, members and visitor do at once: the bot is silent while a person holds the conversation, and
each escalation reaches every destination or is shown as failed."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlmodel import col

from helpninja_app.accounts.callers import MemberCaller, VisitorCaller
from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS
from helpninja_app.accounts.users import create_user
from helpninja_app.accounts.workspaces import create_workspace, load_workspace
from helpninja_app.answers.pipeline import Answer, Pipeline, Question
from helpninja_app.billing.plans import Terms, plan_in_force
from helpninja_app.conversations import desk
from helpninja_app.conversations.deliveries import list_deliveries
from helpninja_app.conversations.delivery_models import Delivery, DeliveryStatus
from helpninja_app.conversations.models import (
    Conversation,
    ConversationTransition,
    Escalation,
    Message,
    Sender,
    Status,
)
from helpninja_app.conversations.visitor_chat import Reply, answer_visitor
from helpninja_app.errors import Conflict
from helpninja_app.integrations.retries import MAX_ATTEMPTS
from helpninja_app.kernel.database import Database, enter_scope, new_id
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope
from tests.two_hooks import TROUBLED, TROUBLES, TwoHooks

PLAN = plan_in_force(Terms("agency"), is_unlimited=True)
KINDS = st.sampled_from(["answer", "unsure", "declined", "person_asked"])
ESCALATING = st.sampled_from(["unsure", "declined", "person_asked"])
MEMBERS = st.integers(0, 1)
ACTIONS = st.sampled_from(
    ["take over", "reply", "hand back", "resolve", "reopen", "assign", "ask", "finish", "deliver"]
)


@dataclass
class Asked:
    """A question whose answer is written until ``may_end``."""

    text: str
    may_end: asyncio.Event
    task: asyncio.Task[Reply]


@dataclass
class Said:
    """What was accepted, and has to be there once."""

    by_visitor: list[str] = field(default_factory=list)
    by_members: list[str] = field(default_factory=list)
    by_bot: list[UUID] = field(default_factory=list)


class GatedPipeline:
    """Answers what it is told to when it is told to; the text says of which kind."""

    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = {}

    async def answer(self, _scope: Scope, question: Question) -> AsyncGenerator[Answer, None]:
        await self.gates[question.text].wait()
        kind = question.text.split()[0]
        yield Answer(
            f"About {question.text}",
            (),
            0.1 if kind == "unsure" else 0.9,
            cast("Any", "answer" if kind == "unsure" else kind),
            "offline",
        )


class HandOff(RuleBasedStateMachine):
    """One conversation, two members, two integrations, and up to three answers under way."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.database = Database(self.url, pool_size=4)
        # Never opened: the visitor gives no address, so that nothing is mailed.
        self.queue = Queue(self.url)
        self.pipeline = GatedPipeline()
        self.asked: list[Asked] = []
        self.said = Said()
        self.conversation_id: UUID | None = None
        self.visitor, self.members = self.run(self._make())
        self.hooks = TwoHooks(self.database, self.visitor.workspace.id)
        self.run(self.hooks.integrate())

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(what)

    async def _make(self) -> tuple[VisitorCaller, list[MemberCaller]]:
        async with self.database.unit_of_work() as session:
            made = await create_workspace(
                session, slug=f"hand-off-{secrets.token_hex(8)}", name="Hand-off", embedding_model="none"
            )
            await enter_scope(session, Scope.members(made.id))
            workspace = await load_workspace(session, made.id)
        members = []
        for _ in range(2):
            email = f"{secrets.token_hex(6)}@example.com"
            async with self.database.unit_of_work() as session:
                user = await create_user(session, email=email, password_hash="none")
                await enter_scope(session, Scope.members(made.id, user.id))
                await add_member(session, made.id, user.id, Role.AGENT)
            members.append(MemberCaller(workspace, user.id, email, Role.AGENT, ROLE_PERMISSIONS[Role.AGENT]))
        return VisitorCaller(workspace, secrets.token_urlsafe(12), is_signed=True), members

    def teardown(self) -> None:
        try:
            self.run(self._finish(len(self.asked)))
            self.run(self._each_escalation_arrived_or_is_shown_as_failed())
        finally:
            self.run(self.database.close())
            self.runner.close()

    async def _each_escalation_arrived_or_is_shown_as_failed(self) -> None:
        for _ in range(MAX_ATTEMPTS):
            await self.hooks.deliver(minutes=61)
        _, _, escalations, _ = await self._stored()
        async with self.database.unit_of_work(self.members[0].scope) as session:
            found = list((await session.execute(select(Delivery))).scalars())
            shown, _ = await list_deliveries(session, self.members[0], limit=len(found) + 1)
        assert Counter((each.escalation_id, each.integration_id) for each in found) == Counter(
            (escalation.id, id) for escalation in escalations for id in self.hooks.places
        )
        failed = {each.id: each.last_error for each in found if each.status == DeliveryStatus.FAILED.value}
        assert Counter(self.hooks.taken) == Counter(each.id for each in found if each.id not in failed)
        assert {each.name for each in found if each.id in failed} <= {TROUBLED}
        assert {each.id: each.last_error for each in shown if each.status is DeliveryStatus.FAILED} == failed
        assert "" not in failed.values()

    async def _ask(self, kind: str) -> None:
        text = f"{kind} {secrets.token_hex(6)} about something else entirely"
        gate = self.pipeline.gates[text] = asyncio.Event()
        task = asyncio.ensure_future(self._answered(text))
        self.asked.append(Asked(text, gate, task))
        if self.conversation_id is None:
            gate.set()
            self.conversation_id = (await task).conversation_id
            await self._finish(1)
            return
        # Until the question is stored; the answer waits at its gate.
        while not task.done() and text not in await self._texts(Sender.VISITOR):
            await asyncio.sleep(0.002)
        self.said.by_visitor.append(text)

    async def _answered(self, text: str) -> Reply:
        events = answer_visitor(
            self.database, cast("Pipeline", self.pipeline), self.visitor, text, PLAN, voice="friendly"
        )
        [reply] = [event async for event in events if isinstance(event, Reply)]
        return reply

    async def _finish(self, number: int) -> None:
        for asked in self.asked[:number]:
            asked.may_end.set()
            reply = await asked.task
            if asked.text not in self.said.by_visitor:
                self.said.by_visitor.append(asked.text)
            if reply.answer:
                self.said.by_bot.append(reply.message_id)
        del self.asked[:number]

    async def _act(self, action: str, member: int, kind: str) -> None:
        if action == "ask":
            if len(self.asked) < 3:
                await self._ask(kind)
            return
        if action == "finish":
            await self._finish(1)
            return
        if action == "deliver":
            # Longer than anybody waits for who the visitor is.
            await self.hooks.deliver(minutes=3)
            return
        caller, id = self.members[member], self.conversation_id
        assert id is not None
        async with self.database.unit_of_work(caller.scope) as session:
            if action == "reply":
                text = secrets.token_hex(6)
                await desk.reply(session, self.queue, caller, id, text, client_id=new_id())
                self.said.by_members.append(text)
            elif action == "assign":
                await desk.assign(session, caller, id, caller.user_id)
            else:
                change = {
                    "take over": desk.take_over,
                    "hand back": desk.hand_back,
                    "resolve": desk.resolve,
                    "reopen": desk.reopen,
                }[action]
                await change(session, caller, id)

    async def _try(self, action: str, member: int, kind: str) -> None:
        try:
            await self._act(action, member, kind)
        except Conflict:
            assert action in {"take over", "reply", "hand back"}

    async def _at_once(self, steps: Sequence[tuple[str, int, str]]) -> None:
        await asyncio.gather(*(self._try(*step) for step in steps))

    @initialize()
    def begin(self) -> None:
        self.run(self._ask("answer"))

    @rule(action=ACTIONS, member=MEMBERS, kind=KINDS)
    def one_acts(self, action: str, member: int, kind: str) -> None:
        self.run(self._try(action, member, kind))

    @rule(
        actions=st.lists(
            st.sampled_from(["take over", "reply", "hand back", "resolve", "assign", "deliver"]),
            min_size=1,
            max_size=3,
        ),
        members=st.lists(MEMBERS, min_size=3, max_size=3),
        ends=st.sampled_from(["finish", "ask"]),
        kind=KINDS,
    )
    def several_act_at_once(self, actions: list[str], members: list[int], ends: str, kind: str) -> None:
        steps = [(action, member, kind) for action, member in zip(actions, members, strict=False)]
        self.run(self._at_once([*steps, (ends, 0, kind)]))

    @rule(member=MEMBERS, kind=KINDS)
    def an_answer_ends_as_somebody_takes_over(self, member: int, kind: str) -> None:
        self.run(self._try("ask", member, kind))
        self.run(self._at_once([("finish", 0, kind), ("take over", member, kind)]))

    @rule(trouble=st.sampled_from(sorted(TROUBLES)), member=MEMBERS, kind=ESCALATING)
    def people_are_told_as_somebody_takes_over(self, trouble: str, member: int, kind: str) -> None:
        self.hooks.trouble = trouble
        for action in ("hand back", "ask", "finish", "finish", "finish"):
            self.run(self._try(action, member, kind))
        self.run(self._at_once([("deliver", 0, kind), ("take over", member, kind), ("deliver", 1, kind)]))

    @invariant()
    def the_bot_is_silent_while_a_person_holds(self) -> None:
        if self.conversation_id is None:
            return
        messages, changes, escalations, found = self.run(self._stored())
        status, before, holds = Status.BOT, Status.BOT, []
        since, since_before = None, None
        # All are numbered under the conversation's lock.
        for row in sorted([*messages, *changes], key=lambda row: row.id):
            if isinstance(row, ConversationTransition):
                assert row.from_status == status.value
                assert row.reason != "reopened" or row.to_status == before.value
                before, status = status, Status(row.to_status)
                since, since_before = _waits_since(row, since, since_before), since
            elif row.role == Sender.BOT.value:
                assert status is not Status.HUMAN
            elif row.role == Sender.MEMBER.value:
                assert status is Status.HUMAN
                holds.append(row.text)
                since = None
            elif status is Status.HUMAN:
                since = since or row.created_at
        assert found.waiting_since == since
        stored = {role: [row for row in messages if row.role == role.value] for role in Sender}
        assert sorted(row.text for row in stored[Sender.MEMBER]) == sorted(self.said.by_members)
        assert [row.id for row in stored[Sender.BOT]] == sorted(self.said.by_bot)
        asked = sorted(row.text for row in stored[Sender.VISITOR])
        assert asked == sorted({*self.said.by_visitor, *(each.text for each in self.asked)} & {*asked})
        assert set(self.said.by_visitor) <= set(asked)
        counted = [(each.episode, each.hand_backs, each.reason) for each in escalations]
        assert len(set(counted)) == len(counted)

    async def _stored(
        self,
    ) -> tuple[list[Message], list[ConversationTransition], list[Escalation], Conversation]:
        async with self.database.unit_of_work(self.members[0].scope) as session:
            return (
                list((await session.execute(select(Message).order_by(col(Message.id)))).scalars()),
                list((await session.execute(select(ConversationTransition))).scalars()),
                list((await session.execute(select(Escalation))).scalars()),
                (await session.execute(select(Conversation))).scalar_one(),
            )

    async def _texts(self, role: Sender) -> list[str]:
        async with self.database.unit_of_work(self.members[0].scope) as session:
            found = await session.execute(select(col(Message.text)).where(col(Message.role) == role.value))
            return list(found.scalars())


def _waits_since(
    change: ConversationTransition, since: datetime | None, before: datetime | None
) -> datetime | None:
    """Since when the visitor waits after a change; ``before`` is since when they did before the last one."""
    if Status(change.to_status) in {Status.BOT, Status.RESOLVED}:
        return None
    if change.reason == "reopened":
        return before
    return change.created_at if Status(change.to_status) is Status.WAITING else since


def test_any_sequence_of_bot_members_and_visitor_keeps_the_rules(database_urls: Urls) -> None:
    machine = type("HandOffHere", (HandOff,), {"url": database_urls.app})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
