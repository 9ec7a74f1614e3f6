"""A workspace moves to the configured embedding model without a moment in which it is not searched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text

from helpninja_app.accounts.workspaces import all_workspaces, embedding_model_of
from helpninja_app.answers.answerers import Answerers
from helpninja_app.errors import Unavailable
from helpninja_app.jobs import follow_configured_model, tasks
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres
from helpninja_app.kernel.migrations import upgrade
from helpninja_app.kernel.queue import stop
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge import vector_search
from helpninja_app.knowledge.embedders import Embedders
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.embedding.protocol import Vector
from helpninja_app.knowledge.indexing import prepare_document, swap_document
from helpninja_app.knowledge.re_embedding import BATCH, have_embedded_anew, re_embed
from helpninja_app.knowledge.tools import KnowledgeTools
from helpninja_app.resources import Resources, open_resources
from helpninja_app.runtime import keep_working
from helpninja_app.settings import Settings
from tests.factories import Factory, Tenant

ANYTHING = "Boots can be returned within sixty days."
Interruption = Callable[[], Awaitable[None]]


class NewEmbedder(HashingEmbedder):
    """Another dimension and name, a count of what it embeds, and something that happens before a batch."""

    def __init__(self) -> None:
        super().__init__(64)
        self.embedded: list[str] = []
        self.before_batches: list[Interruption] = []

    async def embed_passages(self, texts: Sequence[str]) -> Vector:
        if self.before_batches:
            await self.before_batches.pop(0)()
        self.embedded += texts
        return await super().embed_passages(texts)


@pytest.fixture(scope="module")
async def resources(
    postgres: EmbeddedPostgres, worker_id: str, settings: Settings
) -> AsyncIterator[Resources]:
    """Resources on a database that no worker of other tests takes jobs from."""
    name = f"re_embedding_{worker_id}"
    urls = postgres.create_database(name)
    upgrade(urls.owner)
    async with open_resources(
        settings, urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
    ) as opened:
        yield opened
    postgres.drop_database(name)


@pytest.fixture
def new() -> NewEmbedder:
    return NewEmbedder()


@pytest.fixture
def moved(resources: Resources, new: NewEmbedder) -> KnowledgeTools:
    """The tools of an installation that was given a new model and still has the old one."""
    old = resources.knowledge.embedders.current
    return replace(resources.knowledge, embedders=Embedders(new, old))


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


async def model_of(resources: Resources, tenant: Tenant) -> str:
    async with resources.database.unit_of_work(tenant.scope) as session:
        return await embedding_model_of(session, tenant.id)


async def vectors_of(resources: Resources, tenant: Tenant) -> dict[str, int]:
    """How many vectors of each model a workspace has."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await session.execute(
            text("select model, count(*) as vectors from embeddings group by model")
        )
        return {row.model: row.vectors for row in found}


async def waiting_jobs(resources: Resources, tenant: Tenant) -> int:
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text(
                "select count(*) from procrastinate_jobs where task_name = 'helpninja:re_embed'"
                " and status = 'todo' and args->>'workspace_id' = :workspace"
            ),
            {"workspace": str(tenant.id)},
        )
        return int(found.scalar_one())


async def likeness(resources: Resources, tools: KnowledgeTools, tenant: Tenant, question: str) -> list[float]:
    """The cosines that a search of a question by the workspace's own model finds, best first."""
    embedder = tools.embedders.of(await model_of(resources, tenant))
    found = await tools.index.search_question(embedder, tenant.scope, question)
    return [passage.dense for passage in found.passages]


async def test_a_workspace_is_searched_by_its_old_model_until_the_new_one_knows_everything(
    resources: Resources, factory: Factory, tenant: Tenant, moved: KnowledgeTools, new: NewEmbedder
) -> None:
    old = resources.knowledge.embedders.current.name
    await factory.document(tenant, ANYTHING)
    await factory.document(tenant, "For members alone.", audience=Audience.MEMBERS)

    async def searched_by_the_old_model() -> None:
        assert await model_of(resources, tenant) == old
        assert max(await likeness(resources, moved, tenant, ANYTHING)) > 0.5

    await have_embedded_anew(moved, tenant.id)
    await searched_by_the_old_model()
    new.before_batches.append(searched_by_the_old_model)
    await re_embed(moved, tenant.id)
    assert not new.before_batches
    assert await model_of(resources, tenant) == new.name
    assert await vectors_of(resources, tenant) == {new.name: 2}
    assert max(await likeness(resources, moved, tenant, ANYTHING)) > 0.5
    async with resources.database.unit_of_work(Scope.visitors(tenant.id)) as session:
        shown = await session.execute(text("select count(*) from embeddings"))
    assert shown.scalar_one() == 1


async def test_the_vectors_are_those_of_storing_the_document_anew(
    resources: Resources, factory: Factory, tenant: Tenant, moved: KnowledgeTools, new: NewEmbedder
) -> None:
    markdown = "\n\n".join(f"# Part {n}\n\n## Detail\n\n{ANYTHING * (5 * n + 1)}" for n in range(4))
    document = await factory.document(tenant, markdown, title="The rules")

    async def stored() -> list[str]:
        async with resources.database.unit_of_work(tenant.scope) as session:
            found = await session.execute(
                text(
                    "select e.vector::text from embeddings e join chunks c on c.id = e.chunk_id"
                    " where e.model = :model order by c.position"
                ),
                {"model": new.name},
            )
            return list(found.scalars())

    await re_embed(moved, tenant.id)
    re_embedded = await stored()
    async with resources.database.unit_of_work(tenant.scope) as session:
        # As if nothing were known, so that nothing is taken over.
        await session.execute(text("delete from embeddings"))
    prepared = await prepare_document(
        resources.knowledge, new, tenant.id, title="The rules", markdown=markdown
    )
    async with resources.database.unit_of_work(tenant.scope) as session:
        await swap_document(session, tenant.id, document, prepared)
    assert len(re_embedded) > 3
    assert re_embedded == await stored()


