"""Curated answers: what people wrote for a question, in their order, kept ready to be matched.

Each is found by its question and its further phrasings, which are embedded outside of any transaction:
``prepare_phrasings`` first, then what stores them. See docs/adr/0017-curated-answers.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.accounts.workspaces import embedding_model_of
from helpninja_app.errors import Conflict, FieldError, Invalid, NotFound, Unavailable
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.bin import KEPT
from helpninja_app.knowledge.deadlines import look_when_kept_long_enough
from helpninja_app.knowledge.embedding.protocol import Embedder, as_halfvec
from helpninja_app.knowledge.languages import detect_language, search_text
from helpninja_app.knowledge.lexical_index import lock_index
from helpninja_app.knowledge.models import CuratedAnswer

MAX_ANSWERS = 500
MAX_PHRASINGS = 10
MAX_QUESTION = 500
MAX_ANSWER = 8_000

_CLEAR = text("delete from curated_phrasings where workspace_id = :workspace and answer_id = :answer")
_STORE = text(
    """
    insert into curated_phrasings
      (workspace_id, answer_id, audience, position, text, config, lexemes, model, vector)
    select a.workspace_id, a.id, a.audience, :position, :text, cast(:config as text),
           to_tsvector(cast(cast(:config as text) as regconfig), :search_text),
           :model, cast(:vector as halfvec)
    from curated_answers a where a.workspace_id = :workspace and a.id = :answer
    """
)


@dataclass(frozen=True, slots=True)
class CuratedDraft:
    """What a person writes. ``phrasings`` are other ways to ask the same; ``answer`` is Markdown."""

    question: str
    answer: str
    phrasings: tuple[str, ...] = ()
    audience: Audience = Audience.VISITORS
    is_on: bool = True


@dataclass(frozen=True, slots=True)
class CuratedWish:
    """What a person wishes to be otherwise; ``None`` stays as it is."""

    question: str | None = None
    answer: str | None = None
    phrasings: tuple[str, ...] | None = None
    audience: Audience | None = None
    is_on: bool | None = None

    def of(self, draft: CuratedDraft) -> CuratedDraft:
        """``draft`` as it is then."""
        return CuratedDraft(
            question=draft.question if self.question is None else self.question,
            answer=draft.answer if self.answer is None else self.answer,
            phrasings=draft.phrasings if self.phrasings is None else self.phrasings,
            audience=draft.audience if self.audience is None else self.audience,
            is_on=draft.is_on if self.is_on is None else self.is_on,
        )


@dataclass(frozen=True, slots=True)
class CuratedView:
    """``position`` counts from 0 in the order that people gave; where two match alike, the first one wins."""

    id: UUID
    question: str
    phrasings: tuple[str, ...]
    answer: str
    audience: Audience
    position: int
    is_on: bool
    created_by: str
    created_at: datetime
    updated_at: datetime

    @property
    def draft(self) -> CuratedDraft:
        return CuratedDraft(self.question, self.answer, self.phrasings, self.audience, self.is_on)


@dataclass(frozen=True, slots=True)
class PreparedPhrasings:
    """The question and its phrasings with vectors in PostgreSQL's form; ``model`` made them."""

    model: str
    texts: tuple[str, ...]
    configs: tuple[str, ...]
    vectors: tuple[str, ...]


async def prepare_phrasings(embedder: Embedder, draft: CuratedDraft) -> PreparedPhrasings:
    """Check a draft and embed what it is found by; ``Invalid`` with each wrong field."""
    check_draft(draft)
    texts = _texts(draft)
    # As questions are embedded, since questions are what they are compared with.
    vectors = [await embedder.embed_query(item) for item in texts]
    languages = [await asyncio.to_thread(detect_language, item) for item in texts]
    return PreparedPhrasings(
        model=embedder.name,
        texts=texts,
        configs=tuple(language.config for language in languages),
        vectors=tuple(as_halfvec(vector) for vector in vectors),
    )


