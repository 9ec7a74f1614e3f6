"""Two integrations of a workspace, of which one has its troubles, and who delivers to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from helpninja_app.conversations.delivering import Courier
from helpninja_app.conversations.delivery_models import Delivery, DeliveryStatus
from helpninja_app.conversations.delivery_records import Fallbacks
from helpninja_app.errors import DeliveryFailed
from helpninja_app.integrations.credentials import Secrets, seal
from helpninja_app.integrations.models import Integration, Provider
from helpninja_app.integrations.packet import Packet
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.scope import Scope
from tests.deliveries import make_time_pass_in

SOUND, TROUBLED = "https://hooks.example/sound", "https://hooks.example/troubled"
TROUBLES: Mapping[str, DeliveryFailed | None] = {
    "none": None,
    "not now": DeliveryFailed("Not now."),
    "never": DeliveryFailed("Never.", is_final=True),
}
_KEYS = ("a key for the credentials of two hooks",)


@dataclass
class TwoHooks:
    """``taken`` are the deliveries that arrived; ``trouble`` is one of ``TROUBLES``, of the second hook."""

    database: Database
    workspace_id: UUID
    trouble: str = "none"
    taken: list[UUID] = field(default_factory=list)
    places: dict[UUID, str] = field(default_factory=lambda: {new_id(): SOUND, new_id(): TROUBLED})

    async def integrate(self) -> None:
        async with self.database.unit_of_work(Scope.members(self.workspace_id)) as session:
            session.add_all(
                Integration(
                    workspace_id=self.workspace_id,
                    id=id,
                    provider=Provider.SLACK.value,
                    name=place,
                    credentials=seal(_KEYS, self.workspace_id, id, Secrets({"webhook_url": place})),
                )
                for id, place in self.places.items()
            )

    async def deliver(self, *, minutes: float) -> None:
        """All that is due when so much time has passed."""
        await make_time_pass_in(self.database, self.workspace_id, minutes=minutes)
        async with self.database.unit_of_work(Scope.members(self.workspace_id)) as session:
            waiting = select(col(Delivery.id)).where(col(Delivery.status) == DeliveryStatus.WAITING.value)
            chosen = list((await session.execute(waiting)).scalars())
        if chosen:
            await self._courier().deliver_due(chosen)

    async def _take(
        self, _provider: str, credentials: Mapping[str, str], packet: Packet, **_: object
    ) -> None:
        failure = TROUBLES[self.trouble] if credentials["webhook_url"] == TROUBLED else None
        # Others act while it is on its way.
        await asyncio.sleep(0)
        if failure is not None:
            raise failure
        self.taken.append(packet.delivery_id)

    def _courier(self) -> Courier:
        # Nothing is mailed, and nobody listens.
        unused = cast("Any", None)
        return Courier(
            database=self.database,
            live=unused,
            http=unused,
            mailer=unused,
            send=cast("Any", self._take),
            keys=_KEYS,
            fallbacks=Fallbacks(),
            origin="http://helpninja.test",
            limiter=unused,
        )
