"""The Knowledge screen's states, called as anybody with a websocket can call them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.models import JobState, PageState
from helpninja_app.resources import Resources
from helpninja_app.screens.knowledge.adding_state import AddingState
from helpninja_app.screens.knowledge.deleted_state import DeletedState
from helpninja_app.screens.knowledge.documents_state import DocumentsState
from helpninja_app.screens.knowledge.runs_state import RunsState
from helpninja_app.screens.knowledge.sheets_state import FailedPagesState, PassagesState
from helpninja_app.screens.knowledge.sources_state import SourcesState
from helpninja_app.screens.knowledge.state import KnowledgeState
from helpninja_app.screens.undo_state import UndoState
from tests.factories import Factory, Tenant
from tests.screens.events import fire, tab_at
from tests.services.test_overviews import ingest

pytestmark = pytest.mark.usefixtures("no_waiting")

RETURNS = "# Returns\n\nUnworn boots can be returned within sixty days of delivery."
HOSTILE: list[Any] = [
    None,
    7,
    "",
    "x' or true",
    ["a"],
    {"a": 1},
    [None],
    [["a"]],
    "\x00",
    str(uuid.UUID(int=7)),
]


async def documents_of(factory: Factory, tenant: Tenant, role: Role = Role.OWNER) -> DocumentsState:
    _, headers = await factory.member(tenant, role)
    tab = await tab_at(DocumentsState, headers["cookie"])
    await fire(tab, "open_documents")
    return tab


async def sources_of(factory: Factory, tenant: Tenant, role: Role = Role.OWNER) -> SourcesState:
    _, headers = await factory.member(tenant, role)
    tab = await tab_at(SourcesState, headers["cookie"])
    await fire(tab, "open_sources")
    return tab


async def test_the_head_counts_and_knows_what_the_role_may(factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="Returns")
    seen = {}
    for role in Role:
        _, headers = await factory.member(tenant, role)
        tab = await tab_at(KnowledgeState, headers["cookie"])
        await fire(tab, "open_knowledge")
        assert tab.summary == "What the assistant may answer from. 1 passage in 1 document."
        seen[role] = (tab.may_write, tab.may_upload)
    assert seen == {
        Role.OWNER: (True, True),
        Role.ADMIN: (True, True),
        Role.AGENT: (False, True),
        Role.ANALYST: (True, True),
        Role.VIEWER: (False, False),
    }


async def test_documents_are_deleted_together_and_undone(factory: Factory) -> None:
    tenant = await factory.tenant()
    for title in ("One", "Two", "Three"):
        await factory.document(tenant, RETURNS, title=title)
    tab = await documents_of(factory, tenant)
    ids = [row.id for row in tab.rows if row.title != "Three"]
    answer = await fire(tab, "delete", ids)
    assert [row.title for row in tab.rows] == ["Three"]
    [offer, *_] = answer.events
    assert "Deleted: 2 documents." in str(offer.args)
    answer = await fire(tab, "restore", ids)
    assert answer.refusal == ""
    assert {row.title for row in tab.rows} == {"One", "Two", "Three"}


async def test_an_agent_deletes_only_what_is_their_own(factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="Somebody's")
    tab = await documents_of(factory, tenant, Role.AGENT)
    [row] = tab.rows
    assert not row.may_change
    answer = await fire(tab, "delete", [row.id])
    assert "only delete documents that you uploaded yourself" in answer.refusal
    assert len(tab.rows) == 1


async def test_only_documents_of_the_page_that_may_be_changed_are_chosen(factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="Returns")
    owner = await documents_of(factory, tenant)
    await fire(owner, "choose_all")
    assert (len(owner.chosen), owner.chosen_names) == (1, "Returns")
    await fire(owner, "choose_all")
    assert owner.chosen == []
    agent = await documents_of(factory, tenant, Role.AGENT)
    await fire(agent, "choose_all")
    await fire(agent, "choose", agent.rows[0].id)
    assert agent.chosen == []


async def test_the_audience_of_several_documents_is_changed_or_of_none(factory: Factory) -> None:
    tenant = await factory.tenant()
    for title in ("One", "Two"):
        await factory.document(tenant, RETURNS, title=title, audience=Audience.MEMBERS)
    tab = await documents_of(factory, tenant)
    ids = [row.id for row in tab.rows]
    answer = await fire(tab, "change_audience", [*ids, str(uuid.uuid4())], "visitors")
    assert "There is no such document" in answer.refusal
    assert [row.is_public for row in tab.rows] == [False, False]
    await fire(tab, "change_audience", ids, "visitors")
    assert [row.is_public for row in tab.rows] == [True, True]


async def test_a_document_is_renamed_but_not_to_nothing(factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="Returns")
    tab = await documents_of(factory, tenant)
    document_id = tab.rows[0].id
    answer = await fire(tab, "rename", {"id": document_id, "title": " \x00 "})
    assert "Give the document a title." in answer.refusal
    await fire(tab, "rename", {"id": document_id, "title": "Sending back"})
    assert tab.rows[0].title == "Sending back"


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
async def test_hostile_arguments_are_refused_in_a_sentence(factory: Factory, hostile: Any) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, RETURNS, title="Returns")
    documents = await documents_of(factory, tenant)
    for name, arguments in (
        ("delete", (hostile,)),
        ("restore", (hostile,)),
        ("read_again", (hostile,)),
        ("rename", (hostile,)),
        ("change_audience", (hostile, "visitors")),
        ("change_audience", ([documents.rows[0].id], hostile)),
    ):
        answer = await fire(documents, name, *arguments)
        assert answer.refusal, name
        assert "went wrong on our side" not in answer.refusal, name
    sources = await sources_of(factory, tenant)
    for name in ("read_again", "cancel", "retry", "delete", "restore"):
        answer = await fire(sources, name, hostile)
        assert answer.refusal, name
        assert "went wrong on our side" not in answer.refusal, name
    assert [row.title for row in documents.rows] == ["Returns"]


async def test_a_run_under_way_is_shown_with_its_counts_and_cancelled(
    factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    await ingest(resources, tenant, JobState.RUNNING, [PageState.CHANGED, PageState.PENDING])
    tab = await sources_of(factory, tenant)
    [row] = [row for row in tab.rows if row.is_running]
    assert (row.percent, row.progress, row.status) == (50, "1 of 2 pages", "Reading")
    answer = await fire(tab, "cancel", row.job_id)
    assert answer.refusal == ""
    [row] = [row for row in tab.rows if row.job_id == row.job_id]
    assert (row.status, row.is_running) == ("Cancelled", False)


async def test_failed_pages_are_shown_and_a_second_workspace_s_are_not(
    factory: Factory, resources: Resources
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    job_id = await ingest(resources, tenant, JobState.COMPLETED, [PageState.FAILED, PageState.CHANGED])
    for owned, count in ((tenant, 1), (other, 0)):
        _, headers = await factory.member(owned)
        tab = await tab_at(FailedPagesState, headers["cookie"])
        answer = await fire(tab, "open_failed", str(job_id))
        assert len(tab.rows) == count
        assert bool(answer.refusal) == (count == 0)


async def test_the_runs_of_a_source_are_shown_with_what_became_of_their_pages(
    factory: Factory, resources: Resources
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    pages = [PageState.CHANGED, PageState.UNCHANGED, PageState.UNCHANGED, PageState.GONE, PageState.FAILED]
    await ingest(resources, tenant, JobState.COMPLETED, [*pages, PageState.SKIPPED])
    source = (await sources_of(factory, tenant)).rows[0].id
    _, headers = await factory.member(tenant, Role.VIEWER)
    tab = await tab_at(RunsState, headers["cookie"])
    await fire(tab, "open_runs", source)
    [run] = tab.rows
    assert run.outcome == "1 changed, 2 unchanged, 1 gone, 1 failed, 1 skipped"
    assert (run.status, run.cause, run.failed_pages) == ("Read", "asked for", "1 page failed")
    _, headers = await factory.member(other)
    theirs = await tab_at(RunsState, headers["cookie"])
    assert "There is no such source." in (await fire(theirs, "open_runs", source)).refusal
    assert theirs.rows == []


async def test_what_was_deleted_is_listed_and_comes_back_one_by_one(
    factory: Factory, resources: Resources
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    document = str(await factory.document(tenant, RETURNS, title="Help"))
    await ingest(resources, tenant, JobState.COMPLETED, [PageState.CHANGED])
    sources = await sources_of(factory, tenant)
    website = next(row.id for row in sources.rows if row.name != "Help")
    await fire(sources, "delete", website)
    await fire(await documents_of(factory, tenant), "delete", [document])
    _, headers = await factory.member(tenant, Role.ANALYST)
    tab = await tab_at(DeletedState, headers["cookie"])
    await fire(tab, "open_deleted")
    assert [(row.what, row.id) for row in tab.rows] == [("Document", document), ("Website", website)]
    _, headers = await factory.member(other)
    theirs = await tab_at(DeletedState, headers["cookie"])
    await fire(theirs, "open_deleted")
    assert theirs.rows == []
    assert "There is no such" in (await fire(theirs, "restore", "documents", document)).refusal
    await fire(tab, "restore", "documents", document)
    assert [row.id for row in tab.rows] == [website]
    await fire(tab, "restore", "source", website)
    assert tab.rows == []
    assert website in {row.id for row in (await sources_of(factory, tenant)).rows}
    assert "nothing like that" in (await fire(tab, "restore", "workspace", document)).refusal


async def test_passages_are_shown_in_their_order_with_their_headings(factory: Factory) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, RETURNS, title="Help")
    _, headers = await factory.member(tenant, Role.VIEWER)
    tab = await tab_at(PassagesState, headers["cookie"])
    await fire(tab, "open_passages", str(document))
    assert tab.title == "Help"
    assert tab.rows[0].position == "1"
    assert "sixty days" in tab.rows[0].text
    await fire(tab, "close")
    assert (tab.is_open, tab.rows) == (False, [])


@pytest.mark.parametrize("address", ["", "ftp://example.com", "http://127.0.0.1/", "no address"])
async def test_an_address_that_cannot_be_read_is_refused_before_anything_is_stored(
    factory: Factory, address: str
) -> None:
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant)
    tab = await tab_at(AddingState, headers["cookie"])
    answer = await fire(tab, "preview", {"address": address})
    assert answer.refusal
    assert tab.summary == ""
    assert (await sources_of(factory, tenant)).rows == []


@pytest.mark.parametrize("ids", [None, "x", [1], [["a"]], 3])
async def test_only_texts_can_be_offered_to_be_undone(ids: Any) -> None:
    tab = await tab_at(UndoState)
    await fire(tab, "offer", "Gone.", "source", ids)
    assert (tab.said, tab.ids) == ("", [])
