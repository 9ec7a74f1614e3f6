"""A workspace's documents that change at random, for what has to hold whatever happened to them before."""

from __future__ import annotations

import random
from uuid import UUID

from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.documents import change_document, forget_document
from helpninja_app.knowledge.indexing import prepare_document, swap_document
from helpninja_app.knowledge.lexical_index import rebuild_index
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant

SENTENCES = (
    "Boots can be returned within sixty days when the boots were worn indoors only.",
    "The shipping of heavy tents to the islands takes three working days and costs more.",
    "Customers who return a jacket get their money back after the jacket was inspected.",
    "We repair zips, soles and poles in our own workshop, and repairs are free for a year.",
    "Die Rücksendung von Stiefeln ist innerhalb von sechzig Tagen kostenlos möglich.",
    "Unsere Werkstatt repariert Reißverschlüsse und Sohlen, und das kostet Sie ein Jahr lang nichts.",
    "Los pedidos de tiendas de campaña llegan a las islas en tres días laborables.",
    "返品は六十日以内に可能です。送料は無料です。",
    "E-mail help@example.com or visit https://example.com/repairs?item=zip%20pull today.",
)


class Shelf:
    """A workspace's documents, with the changes that a test makes to them at random."""

    def __init__(self, resources: Resources, factory: Factory, tenant: Tenant, seed: int) -> None:
        self.resources, self.factory, self.tenant = resources, factory, tenant
        self.random = random.Random(seed)
        self.ids: list[UUID] = []

    def text(self) -> str:
        parts = []
        for number in range(self.random.randint(1, 4)):
            sentences = self.random.choices(SENTENCES, k=self.random.randint(1, 6))
            parts.append(f"## Part {number}\n\n" + " ".join(sentences * self.random.choice((1, 1, 6))))
        return "\n\n".join(parts)

    async def add(self) -> None:
        audience = self.random.choice(list(Audience))
        self.ids.append(await self.factory.document(self.tenant, self.text(), audience=audience))

    async def swap(self) -> None:
        resources, workspace_id = self.resources, self.tenant.id
        prepared = await prepare_document(
            resources.knowledge,
            resources.knowledge.embedders.current,
            workspace_id,
            title="Swapped",
            markdown=self.text(),
        )
        async with resources.database.unit_of_work(self.tenant.scope) as session:
            await swap_document(session, workspace_id, self.random.choice(self.ids), prepared)

    async def delete(self) -> None:
        gone = self.ids.pop(self.random.randrange(len(self.ids)))
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            await forget_document(session, self.tenant.id, gone)

    async def move(self) -> None:
        chosen, audience = self.random.choice(self.ids), self.random.choice(list(Audience))
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            await change_document(session, self.tenant.id, chosen, audience=audience)

    async def rebuild(self) -> None:
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            await rebuild_index(session, self.tenant.id)

    async def step(self) -> None:
        kinds = [self.add, self.swap, self.delete, self.move, self.rebuild]
        await self.random.choices(kinds if self.ids else [self.add], (8, 4, 3, 5, 1)[: 5 if self.ids else 1])[
            0
        ]()
