"""Events: read by clients that would rather ask than be told."""

from __future__ import annotations

import fnmatch

from tests.twins.stripe.core import EVENTS_KEPT, Core
from tests.twins.stripe.errors import StripeError
from tests.twins.stripe.shapes import Obj


def retrieve(core: Core, _: Obj, id: str) -> Obj:
    return core.find(core.state.events, "event", id)


def list_events(core: Core, params: Obj) -> Obj:
    """The last 30 days; `type` may end in `*`, `types` are exact and at most twenty."""
    if "type" in params and "types" in params:
        raise StripeError("You may only specify one of these parameters: type, types.", param="type")
    types = params.get("types", [])
    if len(types) > 20:
        raise StripeError("Array types exceeded maximum 20 allowed elements.", param="types")
    oldest = core.now() - EVENTS_KEPT

    def keep(event: Obj) -> bool:
        return (
            event["created"] >= oldest
            and fnmatch.fnmatchcase(event["type"], params.get("type", "*"))
            and (not types or event["type"] in types)
        )

    return core.page(core.state.events, params, "/v1/events", keep)
