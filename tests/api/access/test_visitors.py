"""The routes of the widget, for everybody: what a website shows to all its visitors, and nothing besides."""

from __future__ import annotations

import json

import httpx
import pytest
from sqlalchemy import text

from tests.api.access.asking import ask
from tests.api.access.attempts import CHAT, CONVERSATION, PUBLISHED, state_of, told_about, try_visitors
from tests.api.access.callers import Caller, Kind
from tests.api.access.conftest import planted
from tests.api.access.register import ACCESS, ROUTES, VISITOR, labels_of
from tests.canaries import Canaries
from tests.factories import Factory

pytestmark = pytest.mark.usefixtures("worker")


@pytest.mark.parametrize("label", [name for name in labels_of(ACCESS, VISITOR) if name != CHAT])
async def test_a_visitors_route_publishes_what_its_website_shows(
    client: httpx.AsyncClient, theirs: Canaries, strangers: list[Caller], label: str
) -> None:
    await try_visitors(client, ROUTES[label], theirs, strangers)


async def test_what_a_visitors_route_publishes_is_really_in_it(
    client: httpx.AsyncClient, theirs: Canaries
) -> None:
    for label, published in PUBLISHED.items():
        answer = await ask(client, ROUTES[label], theirs, {}, str(theirs.tenant.id))
        assert answer.seen == published


async def test_a_question_is_answered_from_pages_for_visitors_and_leaves_other_conversations_alone(
    client: httpx.AsyncClient, factory: Factory, strangers: list[Caller]
) -> None:
    # Its own: the answers are stored.
    asked = await planted(factory)
    page = {"boots", "documents-url", asked.mark}
    before, rows = await state_of(asked), await conversation_of(asked)
    for caller in strangers:
        answer = await ask(client, ROUTES[CHAT], asked, caller.headers, asked.tenant.workspace.public_key)
        assert answer.status == told_about(CHAT, caller), (caller.name, answer.text)
        assert answer.seen == (page if answer.status == 200 else set()), caller.name
        if answer.status == 200:
            assert json.loads(answer.text)["conversationId"] != asked.id_in("conversations")
    after = await state_of(asked)
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {
        "conversations",
        "messages",
        "conversation_words",
        "conversation_transitions",
        "escalations",
        "ledger_accounts",
        "ledger_entries",
        "billing_deadlines",
    }
    assert await conversation_of(asked) == rows


async def test_a_visitor_reads_their_own_conversation_alone(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries
) -> None:
    route, handle = ROUTES[CONVERSATION], str(theirs.tenant.id)
    session_id = theirs.id_in("conversations", "session_id")
    _, own = factory.visitor(theirs.tenant, session_id)
    _, others = factory.visitor(theirs.tenant)
    # The same session in another workspace is another one.
    _, elsewhere = factory.visitor(await factory.tenant(), session_id)
    read = [await ask(client, route, theirs, headers, None) for headers in (own, others, elsewhere)]
    assert [answer.status for answer in read] == [200, 200, 200]
    assert "messages-text" in read[0].seen
    assert not read[1].seen
    assert not read[2].seen
    assert (await ask(client, route, theirs, elsewhere, handle)).status == 401


async def conversation_of(theirs: Canaries) -> list[str]:
    """The conversation that was there, with all its messages."""
    async with theirs.database.unit_of_work(theirs.scope) as session:
        found = await session.execute(
            text(
                "select c::text from conversations c where id = :id union all"
                " select m::text from messages m where conversation_id = :id"
            ),
            {"id": theirs.id_in("conversations")},
        )
        return sorted(found.scalars())


def test_no_kind_of_caller_is_missing(strangers: list[Caller]) -> None:
    assert {caller.kind for caller in strangers} == set(Kind) - {Kind.NARROW_KEY}
