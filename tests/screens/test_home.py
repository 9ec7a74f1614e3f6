"""The home page's states, called as anybody with a websocket can call them."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import pytest
import reflex as rx

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.sessions import end_session
from helpninja_app.errors import Unavailable
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.ingest_requests import cancel_ingest
from helpninja_app.knowledge.models import JobState, PageState
from helpninja_app.resources import Resources
from helpninja_app.screens import page_state
from helpninja_app.screens.home import state as home_state
from helpninja_app.screens.home.state import HomeState
from helpninja_app.screens.knowledge import search_state
from helpninja_app.screens.knowledge.documents_state import DocumentsState
from helpninja_app.screens.knowledge.hits import SNIPPET_LENGTH, snippet
from helpninja_app.screens.knowledge.search_state import MAX_QUESTION, TOO_LONG, SearchState
from helpninja_app.screens.paged_state import PAGE_SIZE
from helpninja_app.screens.session import SignedInState
from tests.factories import Factory, Tenant
from tests.services.test_overviews import ingest

AnyState = TypeVar("AnyState", bound=rx.State)

RETURNS = "# Returns\n\nUnworn boots can be returned within sixty days of delivery."
MARGINS = "# Margins\n\nBoots are sold with a margin of forty percent."
SECRET = "# Secret\n\nBoots of the other shop are returned to the moon."

HANDLERS: list[tuple[type[rx.State], str, tuple[Any, ...]]] = [
    (HomeState, "open_page", ()),
    (HomeState, "follow_ingests", ()),
    (SearchState, "search", ({"question": "boots"},)),
    (DocumentsState, "open_documents", ()),
    (DocumentsState, "filter_documents", ("boots",)),
    (DocumentsState, "turn_page", (1,)),
]


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_state, "POLL_SECONDS", 0.01)


async def tab(state: type[AnyState], cookie: str = "") -> AnyState:
    """The state of a browser tab whose websocket came with this cookie header."""
    root = rx.State(_reflex_internal_init=True)  # type: ignore[call-arg]
    root._update_router_vars({"headers": {"cookie": cookie, "origin": "https://help.example"}}, {})
    return await root.get_state(state)


async def call(state: rx.State, handler: str, *arguments: Any) -> Any:
    return await type(state).event_handlers[handler].fn(state, *arguments)


def leads_to_sign_in(events: Any) -> bool:
    """Whether a handler forgets everything and sends the browser to the sign-in and back here."""
    if not isinstance(events, list) or len(events) != 2:
        return False
    forget, redirect = events
    return forget is SignedInState.forget and "/sign-in?next=/app" in str(redirect.args)


async def signed_in_tab(
    state: type[AnyState], factory: Factory, tenant: Tenant, role: Role = Role.OWNER
) -> AnyState:
    _, headers = await factory.member(tenant, role)
    return await tab(state, headers["cookie"])


def texts_in(state: rx.State) -> str:
    return str([getattr(state, name) for name in state.base_vars])


@pytest.mark.parametrize(("state", "handler", "arguments"), HANDLERS, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("cookie", ["", "hn_session=", "hn_session=not-a-token", "=;;hn_session", "ñ=\x00"])
async def test_without_a_session_nothing_is_shown_and_one_is_sent_to_sign_in(
    factory: Factory, state: type[rx.State], handler: str, arguments: tuple[Any, ...], cookie: str
) -> None:
    await factory.document(await factory.tenant(), RETURNS, title="Returns policy")
    opened = await tab(state, cookie)
    assert leads_to_sign_in(await call(opened, handler, *arguments))
    assert "Returns policy" not in texts_in(opened)


async def test_a_session_that_was_ended_counts_no_longer_in_an_open_tab(
    factory: Factory, resources: Resources
) -> None:
    _, headers = await factory.member(await factory.tenant())
    opened = await tab(HomeState, headers["cookie"])
    assert not leads_to_sign_in(await call(opened, "open_page"))
    async with resources.database.unit_of_work() as session:
        await end_session(session, headers["cookie"].removeprefix("hn_session="))
    assert leads_to_sign_in(await call(opened, "open_page"))


async def test_forgetting_empties_every_state_of_the_tab(factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="Returns policy")
    documents = await signed_in_tab(DocumentsState, factory, tenant)
    await call(documents, "open_documents")
    assert "Returns policy" in texts_in(documents)
    parent = await documents.get_state(SignedInState)
    type(parent).event_handlers["forget"].fn(parent)
    assert "Returns policy" not in texts_in(documents)
    assert not documents.is_loaded


async def test_the_page_shows_its_figures_and_the_line_to_install(factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS)
    headers = (await factory.member(tenant))[1]
    home = await tab(HomeState, headers["cookie"])
    assert await call(home, "open_page") is None
    assert home.is_loaded
    assert (home.documents, home.waiting) == ("1", "0")
    assert home.install_line == (
        f'<script async src="http://helpninja.test/api/widget?t={tenant.workspace.public_key}"></script>'
    )


async def test_a_job_under_way_is_followed_until_it_is_over(factory: Factory, resources: Resources) -> None:
    tenant = await factory.tenant()
    job_id = await ingest(resources, tenant, JobState.RUNNING, [PageState.CHANGED, PageState.PENDING])
    home = await signed_in_tab(HomeState, factory, tenant)
    assert await call(home, "open_page") is HomeState.follow_ingests
    assert [(row.percent, row.progress) for row in home.ingests] == [(50, "1 of 2 pages")]
    following = asyncio.create_task(call(home, "follow_ingests"))
    async with resources.database.unit_of_work(tenant.scope) as session:
        await cancel_ingest(session, tenant.id, job_id)
    await asyncio.wait_for(following, 30)
    assert home.ingests == []


async def test_only_the_follower_that_was_started_last_goes_on(
    factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    job_id = await ingest(resources, tenant, JobState.RUNNING, [PageState.PENDING])
    home = await signed_in_tab(HomeState, factory, tenant)
    followers = [asyncio.create_task(call(home, "follow_ingests")) for _ in range(5)]
    _, unfinished = await asyncio.wait(followers, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(followers[:4], timeout=30)
    assert [task.done() for task in followers] == [True, True, True, True, False]
    assert unfinished
    async with resources.database.unit_of_work(tenant.scope) as session:
        await cancel_ingest(session, tenant.id, job_id)
    await asyncio.wait_for(followers[4], 30)


async def test_a_search_shows_passages_marks_the_words_and_judges(factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="Help", url="https://shop.example/returns")
    search = await signed_in_tab(SearchState, factory, tenant)
    await call(search, "search", {"question": "  can boots be returned\x00 "})
    assert search.is_answered
    assert not search.is_searching
    [hit] = search.hits
    assert hit.place == "Help › Returns"
    assert hit.url == "https://shop.example/returns"
    assert [piece.text for piece in hit.pieces if piece.is_match] == ["boots", "returned"]
    assert "".join(piece.text for piece in hit.pieces).startswith("Unworn boots can be returned")
    assert float(hit.words) == 1.0
    assert search.verdict.label.endswith(("would answer", "would hand over"))


def test_a_snippet_is_the_part_with_most_of_the_words() -> None:
    filler = "Nothing to see in this sentence at all. " * 8
    pieces = snippet(f"{filler}\n\nBoots may be **returned** for free.\n\n- one\n- two", ["boot", "return"])
    shown = "".join(piece.text for piece in pieces)
    assert shown.startswith("… Nothing to see")
    assert shown.endswith(" Boots may be returned for free. one · two")
    assert len(shown) < len(filler)
    assert [piece.text for piece in pieces if piece.is_match] == ["Boots", "returned"]


def test_a_long_snippet_ends_between_two_words() -> None:
    [piece] = snippet("word " * 500, ["nothing"])
    assert len(piece.text) <= SNIPPET_LENGTH + 1
    assert piece.text.endswith("word…")


async def test_visitors_are_shown_less_than_members(factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="For visitors")
    await factory.document(tenant, MARGINS, title="For members", audience=Audience.MEMBERS)
    search = await signed_in_tab(SearchState, factory, tenant)
    await call(search, "search", {"question": "boots"})
    assert {hit.place.split(" › ")[0] for hit in search.hits} == {"For visitors"}
    await call(search, "choose_audience", "members")
    assert {hit.place.split(" › ")[0] for hit in search.hits} == {"For visitors", "For members"}
    for nonsense in ("everybody; drop table", ["visitors"], {"visitors": 1}, None, 7):
        await call(search, "choose_audience", nonsense)
        assert search.audience == "members"


async def test_another_workspace_appears_nowhere(factory: Factory) -> None:
    mine, other = await factory.tenant(), await factory.tenant(name="The other shop")
    await factory.document(mine, RETURNS, title="Ours")
    await factory.document(other, SECRET, title="Theirs")
    _, headers = await factory.member(mine)
    seen = ""
    for state, handler, arguments in HANDLERS:
        if handler != "follow_ingests":
            opened = await tab(state, headers["cookie"])
            await call(opened, handler, *arguments)
            seen += texts_in(opened)
    assert "Ours" in seen
    assert "Theirs" not in seen
    assert "moon" not in seen
    assert other.workspace.public_key not in seen
    assert "The other shop" not in seen


@pytest.mark.parametrize(
    "form", [{}, {"question": None}, {"question": ["a"]}, {"question": "\x00 "}, [], "x", 3]
)
async def test_a_search_for_nothing_finds_nothing(factory: Factory, form: Any) -> None:
    search = await signed_in_tab(SearchState, factory, await factory.tenant())
    assert await call(search, "search", form) is None
    assert (search.is_answered, search.is_searching, search.failure) == (False, False, "")


async def test_a_question_that_is_too_long_is_refused_in_a_sentence(factory: Factory) -> None:
    search = await signed_in_tab(SearchState, factory, await factory.tenant())
    await call(search, "search", {"question": "x" * 1_000_000})
    assert (search.failure, search.is_searching) == (TOO_LONG, False)
    assert len(search.question) == MAX_QUESTION


async def test_a_search_without_documents_says_that_there_is_nothing(factory: Factory) -> None:
    search = await signed_in_tab(SearchState, factory, await factory.tenant())
    await call(search, "search", {"question": "boots"})
    assert search.is_answered
    assert search.hits == []


async def test_documents_come_in_pages_of_fifty(factory: Factory) -> None:
    tenant = await factory.tenant()
    for number in range(PAGE_SIZE + 1):
        await factory.document(tenant, "# Page\n\nText.", title=f"Page {number}")
    documents = await signed_in_tab(DocumentsState, factory, tenant)
    await call(documents, "open_documents")
    assert (len(documents.rows), documents.shown, documents.is_last) == (PAGE_SIZE, "1 to 50 of 51", False)
    await call(documents, "turn_page", 10**30)
    assert (len(documents.rows), documents.shown, documents.is_last) == (1, "51 to 51 of 51", True)
    await call(documents, "turn_page", 1)
    assert documents.page == 1
    await call(documents, "turn_page", "back")
    assert documents.page == 1
    await call(documents, "turn_page", -5)
    assert documents.page == 0


@pytest.mark.parametrize("text", ["RETURNS pol", "  returns policy\x00", "shop.example/ret"])
async def test_documents_are_filtered_by_title_and_address(factory: Factory, text: str) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="Returns policy", url="https://shop.example/returns")
    await factory.document(tenant, MARGINS, title="Margins")
    documents = await signed_in_tab(DocumentsState, factory, tenant)
    await call(documents, "filter_documents", text)
    assert [row.title for row in documents.rows] == ["Returns policy"]


@pytest.mark.parametrize("text", ["%", "_", "'; drop table documents; --", "x" * 100_000, None, ["a"]])
async def test_a_hostile_filter_is_only_text(factory: Factory, text: Any) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="Returns policy")
    documents = await signed_in_tab(DocumentsState, factory, tenant)
    await call(documents, "filter_documents", text)
    assert documents.failure == ""
    assert len(documents.rows) == (0 if isinstance(text, str) else 1)


@pytest.mark.parametrize(
    ("state", "handler", "arguments"),
    [entry for entry in HANDLERS if entry[1] != "follow_ingests"],
    ids=lambda value: str(value)[:40],
)
async def test_when_the_database_is_away_a_sentence_says_so(
    factory: Factory,
    monkeypatch: pytest.MonkeyPatch,
    state: type[rx.State],
    handler: str,
    arguments: tuple[Any, ...],
) -> None:
    opened = await signed_in_tab(state, factory, await factory.tenant())

    async def away(_state: rx.State) -> None:
        raise Unavailable("The database is away.")

    for module in (page_state, search_state):
        monkeypatch.setattr(module, "signed_in", away)
    assert await call(opened, handler, *arguments) is None
    assert "The database is away." in texts_in(opened)


async def test_an_error_nobody_expected_is_not_shown_as_it_is(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = await signed_in_tab(SearchState, factory, await factory.tenant())

    async def broken(_state: rx.State) -> None:
        raise ZeroDivisionError("postgresql://user:password@host")

    monkeypatch.setattr(search_state, "signed_in", broken)
    await call(search, "search", {"question": "boots"})
    assert search.failure == "Something went wrong on our side. Please try again."
    assert not search.is_searching


async def test_what_one_session_was_shown_is_not_sent_to_the_next_one_in_that_tab(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="Returns of boots")
    _, headers = await factory.member(tenant)
    key = tenant.workspace.public_key
    _, other = await factory.member(await factory.tenant())
    for next_cookie in ("", other["cookie"]):
        home = await tab(HomeState, headers["cookie"])
        await call(home, "open_page")
        root = await home.get_state(rx.State)
        assert key in str(root.dict())
        root._update_router_vars({"headers": {"cookie": next_cookie}}, {})
        # As both of Reflex' snapshot events do before they send the whole state.
        root._reset_client_storage()  # type: ignore[no-untyped-call]
        assert key not in str(root.dict())