def check_draft(draft: CuratedDraft) -> None:
    """``Invalid`` with each field that cannot be stored."""
    wrong = []
    if not draft.question.strip() or len(draft.question) > MAX_QUESTION:
        wrong.append(FieldError("body.question", f"Ask in 1 to {MAX_QUESTION} characters."))
    if not draft.answer.strip() or len(draft.answer) > MAX_ANSWER:
        wrong.append(FieldError("body.answer", f"Answer in 1 to {MAX_ANSWER:,} characters."))
    if len(draft.phrasings) > MAX_PHRASINGS or any(
        not item.strip() or len(item) > MAX_QUESTION for item in draft.phrasings
    ):
        sentence = f"At most {MAX_PHRASINGS} further phrasings of 1 to {MAX_QUESTION} characters."
        wrong.append(FieldError("body.phrasings", sentence))
    if wrong:
        raise Invalid(errors=tuple(wrong))


async def list_curated(session: AsyncSession, workspace_id: UUID) -> tuple[CuratedView, ...]:
    """All there are, in their order."""
    found = await session.execute(
        select(CuratedAnswer)
        .where(col(CuratedAnswer.workspace_id) == workspace_id, col(CuratedAnswer.deleted_at).is_(None))
        .order_by(col(CuratedAnswer.position), col(CuratedAnswer.id))
    )
    return tuple(_view(item) for item in found.scalars())


async def get_curated(session: AsyncSession, workspace_id: UUID, answer_id: UUID) -> CuratedView:
    """``NotFound`` when it is not this workspace's, or is deleted."""
    return _view(await _load(session, workspace_id, answer_id))


async def create_curated(
    session: AsyncSession, actor: Actor, draft: CuratedDraft, prepared: PreparedPhrasings
) -> CuratedView:
    """Add one at the end; ``Conflict`` when there are too many."""
    await _lock(session, actor.workspace_id, prepared.model)
    await _check_room(session, actor.workspace_id)
    last = await session.execute(
        select(func.coalesce(func.max(CuratedAnswer.position), -1)).where(
            col(CuratedAnswer.workspace_id) == actor.workspace_id
        )
    )
    item = CuratedAnswer(
        workspace_id=actor.workspace_id,
        id=new_id(),
        question=draft.question.strip(),
        phrasings=_phrasings(draft),
        answer=draft.answer.strip(),
        audience=draft.audience.value,
        position=last.scalar_one() + 1,
        is_on=draft.is_on,
        created_by=actor.label,
    )
    session.add(item)
    await session.flush()
    await _store(session, item, prepared)
    await record(session, actor, "curated.created", item.question, audience=item.audience)
    return _view(item)


async def change_curated(
    database: Database, scope: Scope, embedder: Embedder, actor: Actor, answer_id: UUID, wish: CuratedWish
) -> CuratedView:
    """Change one; whoever asks meanwhile gets what it was or what it is then.

    What it is now counts, not what it was when somebody began to change it: where its phrasings have become
    others while these were embedded, they are embedded again.
    """
    async with database.unit_of_work(scope) as session:
        before = await get_curated(session, actor.workspace_id, answer_id)
    while True:
        prepared = await prepare_phrasings(embedder, wish.of(before.draft))
        async with database.unit_of_work(scope) as session:
            await _lock(session, actor.workspace_id, prepared.model)
            item = await _load(session, actor.workspace_id, answer_id)
            before = _view(item)
            draft = wish.of(before.draft)
            if _texts(draft) == prepared.texts:
                return await _change(session, actor, item, draft, prepared)


async def _change(
    session: AsyncSession, actor: Actor, item: CuratedAnswer, draft: CuratedDraft, prepared: PreparedPhrasings
) -> CuratedView:
    before = _view(item)
    item.question, item.phrasings = draft.question.strip(), _phrasings(draft)
    item.answer, item.is_on = draft.answer.strip(), draft.is_on
    item.audience = draft.audience.value
    after = _view(item)
    told = changes(_told(before), _told(after))
    if told:
        item.updated_at = now()
        await session.flush()
        await _store(session, item, prepared)
        await record(session, actor, "curated.changed", item.question, **told)
    return _view(item)


async def order_curated(session: AsyncSession, actor: Actor, answer_ids: Sequence[UUID]) -> None:
    """Put all of them into this order; ``Conflict`` when these are not exactly those that there are."""
    await lock_index(session, actor.workspace_id)
    there = {item.id for item in await list_curated(session, actor.workspace_id)}
    if len(answer_ids) != len(there) or set(answer_ids) != there:
        raise Conflict("The list of curated answers has changed in the meantime. Load it again.")
    for position, answer_id in enumerate(answer_ids):
        await session.execute(
            update(CuratedAnswer)
            .where(col(CuratedAnswer.workspace_id) == actor.workspace_id, col(CuratedAnswer.id) == answer_id)
            .values(position=position)
        )
    await record(session, actor, "curated.reordered", answers=len(answer_ids))


