"""What comes late does not undo what was done since: an old answer, and the second of two presses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from reflex.state import BaseState

from helpninja_app.errors import Unavailable
from helpninja_app.knowledge.previews import preview_ingest
from helpninja_app.resources import Resources
from helpninja_app.screens import page_state
from helpninja_app.screens.escalation import integrations_state
from helpninja_app.screens.escalation.integration_editor_state import IntegrationEditorState
from helpninja_app.screens.escalation.rule_editor_state import RuleEditorState
from helpninja_app.screens.knowledge import adding_state
from helpninja_app.screens.knowledge.adding_state import AddingState
from helpninja_app.screens.knowledge.curated_editor_state import CuratedEditorState
from helpninja_app.screens.knowledge.note_editor_state import NoteEditorState
from helpninja_app.screens.knowledge.notes_state import NotesState
from helpninja_app.screens.webhooks.editor_state import WebhookEditorState
from tests.api.ingesting import html, linking
from tests.conftest import OpenSite
from tests.deliveries import integrate
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite
from tests.screens.events import fire, tab_at
from tests.screens.test_escalation import cookie_of, listed
from tests.screens.test_knowledge_writing import NOTE
from tests.screens.test_page_state import hold

pytestmark = pytest.mark.usefixtures("no_waiting")


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


@pytest.fixture
async def cookie(factory: Factory, tenant: Tenant) -> str:
    return await cookie_of(factory, tenant)


@pytest.fixture
async def site(open_site: OpenSite) -> LoopbackSite:
    site = await open_site()
    site.routes |= {"/": linking("home", "/a", "/b"), "/a": html("axes"), "/b": html("boots")}
    return site


async def late_preview(
    tab: AddingState, address: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[asyncio.Task[Any], asyncio.Event]:
    """A look at an address that goes on until it is let go."""
    begun, go_on = hold(
        monkeypatch, adding_state, "preview_ingest", when=lambda *given, **_: given[3] == address
    )
    looking = asyncio.create_task(fire(tab, "preview", {"address": address}))
    await begun.wait()
    return looking, go_on


async def test_what_was_found_at_an_address_is_not_shown_for_another(
    cookie: str, site: LoopbackSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await tab_at(AddingState, cookie)
    await fire(tab, "begin")
    looking, go_on = await late_preview(tab, f"{site.url}/", monkeypatch)
    await fire(tab, "preview", {"address": f"{site.url}/a"})
    shown = (tab.address, tab.summary, tab.lines)
    go_on.set()
    await looking
    assert (tab.address, tab.summary, tab.lines) == shown


async def test_what_was_found_is_not_shown_in_a_dialog_that_was_opened_since(
    cookie: str, site: LoopbackSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await tab_at(AddingState, cookie)
    await fire(tab, "begin")
    looking, go_on = await late_preview(tab, f"{site.url}/", monkeypatch)
    await fire(tab, "close")
    await fire(tab, "begin")
    go_on.set()
    await looking
    assert (tab.address, tab.summary, tab.lines) == ("", "", [])


async def test_why_an_address_was_refused_is_not_said_of_another(
    cookie: str, site: LoopbackSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await tab_at(AddingState, cookie)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def refused(*given: Any, **named: Any) -> Any:
        if given[3] == "first":
            begun.set()
            await go_on.wait()
        return await preview_ingest(*given, **named)

    monkeypatch.setattr(adding_state, "preview_ingest", refused)
    looking = asyncio.create_task(fire(tab, "preview", {"address": "first"}))
    await begun.wait()
    await fire(tab, "preview", {"address": f"{site.url}/a"})
    go_on.set()
    await looking
    assert (tab.problem, tab.address) == ("", f"{site.url}/a")
    assert tab.summary


@pytest.mark.parametrize(
    ("state", "begin"),
    [
        (NoteEditorState, ("begin",)),
        (CuratedEditorState, ("begin", "Where?")),
        (CuratedEditorState, ("begin_answered", "Where?", "There.")),
        (WebhookEditorState, ("begin",)),
        (IntegrationEditorState, ("begin", "email")),
        (RuleEditorState, ("begin",)),
        (AddingState, ("begin",)),
    ],
)
async def test_a_sheet_that_is_pressed_open_twice_stays_as_it_is(
    cookie: str, state: type[BaseState], begin: tuple[str, ...]
) -> None:
    tab: Any = await tab_at(state, cookie)
    await fire(tab, *begin)
    assert tab.is_open
    drawn = tab.drawn
    await fire(tab, *begin)
    assert (tab.is_open, tab.drawn) == (True, drawn)
    await fire(tab, "close")
    await fire(tab, *begin)
    assert tab.is_open
    assert tab.drawn > drawn


async def test_a_sheet_is_opened_on_one_thing_once_and_on_another_anew(
    resources: Resources, tenant: Tenant, cookie: str
) -> None:
    one, other = [str(await integrate(resources, tenant, "a@x.example", provider="email")) for _ in range(2)]
    tab: Any = await tab_at(IntegrationEditorState, cookie)
    await fire(tab, "edit", one)
    drawn = tab.drawn
    await fire(tab, "edit", one)
    assert tab.drawn == drawn
    await fire(tab, "edit", other)
    assert (tab.edited, tab.drawn > drawn) == (other, True)


async def test_a_note_that_is_pressed_open_twice_is_read_once(cookie: str) -> None:
    tab: Any = await tab_at(NoteEditorState, cookie)
    await fire(tab, "begin")
    await fire(tab, "save", NOTE)
    notes: Any = await tab_at(NotesState, cookie)
    await fire(notes, "open_notes")
    await fire(tab, "edit", notes.rows[0].id)
    drawn = tab.drawn
    await fire(tab, "edit", notes.rows[0].id)
    assert (tab.title, tab.drawn) == (NOTE["title"], drawn)


async def test_a_sheet_that_could_not_be_read_is_opened_again(
    cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("The database is away.")

    tab: Any = await tab_at(NoteEditorState, cookie)
    with monkeypatch.context() as patch:
        patch.setattr(page_state, "signed_in", away)
        await fire(tab, "begin")
    assert tab.failure == "The database is away."
    await fire(tab, "begin")
    assert (tab.failure, tab.is_open) == ("", True)


async def test_a_test_message_that_never_began_is_not_said_to_be_sent(
    resources: Resources, tenant: Tenant, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("The database is away.")

    wanted = str(await integrate(resources, tenant, "a@x.example", provider="email"))
    tab = await listed(cookie)
    with monkeypatch.context() as patch:
        patch.setattr(page_state, "signed_in", away)
        await fire(tab, "send_test", wanted)
    assert (tab.trying, tab.failure) == ("", "The database is away.")


async def test_of_a_second_click_and_of_a_reading_the_first_test_message_goes_on(
    resources: Resources, tenant: Tenant, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = str(await integrate(resources, tenant, "a@x.example", provider="email"))
    tab = await listed(cookie)
    begun, go_on = hold(monkeypatch, integrations_state, "try_integration", when=lambda *_: True)
    trying = asyncio.create_task(fire(tab, "send_test", wanted))
    await begun.wait()
    await fire(tab, "send_test", wanted)
    await fire(tab, "open_integrations")
    assert tab.trying == wanted
    go_on.set()
    await trying
    assert (tab.trying, tab.tried) == ("", wanted)


async def test_what_another_process_left_when_it_died_is_not_being_sent(
    resources: Resources, tenant: Tenant, cookie: str
) -> None:
    tab = await listed(cookie)
    tab.trying = str(await integrate(resources, tenant, "a@x.example", provider="email"))
    await fire(tab, "open_integrations")
    assert tab.trying == ""
