"""What members are called in the inbox, and whom a note tells."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from helpninja_app.accounts.members import MemberView
from helpninja_app.accounts.models import Role
from helpninja_app.screens.account.state import AccountState
from helpninja_app.screens.inbox.state import mentioned
from helpninja_app.screens.inbox.words import member_labels
from tests.factories import Factory
from tests.screens.events import fire, tab_at
from tests.screens.test_inbox import agent, opened, waiting


def called(*names: str) -> list[MemberView]:
    return [
        MemberView(uuid.uuid4(), f"m{place}@x.example", name, Role.AGENT, False, True, datetime.now(UTC))
        for place, name in enumerate(names)
    ]


def test_names_behind_an_at_sign_are_mentioned_and_the_longer_one_counts() -> None:
    members = called("Ivo", "Ivo Berg", "")
    ids = [each.user_id for each in members]
    assert mentioned("@Ivo Berg and @m2@x.example, not Ivo or a@Ivo", members) == [ids[1], ids[2]]
    assert mentioned("@ivo!", members) == [ids[0]]


def test_of_two_with_one_name_who_was_picked_is_mentioned_and_both_by_the_name_alone() -> None:
    members = called("Ivo Berg", "ivo berg", "Ivo")
    ids = [each.user_id for each in members]
    labels = list(member_labels(members).values())
    assert labels == ["Ivo Berg (m0@x.example)", "ivo berg (m1@x.example)", "Ivo"]
    assert [mentioned(f"Ask @{label} please.", members) for label in labels] == [[id] for id in ids]
    assert mentioned("Ask @Ivo Berg.", members) == ids[:2]


async def test_members_with_one_name_are_offered_with_their_addresses(factory: Factory) -> None:
    tenant = await factory.tenant()
    emails = set()
    for _ in range(2):
        email, headers = await factory.member(tenant, Role.AGENT)
        await fire(await tab_at(AccountState, headers["cookie"]), "rename", {"name": "Ivo"})
        emails.add(email)
    tab = await opened(await agent(factory, tenant), await waiting(factory, tenant))
    named = {row.name for row in tab.everybody if row.name.startswith("Ivo")}
    assert named == {f"Ivo ({email})" for email in emails}
