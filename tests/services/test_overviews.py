"""Counts and latest conversations of a workspace: right, and never another workspace's."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from helpninja_app.conversations.handoff import change_status, escalate
from helpninja_app.conversations.models import Conversation, Message, Reason, Sender, Status
from helpninja_app.conversations.overview import count_conversations, latest_conversations
from helpninja_app.conversations.threads import add_message, open_conversation
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.models import (
    Document,
    DocumentStatus,
    IngestJob,
    IngestPage,
    JobState,
    PageState,
    Source,
    SourceKind,
)
from helpninja_app.knowledge.overview import count_knowledge, list_ingests_under_way
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant


async def converse(
    resources: Resources, factory: Factory, tenant: Tenant, *messages: tuple[Sender, str, float | None]
) -> UUID:
    """A conversation of these messages; what the bot says below 0.5 calls a person."""
    caller, _ = factory.visitor(tenant)
    async with resources.database.unit_of_work(caller.scope) as session:
        conversation = await open_conversation(session, caller)
        for role, text, confidence in messages:
            await add_message(
                session,
                Message(
                    workspace_id=tenant.id,
                    id=new_id(),
                    conversation_id=conversation.id,
                    role=role.value,
                    text=text,
                    kind="answer" if role is Sender.BOT else "message",
                    confidence=confidence,
                ),
            )
            if confidence is not None and confidence < 0.5:
                await escalate(session, conversation, Reason.LOW_CONFIDENCE)
        return conversation.id


async def ingest(resources: Resources, tenant: Tenant, state: JobState, pages: list[PageState]) -> UUID:
    async with resources.database.unit_of_work(tenant.scope) as session:
        source = Source(
            workspace_id=tenant.id, kind=SourceKind.PAGE.value, location=str(new_id()), audience="visitors"
        )
        session.add(source)
        await session.flush()
        job = IngestJob(
            workspace_id=tenant.id, source_id=source.id, input="https://shop.example/", state=state.value
        )
        session.add(job)
        await session.flush()
        for position, page in enumerate(pages):
            session.add(
                IngestPage(
                    workspace_id=tenant.id, job_id=job.id, position=position, url="u", state=page.value
                )
            )
        return job.id


async def test_documents_and_passages_are_counted_in_the_own_workspace_only(
    resources: Resources, factory: Factory
) -> None:
    mine, other = await factory.tenant(), await factory.tenant()
    await factory.document(mine, "# Returns\n\nSixty days.", audience=Audience.MEMBERS)
    failed = await factory.document(mine, "# Repairs\n\nTwo weeks.")
    await factory.document(other, "# Secret\n\nNobody's business.")
    async with resources.database.unit_of_work(mine.scope) as session:
        await session.execute(
            update(Document)
            .where(col(Document.workspace_id) == mine.id, col(Document.id) == failed)
            .values(status=DocumentStatus.FAILED.value)
        )
        counts = await count_knowledge(session, mine.id)
    assert (counts.documents, counts.failed, counts.processing) == (2, 1, 0)
    assert counts.passages == 2


async def test_the_scope_of_one_workspace_counts_nothing_of_another(
    resources: Resources, factory: Factory
) -> None:
    mine, other = await factory.tenant(), await factory.tenant()
    await factory.document(other, "# Secret\n\nNobody's business.")
    await converse(resources, factory, other, (Sender.VISITOR, "My secret question", None))
    await ingest(resources, other, JobState.RUNNING, [PageState.PENDING])
    async with resources.database.unit_of_work(mine.scope) as session:
        assert (await count_knowledge(session, other.id)).documents == 0
        assert await list_ingests_under_way(session, other.id) == ()
        assert (await count_conversations(session, other.id)).total == 0
        assert await latest_conversations(session, other.id) == ()


async def test_what_is_for_members_is_not_counted_for_visitors(
    resources: Resources, factory: Factory
) -> None:
    mine = await factory.tenant()
    await factory.document(mine, "# Margins\n\nForty percent.", audience=Audience.MEMBERS)
    async with resources.database.unit_of_work(Scope.visitors(mine.id)) as session:
        assert (await count_knowledge(session, mine.id)).documents == 0


async def test_only_jobs_under_way_are_listed_with_their_pages_counted(
    resources: Resources, factory: Factory
) -> None:
    mine = await factory.tenant()
    queued = await ingest(resources, mine, JobState.QUEUED, [])
    running = await ingest(
        resources, mine, JobState.RUNNING, [PageState.CHANGED, PageState.FAILED, PageState.PENDING]
    )
    for over in (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED):
        await ingest(resources, mine, over, [PageState.CHANGED])
    async with resources.database.unit_of_work(mine.scope) as session:
        jobs = await list_ingests_under_way(session, mine.id)
    assert [(job.job_id, job.found, job.done, job.failed) for job in jobs] == [
        (queued, 0, 0, 0),
        (running, 3, 2, 1),
    ]


async def test_conversations_are_counted_with_the_recent_and_the_waiting_ones(
    resources: Resources, factory: Factory
) -> None:
    mine = await factory.tenant()
    old = await converse(resources, factory, mine, (Sender.VISITOR, "Long ago", None))
    await converse(resources, factory, mine, (Sender.VISITOR, "Hm", None), (Sender.BOT, "Perhaps.", 0.2))
    async with resources.database.unit_of_work(mine.scope) as session:
        await session.execute(
            update(Conversation)
            .where(col(Conversation.workspace_id) == mine.id, col(Conversation.id) == old)
            .values(last_message_at=now() - timedelta(days=8))
        )
        counts = await count_conversations(session, mine.id)
    assert (counts.total, counts.recent, counts.waiting) == (2, 1, 1)
    assert counts.waiting_since is not None
    assert timedelta(0) <= now() - counts.waiting_since < timedelta(minutes=1)


async def test_what_was_resolved_by_mistake_has_waited_since_it_was_passed_on(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await converse(resources, factory, tenant, (Sender.VISITOR, "Hm", None), (Sender.BOT, "Perhaps.", 0.2))
    async with resources.database.unit_of_work(tenant.scope) as session:
        before = await count_conversations(session, tenant.id)
        waiting = (await session.execute(select(Conversation))).scalar_one()
        await change_status(session, waiting, Status.RESOLVED, actor="key:1", reason="resolved")
    async with resources.database.unit_of_work(tenant.scope) as session:
        waiting = (await session.execute(select(Conversation))).scalar_one()
        await change_status(session, waiting, Status.WAITING, actor="key:1", reason="reopened")
        assert await count_conversations(session, tenant.id) == before


async def test_the_latest_conversation_comes_first_with_its_first_question_and_last_confidence(
    resources: Resources, factory: Factory
) -> None:
    mine = await factory.tenant()
    empty = await converse(resources, factory, mine)
    asked = await converse(
        resources,
        factory,
        mine,
        (Sender.VISITOR, "First " + "x" * 300, None),
        (Sender.BOT, "Surely.", 0.9),
        (Sender.VISITOR, "Second", None),
        (Sender.BOT, "Perhaps.", 0.25),
        (Sender.VISITOR, "Third", None),
    )
    async with resources.database.unit_of_work(mine.scope) as session:
        first, second = await latest_conversations(session, mine.id)
        assert await latest_conversations(session, mine.id, limit=1) == (first,)
    assert (first.id, second.id) == (asked, empty)
    assert first.question.startswith("First xxx")
    assert len(first.question) == 200
    assert (first.status, first.reason, first.confidence) == ("waiting", "low_confidence", 0.25)
    assert (second.question, second.confidence) == ("", None)


async def test_small_talk_does_not_hide_how_sure_the_last_answer_was(
    resources: Resources, factory: Factory
) -> None:
    mine = await factory.tenant()
    conversation_id = await converse(
        resources, factory, mine, (Sender.VISITOR, "Boots?", None), (Sender.BOT, "Yes.", 0.75)
    )
    async with resources.database.unit_of_work(mine.scope) as session:
        session.add(
            Message(
                workspace_id=mine.id,
                id=new_id(),
                conversation_id=conversation_id,
                role=Sender.BOT.value,
                text="You are welcome.",
                kind="small_talk",
                confidence=1.0,
            )
        )
        await session.flush()
        [summary] = await latest_conversations(session, mine.id)
    assert summary.confidence == 0.75