async def test_documents_stored_meanwhile_are_not_forgotten(
    resources: Resources, factory: Factory, tenant: Tenant, moved: KnowledgeTools, new: NewEmbedder
) -> None:
    gone = await factory.document(tenant, "This one goes away.")
    await factory.document(tenant, ANYTHING)

    async def one_comes_and_one_goes() -> None:
        async with resources.database.unit_of_work(tenant.scope) as session:
            await session.execute(text("delete from chunks where document_id = :gone"), {"gone": gone})
        await factory.document(tenant, "Tents are mended in the workshop.")

    new.before_batches.append(one_comes_and_one_goes)
    await re_embed(moved, tenant.id)
    assert await vectors_of(resources, tenant) == {new.name: 2}
    assert max(await likeness(resources, moved, tenant, "Tents are mended in the workshop.")) > 0.5


async def test_an_interrupted_move_goes_on_and_embeds_nothing_twice(
    resources: Resources, factory: Factory, tenant: Tenant, moved: KnowledgeTools, new: NewEmbedder
) -> None:
    count = BATCH + 3
    for number in range(count):
        await factory.document(tenant, f"The rule number {number} is about boots.")

    async def nothing() -> None:
        return None

    async def killed() -> None:
        raise asyncio.CancelledError

    new.before_batches += [nothing, killed]
    with pytest.raises(asyncio.CancelledError):
        await re_embed(moved, tenant.id)
    old = resources.knowledge.embedders.current.name
    assert await model_of(resources, tenant) == old
    assert await vectors_of(resources, tenant) == {old: count, new.name: BATCH}
    await re_embed(moved, tenant.id)
    assert len(new.embedded) == count
    assert await vectors_of(resources, tenant) == {new.name: count}


async def test_without_the_old_model_words_find_what_has_no_vector_yet(
    resources: Resources, factory: Factory, tenant: Tenant, new: NewEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_search, "FEWEST_REMEMBERED", 1)
    await factory.document(tenant, ANYTHING)
    tools = replace(resources.knowledge, embedders=Embedders(new))
    with pytest.raises(Unavailable):
        await likeness(resources, tools, tenant, "returned boots")
    await have_embedded_anew(tools, tenant.id)
    found = await likeness(resources, tools, tenant, "returned boots")
    assert found == pytest.approx([0.0])
    await re_embed(tools, tenant.id)
    assert max(await likeness(resources, tools, tenant, "returned boots")) > 0.2


async def test_what_was_prepared_for_the_old_model_is_not_stored_under_the_new_one(
    resources: Resources, factory: Factory, tenant: Tenant, moved: KnowledgeTools, new: NewEmbedder
) -> None:
    document = await factory.document(tenant, ANYTHING)
    prepared = await prepare_document(
        resources.knowledge,
        resources.knowledge.embedders.current,
        tenant.id,
        title="Swapped",
        markdown="Something else.",
    )
    await re_embed(moved, tenant.id)
    with pytest.raises(Unavailable, match="embedding model"):
        async with resources.database.unit_of_work(tenant.scope) as session:
            await swap_document(session, tenant.id, document, prepared)
    assert max(await likeness(resources, moved, tenant, ANYTHING)) > 0.5


async def test_a_start_moves_every_workspace_once_and_one_by_itself_alone(
    resources: Resources, factory: Factory, tenant: Tenant, moved: KnowledgeTools, new: NewEmbedder
) -> None:
    other = await factory.tenant()
    await factory.document(tenant, ANYTHING)
    await factory.document(other, ANYTHING)
    async with resources.database.unit_of_work() as session:
        assert {tenant.id, other.id} <= set(await all_workspaces(session))
    after_a_change = replace(resources, knowledge=moved)
    await follow_configured_model(after_a_change)
    await follow_configured_model(after_a_change)
    assert [await waiting_jobs(resources, each) for each in (tenant, other)] == [1, 1]
    await re_embed(moved, tenant.id)
    old = resources.knowledge.embedders.current.name
    assert await vectors_of(resources, other) == {old: 1}
    assert await model_of(resources, other) == old


async def test_nothing_is_done_where_the_model_is_the_configured_one(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    await factory.document(tenant, ANYTHING)
    await have_embedded_anew(resources.knowledge, tenant.id)
    assert await waiting_jobs(resources, tenant) == 0


async def test_a_worker_that_starts_moves_the_workspaces(
    resources: Resources, factory: Factory, tenant: Tenant, moved: KnowledgeTools, new: NewEmbedder
) -> None:
    await factory.document(tenant, ANYTHING)
    worker = asyncio.create_task(keep_working(replace(resources, knowledge=moved)))
    try:
        async with asyncio.timeout(30):
            while await vectors_of(resources, tenant) != {new.name: 1}:
                await asyncio.sleep(0.05)
    finally:
        await stop(worker)
    assert await model_of(resources, tenant) == new.name
