"""A visitor who said who they are is known in their next conversation, and nobody else by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
from sqlalchemy import update
from sqlmodel import col

from helpninja_app.conversations.models import Conversation
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION, ask
from tests.api.inboxing import Talk, begin
from tests.api.test_contact import told
from tests.api.test_later_days import pass_days
from tests.api.test_snoozes import listed
from tests.factories import Factory

PERSON_WANTED = "Can I talk to a human please?"
NOBODY = {"name": "", "email": ""}


async def known(talk: Talk) -> dict[str, Any]:
    """What members see of who the visitor is."""
    found = (await (await talk.desk()).read())["visitor"]
    return {key: found[key] for key in ("name", "email", "contact")}


async def ended(client: httpx.AsyncClient, factory: Factory, resources: Resources, **contact: Any) -> Talk:
    """A conversation of days ago, at the end of which the visitor said who they are, or did not."""
    talk = await begin(client, factory)
    await told(talk, "contact", **contact)
    await (await talk.desk()).done("resolve")
    await pass_days(resources, talk)
    return talk


async def test_who_has_given_an_address_is_not_asked_again_in_the_next_conversation(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await ended(client, factory, resources, email="ada@example.com", name="Ada L.")
    again = await talk.ask(PERSON_WANTED)
    assert again["conversationId"] != talk.conversation_id
    assert (again["escalated"], again["contactRequested"]) == (True, False)
    later = replace(talk, conversation_id=again["conversationId"])
    assert await known(later) == {"name": "Ada L.", "email": "ada@example.com", "contact": "given"}


async def test_a_known_visitor_s_next_conversation_is_found_by_their_name(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await ended(client, factory, resources, email="ada@example.com", name="Ada L.")
    again = (await talk.ask(QUESTION))["conversationId"]
    assert [id for id, _ in await listed(await talk.desk(), q="ada")] == [again, talk.conversation_id]


async def test_who_did_not_say_who_they_are_is_asked_in_the_next_conversation(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await ended(client, factory, resources, declined=True)
    again = await talk.ask(PERSON_WANTED)
    assert again["contactRequested"]
    assert await known(replace(talk, conversation_id=again["conversationId"])) == NOBODY | {
        "contact": "asked"
    }


async def test_what_a_visitor_did_not_want_to_say_last_is_not_taken_from_before(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    first = await ended(client, factory, resources, email="ada@example.com", name="Ada L.")
    talk = replace(first, conversation_id=(await first.ask(QUESTION))["conversationId"])
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(
            update(Conversation)
            .where(col(Conversation.id) == talk.conversation_id)
            .values(contact="declined", visitor_name="", visitor_email="")
        )
    await pass_days(resources, talk)
    assert (await talk.ask(PERSON_WANTED))["contactRequested"]


async def test_nobody_is_known_by_what_another_session_said(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await ended(client, factory, resources, email="ada@example.com", name="Ada L.")
    other = await begin(client, factory, tenant=talk.tenant)
    assert await known(other) == NOBODY | {"contact": "asked"}


async def test_the_same_session_is_not_known_in_another_workspace(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await ended(client, factory, resources, email="ada@example.com", name="Ada L.")
    elsewhere = await begin(client, factory)
    visitor, token = factory.visitor(elsewhere.tenant, talk.visitor.session_id)
    response = await ask(
        client, elsewhere.tenant, PERSON_WANTED, session_id=visitor.session_id, headers=token
    )
    there = replace(elsewhere, conversation_id=response.json()["conversationId"])
    assert await known(there) == NOBODY | {"contact": "asked"}


async def test_a_session_that_is_not_proven_is_not_known(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await ended(client, factory, resources, email="ada@example.com", name="Ada L.")
    unproven = replace(talk, token={})
    again = await unproven.ask(PERSON_WANTED)
    assert again["conversationId"] != talk.conversation_id
    assert await known(replace(talk, conversation_id=again["conversationId"])) == NOBODY | {
        "contact": "unknown"
    }
