"""Moves a workspace to the configured embedding model, beside everything else and without a blind moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID

import structlog
from sqlalchemy import CursorResult, text

from helpninja_app.accounts.workspaces import embedding_model_of, set_embedding_model
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.queue import Priority
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.chunking import embed_text_of
from helpninja_app.knowledge.embedding.protocol import Embedder, as_halfvec
from helpninja_app.knowledge.lexical_index import lock_index
from helpninja_app.knowledge.tools import KnowledgeTools

log = structlog.get_logger(__name__)

TASK = "re_embed"
BATCH = 64
_REMOVED_AT_ONCE = 5_000

_MISSING = text(
    """
    select c.id, c.text, c.heading_path, d.title from chunks c
    join documents d on d.workspace_id = c.workspace_id and d.id = c.document_id
    where c.workspace_id = :workspace and c.id > :after and not exists (
      select from embeddings e
      where e.workspace_id = c.workspace_id and e.model = :model and e.chunk_id = c.id
    ) order by c.id limit :most
    """
)
# A chunk that went in the meantime gets none.
_STORE = text(
    """
    insert into embeddings (workspace_id, model, chunk_id, audience, vector)
    select c.workspace_id, :model, c.id, c.audience, cast(:vector as halfvec) from chunks c
    where c.workspace_id = :workspace and c.id = :chunk
    on conflict do nothing
    """
)
_OTHER_PHRASINGS = text(
    """
    select answer_id, text from curated_phrasings
    where workspace_id = :workspace and model is distinct from :model limit :most
    """
)
_STORE_PHRASING = text(
    """
    update curated_phrasings set model = :model, vector = cast(:vector as halfvec)
    where workspace_id = :workspace and answer_id = :answer and text = :text
    """
)
_REMOVE_OTHERS = text(
    """
    delete from embeddings where ctid = any(array(
      select ctid from embeddings where workspace_id = :workspace and model <> :model limit :most
    )) and workspace_id = :workspace
    """
)


async def have_embedded_anew(tools: KnowledgeTools, workspace_id: UUID) -> None:
    """Enqueue a workspace's move to the configured embedding model, if its own is another.

    A workspace whose model this installation no longer has can search by words alone at best, so it changes
    at once and gets its vectors afterwards. Otherwise it keeps its model until all vectors are there.
    """
    wanted = tools.embedders.current.name
    async with tools.database.unit_of_work(Scope.members(workspace_id)) as session:
        own = await embedding_model_of(session, workspace_id)
        if own == wanted:
            return
        if not tools.embedders.has(own):
            await lock_index(session, workspace_id)
            await set_embedding_model(session, workspace_id, wanted)
        # One at a time for a workspace, and no second one in line.
        await tools.queue.enqueue(
            session,
            TASK,
            priority=Priority.SCHEDULED,
            once=f"{TASK}:{workspace_id}",
            workspace_id=str(workspace_id),
        )


async def re_embed(tools: KnowledgeTools, workspace_id: UUID) -> None:
    """Embed what the configured model has not embedded yet, then search with it and forget other vectors.

    Safe to call again at any point: what is stored is not embedded twice.
    """
    embedder = tools.embedders.current
    log.info("re_embedding", workspace=str(workspace_id), model=embedder.name)
    count = 0
    while True:
        async for done in _embed_missing(tools.database, embedder, workspace_id):
            count += done
            log.debug("re_embedded", workspace=str(workspace_id), chunks=count)
        if await _switch(tools.database, embedder, workspace_id):
            break
    await _embed_phrasings(tools.database, embedder, workspace_id)
    await _remove_others(tools.database, embedder.name, workspace_id)
    log.info("re_embedding_done", workspace=str(workspace_id), model=embedder.name, chunks=count)


async def _embed_missing(database: Database, embedder: Embedder, workspace_id: UUID) -> AsyncIterator[int]:
    """Embed batch after batch outside of transactions; gives the number of chunks of each."""
    after = 0
    scope = Scope.members(workspace_id)
    while True:
        async with database.unit_of_work(scope) as session:
            rows = (
                await session.execute(
                    _MISSING,
                    {"workspace": workspace_id, "model": embedder.name, "after": after, "most": BATCH},
                )
            ).all()
        if not rows:
            return
        after = rows[-1].id
        vectors = await embedder.embed_passages(
            [embed_text_of(row.title, row.heading_path, row.text) for row in rows]
        )
        async with database.unit_of_work(scope) as session:
            await session.execute(
                _STORE,
                [
                    {
                        "workspace": workspace_id,
                        "model": embedder.name,
                        "chunk": row.id,
                        "vector": as_halfvec(vector),
                    }
                    for row, vector in zip(rows, vectors, strict=True)
                ],
            )
        yield len(rows)


async def _embed_phrasings(database: Database, embedder: Embedder, workspace_id: UUID) -> None:
    """The phrasings of curated answers, which few enough are to be matched by words until then."""
    values = {"workspace": workspace_id, "model": embedder.name}
    while True:
        async with database.unit_of_work(Scope.members(workspace_id)) as session:
            rows = (await session.execute(_OTHER_PHRASINGS, values | {"most": BATCH})).all()
        if not rows:
            return
        vectors = [await embedder.embed_query(row.text) for row in rows]
        async with database.unit_of_work(Scope.members(workspace_id)) as session:
            await session.execute(
                _STORE_PHRASING,
                [
                    values | {"answer": row.answer_id, "text": row.text, "vector": as_halfvec(vector)}
                    for row, vector in zip(rows, vectors, strict=True)
                ],
            )


async def _switch(database: Database, embedder: Embedder, workspace_id: UUID) -> bool:
    """Search by the new model from now on; False where a document was stored since, which lacks a vector."""
    async with database.unit_of_work(Scope.members(workspace_id)) as session:
        await lock_index(session, workspace_id)
        missing = await session.execute(
            _MISSING, {"workspace": workspace_id, "model": embedder.name, "after": 0, "most": 1}
        )
        if missing.first() is not None:
            return False
        await set_embedding_model(session, workspace_id, embedder.name)
    return True


async def _remove_others(database: Database, model: str, workspace_id: UUID) -> None:
    while True:
        async with database.unit_of_work(Scope.members(workspace_id)) as session:
            removed = await session.execute(
                _REMOVE_OTHERS, {"workspace": workspace_id, "model": model, "most": _REMOVED_AT_ONCE}
            )
        if not cast(CursorResult[Any], removed).rowcount:
            return
