"""Curated answers and notes on the Knowledge screen, called as anybody with a websocket can call them."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.knowledge.curated import MAX_PHRASINGS
from helpninja_app.knowledge.notes import MAX_LENGTH
from helpninja_app.screens import page_state
from helpninja_app.screens.audit_log.state import AuditState
from helpninja_app.screens.knowledge import curated_editor_state
from helpninja_app.screens.knowledge.curated_editor_state import CuratedEditorState
from helpninja_app.screens.knowledge.curated_state import CuratedState
from helpninja_app.screens.knowledge.documents_state import DocumentsState
from helpninja_app.screens.knowledge.note_editor_state import NoteEditorState
from helpninja_app.screens.knowledge.notes_state import NotesState
from helpninja_app.screens.knowledge.search_state import SearchState
from helpninja_app.screens.knowledge.sources_state import SourcesState
from tests.factories import Factory, Tenant
from tests.screens.events import Answer, fire, tab_at
from tests.screens.test_page_state import hold

pytestmark = pytest.mark.usefixtures("no_waiting")

ISLANDS = {"question": "Do you deliver to the islands?", "answer": "Yes, in **three** days.", "is_on": "on"}
NOTE = {"title": "Opening hours at Christmas", "text": "# Christmas\n\nWe are closed on 25 December."}
HOSTILE: list[Any] = [None, 7, "", "x' or true", ["a"], {"a": 1}, "\x00", str(uuid.UUID(int=7))]


async def cookie_of(factory: Factory, tenant: Tenant, role: Role = Role.OWNER) -> str:
    return str((await factory.member(tenant, role))[1]["cookie"])


async def write(cookie: str, *, audience: str = "members", **fields: Any) -> Answer:
    """A curated answer through the sheet, asked about where it would be public."""
    editor = await tab_at(CuratedEditorState, cookie)
    await fire(editor, "begin", "")
    await fire(editor, "choose_audience", audience)
    answer = await fire(editor, "save", ISLANDS | fields)
    return await fire(editor, "publish") if editor.asks else answer


async def answers_of(cookie: str) -> CuratedState:
    tab = await tab_at(CuratedState, cookie)
    await fire(tab, "open_curated")
    return tab


async def write_note(cookie: str, **fields: Any) -> Answer:
    editor = await tab_at(NoteEditorState, cookie)
    await fire(editor, "begin")
    return await fire(editor, "save", NOTE | fields)


async def notes_of(cookie: str) -> NotesState:
    tab = await tab_at(NotesState, cookie)
    await fire(tab, "open_notes")
    return tab


async def test_an_answer_is_asked_about_before_it_is_public(factory: Factory) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    editor = await tab_at(CuratedEditorState, cookie)
    await fire(editor, "begin", "Do you deliver?")
    assert (editor.is_open, editor.question, editor.audience) == (True, "Do you deliver?", "visitors")
    await fire(editor, "save", ISLANDS)
    assert (editor.asks, editor.is_open) == (True, True)
    assert (await answers_of(cookie)).rows == []
    answer = await fire(editor, "publish")
    assert (answer.refusal, editor.is_open, editor.asks) == ("", False, False)
    [row] = (await answers_of(cookie)).rows
    assert (row.question, row.is_public, row.is_on) == (ISLANDS["question"], True, True)


async def test_an_answer_that_was_not_asked_about_is_not_made_public(factory: Factory) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    editor = await tab_at(CuratedEditorState, cookie)
    await fire(editor, "begin", "")
    assert "nothing to make public" in (await fire(editor, "publish")).refusal
    await fire(editor, "save", ISLANDS)
    await fire(editor, "choose_audience", "members")
    assert "nothing to make public" in (await fire(editor, "publish")).refusal
    assert (await answers_of(cookie)).rows == []


async def test_an_answer_for_members_is_stored_without_a_question_and_asked_about_when_it_goes_public(
    factory: Factory,
) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    await write(cookie, phrasings="Do you ship to Shetland?\n\n  Is Lerwick served?  ")
    tab = await answers_of(cookie)
    assert (tab.rows[0].is_public, tab.rows[0].more) == (False, "2 further phrasings")
    editor = await tab_at(CuratedEditorState, cookie)
    await fire(editor, "edit", tab.rows[0].id)
    assert editor.phrasings == "Do you ship to Shetland?\nIs Lerwick served?"
    assert (editor.question, editor.audience) == (ISLANDS["question"], "members")
    await fire(editor, "choose_audience", "visitors")
    await fire(editor, "save", ISLANDS | {"is_on": ""})
    assert editor.asks
    await fire(editor, "publish")
    await fire(tab, "open_curated")
    assert (tab.rows[0].is_public, tab.rows[0].is_on, tab.rows[0].more) == (True, False, "")
    # A public one is changed without being asked about again.
    await fire(editor, "edit", tab.rows[0].id)
    await fire(editor, "save", ISLANDS | {"answer": "No."})
    await fire(tab, "open_curated")
    assert (editor.asks, tab.rows[0].answer) == (False, "No.")


async def test_what_a_closed_sheet_still_saves_changes_the_same_answer_for_the_same_people(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    await write(cookie)
    tab = await answers_of(cookie)
    editor = await tab_at(CuratedEditorState, cookie)
    await fire(editor, "edit", tab.rows[0].id)
    begun, go_on = hold(monkeypatch, page_state, "signed_in", when=lambda *_: not begun.is_set())
    saving = asyncio.create_task(fire(editor, "save", ISLANDS | {"answer": "No."}))
    await begun.wait()
    await fire(editor, "close")
    go_on.set()
    await saving
    await fire(tab, "open_curated")
    assert [(row.answer, row.is_public) for row in tab.rows] == [("No.", False)]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"question": " "}, {"question"}),
        ({"answer": "", "question": ""}, {"answer", "question"}),
        ({"answer": "x" * 8_001}, {"answer"}),
        ({"question": "x" * 501}, {"question"}),
        ({"phrasings": "\n".join(f"Way {number}?" for number in range(MAX_PHRASINGS + 1))}, {"phrasings"}),
    ],
    ids=["no question", "nothing", "long answer", "long question", "many phrasings"],
)
@pytest.mark.parametrize("audience", ["members", "visitors"])
async def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored(
    factory: Factory, fields: dict[str, str], wrong: set[str], audience: str
) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    editor = await tab_at(CuratedEditorState, cookie)
    await fire(editor, "begin", "")
    await fire(editor, "choose_audience", audience)
    drawn = editor.drawn
    answer = await fire(editor, "save", ISLANDS | fields)
    assert answer.refusal
    assert set(editor.errors) == wrong
    # The sheet stays, with what was typed in it.
    assert (editor.is_open, editor.asks, editor.drawn) == (True, False, drawn)
    assert (await answers_of(cookie)).rows == []


async def test_what_was_deleted_meanwhile_keeps_its_text_in_the_sheet(factory: Factory) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    await write(cookie)
    tab = await answers_of(cookie)
    editor = await tab_at(CuratedEditorState, cookie)
    await fire(editor, "edit", tab.rows[0].id)
    drawn = editor.drawn
    await fire(tab, "delete", tab.rows[0].id)
    answer = await fire(editor, "save", ISLANDS)
    assert "There is no such curated answer." in answer.refusal
    assert (editor.failure, editor.is_open, editor.drawn) == ("", True, drawn)


async def test_answers_are_moved_by_one_place_and_not_beyond_the_ends(factory: Factory) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    for question in ("One?", "Two?", "Three?"):
        await write(cookie, question=question)
    tab = await answers_of(cookie)
    assert tab.counted == "3"
    first, second, _ = (row.id for row in tab.rows)
    await fire(tab, "move", first, 1)
    assert [row.question for row in tab.rows] == ["Two?", "One?", "Three?"]
    assert (tab.moved, tab.focus) == ("“One?” is number 2 of 3 now.", f"curated-down-{first} 1")
    await fire(tab, "move", first, 900)
    assert [row.question for row in tab.rows] == ["Two?", "Three?", "One?"]
    # Where there is no further down, the focus goes to the way back.
    assert tab.focus == f"curated-up-{first} 2"
    for by in (-1, 0, None, "up", [1]):
        await fire(tab, "move", second, by)
    assert [row.question for row in tab.rows] == ["Two?", "Three?", "One?"]
    assert [(row.is_first, row.is_last) for row in tab.rows] == [(True, False), (False, False), (False, True)]


async def test_an_answer_is_switched_off_and_on_and_shown_to_others(factory: Factory) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    await write(cookie)
    tab = await answers_of(cookie)
    wanted = tab.rows[0].id
    await fire(tab, "switch", wanted, False)
    assert not tab.rows[0].is_on
    await fire(tab, "switch", wanted, True)
    assert tab.rows[0].is_on
    await fire(tab, "change_audience", wanted, "visitors")
    assert tab.rows[0].is_public
    assert "no such audience" in (await fire(tab, "change_audience", wanted, "everybody")).refusal
    assert tab.rows[0].is_public


async def test_a_deleted_answer_comes_back_to_its_place(factory: Factory) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    for question in ("One?", "Two?"):
        await write(cookie, question=question)
    tab = await answers_of(cookie)
    first = tab.rows[0].id
    answer = await fire(tab, "delete", first)
    [offer] = answer.events
    assert "Deleted: One?." in str(offer.args)
    assert "curated" in str(offer.args)
    assert [row.question for row in tab.rows] == ["Two?"]
    await fire(tab, "restore", first)
    assert [row.question for row in tab.rows] == ["One?", "Two?"]


async def test_the_test_search_tells_of_a_curated_answer_where_there_are_no_documents(
    factory: Factory,
) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    await write(cookie, audience="visitors")
    search = await tab_at(SearchState, cookie)
    await fire(search, "search", {"question": ISLANDS["question"]})
    assert (search.hits, search.verdict.tone) == ([], "success")
    assert ISLANDS["question"] in search.verdict.sentence


async def test_nothing_of_an_answer_is_stored_where_it_cannot_be_embedded(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> Any:
        raise RuntimeError("the model is out of memory")

    cookie = await cookie_of(factory, await factory.tenant())
    monkeypatch.setattr(curated_editor_state, "prepare_phrasings", fail)
    answer = await write(cookie)
    assert "out of memory" not in answer.said
    assert answer.refusal
    assert (await answers_of(cookie)).rows == []


async def test_a_note_is_for_members_unless_somebody_says_otherwise(factory: Factory) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    assert (await write_note(cookie)).refusal == ""
    [row] = (await notes_of(cookie)).rows
    assert (row.title, row.is_public, row.kind) == (NOTE["title"], False, "note")
    assert row.excerpt == "Christmas We are closed on 25 December."
    editor = await tab_at(NoteEditorState, cookie)
    await fire(editor, "edit", row.id)
    assert (editor.title, editor.text, editor.audience) == (NOTE["title"], NOTE["text"], "members")
    await fire(editor, "choose_audience", "visitors")
    await fire(editor, "save", NOTE)
    assert editor.asks
    await fire(editor, "keep_private")
    assert not (await notes_of(cookie)).rows[0].is_public
    await fire(editor, "save", NOTE)
    await fire(editor, "publish")
    assert (await notes_of(cookie)).rows[0].is_public


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [({"title": ""}, {"title"}), ({"text": "\x00"}, {"text"}), ({"text": "x" * (MAX_LENGTH + 1)}, {"text"})],
    ids=["no title", "no text", "long text"],
)
async def test_a_note_that_lacks_something_is_not_stored(
    factory: Factory, fields: dict[str, str], wrong: set[str]
) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    editor = await tab_at(NoteEditorState, cookie)
    await fire(editor, "begin")
    assert (await fire(editor, "save", NOTE | fields)).refusal
    assert set(editor.errors) == wrong
    assert (await notes_of(cookie)).rows == []


async def test_a_note_is_deleted_everywhere_and_comes_back_as_the_document_it_is(factory: Factory) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    await write_note(cookie)
    notes = await notes_of(cookie)
    wanted = notes.rows[0].id
    answer = await fire(notes, "delete", wanted)
    assert answer.refusal == ""
    assert "Deleted: Opening hours at Christmas." in str(answer.events[0].args)
    for part in ("open_sources", "open_documents", "open_knowledge"):
        assert part in str(answer.events), part
    assert notes.rows == []
    sources = await tab_at(SourcesState, cookie)
    await fire(sources, "open_sources")
    assert sources.rows == []
    documents = await tab_at(DocumentsState, cookie)
    await fire(documents, "restore", [wanted])
    assert [row.title for row in (await notes_of(cookie)).rows] == [NOTE["title"]]


async def test_a_page_is_no_note_and_a_second_workspace_s_note_is_not_there(factory: Factory) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    page = str(await factory.document(tenant, "# Returns\n\nWithin sixty days.", title="Returns"))
    cookie, theirs = await cookie_of(factory, tenant), await cookie_of(factory, other)
    await write_note(theirs)
    foreign = (await notes_of(theirs)).rows[0].id
    assert (await notes_of(cookie)).rows == []
    for wanted in (page, foreign):
        notes, editor = await notes_of(cookie), await tab_at(NoteEditorState, cookie)
        assert "no such" in (await fire(notes, "delete", wanted)).refusal.lower()
        assert "no such" in (await fire(notes, "change_audience", wanted, "visitors")).refusal.lower()
        assert "no such" in (await fire(editor, "edit", wanted)).refusal.lower()
        assert editor.text == ""
    assert len((await notes_of(theirs)).rows) == 1


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
async def test_hostile_arguments_change_nothing_and_are_refused_in_a_sentence(
    factory: Factory, hostile: Any
) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    await write(cookie)
    await write_note(cookie)
    answers, notes = await answers_of(cookie), await notes_of(cookie)
    curated_editor, note_editor = (
        await tab_at(CuratedEditorState, cookie),
        await tab_at(NoteEditorState, cookie),
    )
    for tab, name, arguments in (
        (answers, "move", (hostile, 1)),
        (answers, "switch", (hostile, False)),
        (answers, "change_audience", (hostile, "visitors")),
        (answers, "change_audience", (answers.rows[0].id, hostile)),
        (answers, "delete", (hostile,)),
        (answers, "restore", (hostile,)),
        (notes, "change_audience", (hostile, "visitors")),
        (notes, "change_audience", (notes.rows[0].id, hostile)),
        (notes, "delete", (hostile,)),
        (curated_editor, "save", (hostile,)),
        (note_editor, "save", (hostile,)),
    ):
        answer = await fire(tab, name, *arguments)
        assert answer.refusal, name
        assert "went wrong on our side" not in answer.refusal, name
    await fire(curated_editor, "begin", hostile)
    assert curated_editor.question == (hostile if isinstance(hostile, str) else "")
    for editor in (curated_editor, note_editor):
        await fire(editor, "choose_audience", hostile)
        assert editor.audience == "members"
    assert [answers.rows[0].is_public, notes.rows[0].is_public] == [False, False]


async def test_deleting_a_document_shows_the_sources_anew(factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, "# Returns\n\nWithin sixty days.", title="Returns")
    documents = await tab_at(DocumentsState, await cookie_of(factory, tenant))
    await fire(documents, "open_documents")
    answer = await fire(documents, "delete", [documents.rows[0].id])
    assert "open_sources" in str(answer.events)


async def test_the_audit_log_has_answers_and_notes_under_kinds_of_their_own(factory: Factory) -> None:
    cookie = await cookie_of(factory, await factory.tenant())
    await write(cookie)
    await write_note(cookie)
    audit = await tab_at(AuditState, cookie)
    for kind, what, subject in (
        ("curated", "Curated answer created", ISLANDS["question"]),
        ("note", "Note created", NOTE["title"]),
    ):
        await fire(audit, "choose_kind", kind)
        assert [(row.what, row.subject) for row in audit.rows] == [(what, subject)]