async def move_curated(session: AsyncSession, actor: Actor, answer_id: UUID, by: int) -> int:
    """Put one so many places further down, or up for a negative number; returns its position from 0."""
    await lock_index(session, actor.workspace_id)
    order = [item.id for item in await list_curated(session, actor.workspace_id)]
    if answer_id not in order:
        raise NotFound("There is no such curated answer.")
    before = order.index(answer_id)
    after = min(max(before + by, 0), len(order) - 1)
    if after != before:
        order.insert(after, order.pop(before))
        await order_curated(session, actor, order)
    return after


async def delete_curated(session: AsyncSession, actor: Actor, answer_id: UUID) -> None:
    """Take one out of use at once; it can be restored for seven days."""
    item = await _load(session, actor.workspace_id, answer_id)
    item.deleted_at = now()
    await session.flush()
    await look_when_kept_long_enough(session, actor.workspace_id)
    await record(session, actor, "curated.deleted", item.question)


async def restore_curated(session: AsyncSession, actor: Actor, answer_id: UUID) -> CuratedView:
    """Bring a deleted one back to its place; ``Conflict`` when it is not deleted, or there are too many."""
    await lock_index(session, actor.workspace_id)
    item = await _load(session, actor.workspace_id, answer_id, is_deleted=True)
    await _check_room(session, actor.workspace_id)
    item.deleted_at = None
    await session.flush()
    await record(session, actor, "curated.restored", item.question)
    return _view(item)


def _told(view: CuratedView) -> dict[str, object]:
    return {
        "question": view.question,
        "phrasings": list(view.phrasings),
        "answer": view.answer,
        "audience": view.audience.value,
        "on": view.is_on,
    }


def _texts(draft: CuratedDraft) -> tuple[str, ...]:
    return tuple(dict.fromkeys((draft.question.strip(), *(item.strip() for item in draft.phrasings))))


def _phrasings(draft: CuratedDraft) -> list[str]:
    return list(dict.fromkeys(item.strip() for item in draft.phrasings))


async def _lock(session: AsyncSession, workspace_id: UUID, model: str) -> None:
    # The lock under which a workspace changes its model.
    await lock_index(session, workspace_id)
    if await embedding_model_of(session, workspace_id) != model:
        raise Unavailable("This workspace has just changed its embedding model. Please try again.")


async def _check_room(session: AsyncSession, workspace_id: UUID) -> None:
    if len(await list_curated(session, workspace_id)) >= MAX_ANSWERS:
        raise Conflict(f"There is room for {MAX_ANSWERS} curated answers. Delete one first.")


async def _load(
    session: AsyncSession, workspace_id: UUID, answer_id: UUID, *, is_deleted: bool = False
) -> CuratedAnswer:
    found = await session.execute(
        select(CuratedAnswer)
        .where(col(CuratedAnswer.workspace_id) == workspace_id, col(CuratedAnswer.id) == answer_id)
        .with_for_update()
    )
    item = found.scalar_one_or_none()
    is_over = item is not None and item.deleted_at is not None and item.deleted_at + KEPT <= now()
    if item is None or is_over or (item.deleted_at is not None and not is_deleted):
        raise NotFound("There is no such curated answer.")
    if is_deleted and item.deleted_at is None:
        raise Conflict("This curated answer is not deleted.")
    return item


async def _store(session: AsyncSession, item: CuratedAnswer, prepared: PreparedPhrasings) -> None:
    values = {"workspace": item.workspace_id, "answer": item.id}
    await session.execute(_CLEAR, values)
    phrasings = zip(prepared.texts, prepared.configs, prepared.vectors, strict=True)
    await session.execute(
        _STORE,
        [
            values
            | {
                "position": position,
                "text": words,
                "search_text": search_text(words),
                "config": config,
                "model": prepared.model,
                "vector": vector,
            }
            for position, (words, config, vector) in enumerate(phrasings)
        ],
    )


def _view(item: CuratedAnswer) -> CuratedView:
    return CuratedView(
        id=item.id,
        question=item.question,
        phrasings=tuple(item.phrasings),
        answer=item.answer,
        audience=Audience(item.audience),
        position=item.position,
        is_on=item.is_on,
        created_by=item.created_by,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )
