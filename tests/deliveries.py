"""What tests of dispatch share: a courier with a scripted channel, and escalations to deliver."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.conversations.delivering import Courier
from helpninja_app.conversations.delivery_models import Delivery
from helpninja_app.conversations.handoff import escalate
from helpninja_app.conversations.models import Contact, Conversation, Message, Reason, Sender
from helpninja_app.conversations.threads import add_message, open_conversation
from helpninja_app.conversations.whereabouts import Whereabouts
from helpninja_app.errors import DeliveryFailed
from helpninja_app.integrations.credentials import Secrets, seal
from helpninja_app.integrations.models import Integration, Provider
from helpninja_app.integrations.packet import Packet
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.factories import Tenant

Act = Callable[[Packet], Awaitable[None]]
HOOK = "https://hooks.slack.com/services/T000/B000/secret-part-abcd"


@dataclass
class Channel:
    """Keeps the packets it takes; what stands in ``plan`` for a destination happens first, in turn."""

    sent: list[tuple[str, Packet]] = field(default_factory=list)
    plan: defaultdict[str, list[DeliveryFailed | Act]] = field(default_factory=lambda: defaultdict(list))

    async def __call__(
        self, provider: str, credentials: Mapping[str, str], packet: Packet, **_: object
    ) -> None:
        place = credentials.get("webhook_url") or credentials.get("to") or credentials.get("url") or ""
        if self.plan[place]:
            step = self.plan[place].pop(0)
            if isinstance(step, DeliveryFailed):
                raise step
            await step(packet)
        self.sent.append((place, packet))

    def to(self, place: str) -> list[Packet]:
        return [packet for where, packet in self.sent if where == place]

    def about(self, conversation_id: UUID) -> list[str]:
        return sorted(where for where, packet in self.sent if packet.conversation_id == conversation_id)


def courier_of(resources: Resources, channel: Channel, **changes: Any) -> Courier:
    return replace(resources.courier, send=channel, **changes)


async def integrate(
    resources: Resources, tenant: Tenant, url: str = HOOK, *, provider: str = "slack", status: str = "active"
) -> UUID:
    made = new_id()
    name = {"email": "to", "webhook": "url"}.get(provider, "webhook_url")
    values = Secrets({name: url, **({"secret": "x" * 24} if provider == "webhook" else {})})
    async with resources.database.unit_of_work(tenant.scope) as session:
        session.add(
            Integration(
                workspace_id=tenant.id,
                id=made,
                provider=Provider(provider).value,
                name=f"Our {provider}",
                status=status,
                credentials=seal(resources.courier.keys, tenant.id, made, values),
            )
        )
    return made


async def ask_for_a_person(
    resources: Resources,
    tenant: Tenant,
    *,
    question: str = "Can I return a used grinder?",
    reason: Reason = Reason.LOW_CONFIDENCE,
    is_asked: bool = False,
    **wishes: Any,
) -> Conversation:
    """A visitor asked, the bot answered badly, and a person is asked for, all in the visitor's own scope."""
    visitor = VisitorCaller(tenant.workspace, f"session-{new_id().hex}", is_signed=True)
    async with resources.database.unit_of_work(visitor.scope) as session:
        conversation = await open_conversation(
            session, visitor, whereabouts=Whereabouts("https://shop.example/grinders")
        )
        await say(session, conversation, Sender.VISITOR, question)
        unsure = {"kind": "answer", "confidence": 0.31}
        await say(session, conversation, Sender.BOT, "Perhaps within 30 days.", **unsure)
        if not is_asked:
            # Nobody waits for who they are.
            conversation.contact = Contact.DECLINED.value
        assert await escalate(session, conversation, reason, topic=question, **wishes)
    return conversation


async def say(
    session: AsyncSession, conversation: Conversation, role: Sender, words: str, **more: Any
) -> None:
    await add_message(
        session,
        Message(
            workspace_id=conversation.workspace_id,
            id=new_id(),
            conversation_id=conversation.id,
            role=role.value,
            text=words,
            **more,
        ),
    )


async def deliveries_of(resources: Resources, workspace_id: UUID) -> Sequence[Delivery]:
    async with resources.database.unit_of_work(Scope.members(workspace_id)) as session:
        found = await session.execute(
            select(Delivery).where(col(Delivery.workspace_id) == workspace_id).order_by(col(Delivery.id))
        )
        return found.scalars().all()


async def integration_of(resources: Resources, tenant: Tenant, id: UUID) -> Integration:
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await session.get(Integration, (tenant.id, id))
        assert found is not None
        return found


async def make_time_pass(resources: Resources, workspace_id: UUID, *, minutes: float) -> None:
    """For what waits in this workspace."""
    await make_time_pass_in(resources.database, workspace_id, minutes=minutes)


async def make_time_pass_in(database: Database, workspace_id: UUID, *, minutes: float) -> None:
    async with database.unit_of_work() as session:
        await session.execute(
            text(
                "update due_deliveries set due_at = due_at - make_interval(secs => :seconds),"
                " leased_until = leased_until - make_interval(secs => :seconds)"
                " where workspace_id = :workspace"
            ),
            {"seconds": minutes * 60, "workspace": workspace_id},
        )


async def waits_of(resources: Resources, workspace_id: UUID) -> list[float]:
    """Minutes until each delivery of the workspace is due, by the clock of the database."""
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text(
                "select extract(epoch from due_at - now()) / 60 from due_deliveries"
                " where workspace_id = :workspace order by due_at"
            ),
            {"workspace": workspace_id},
        )
        return [float(each) for each in found.scalars()]
