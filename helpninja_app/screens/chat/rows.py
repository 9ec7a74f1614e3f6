"""What the chat page shows of chats, messages and models, as the browser gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID

from helpninja_app.answers.catalogue import Choice
from helpninja_app.chats.library import ChatMessageView, ChatView
from helpninja_app.chats.models import MessageState, Role
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.documents import DocumentView, name_of
from helpninja_app.screens.chat.markup import render_answer, source_button

SUGGESTIONS = 4
DELETED = "deleted"
_LONGEST_TITLE = 60
_FINISHES = {
    "length": "The answer reached its greatest length.",
    "refusal": "The model declined to answer this.",
}


@dataclass(frozen=True)
class ChatRow:
    id: str
    title: str
    day: str


@dataclass(frozen=True)
class SourceRow:
    """A passage below an answer; ``button`` is the id of what opens it."""

    n: str
    button: str
    title: str
    place: str


@dataclass(frozen=True)
class MessageRow:
    """A question has ``text``; an answer has ``html``, and ``asked``, the id of its question.

    ``note`` says what became of it, if not all went well.
    """

    id: str
    is_question: bool
    text: str
    html: str
    state: str
    note: str
    facts: str
    sources: list[SourceRow]
    asked: str = ""


@dataclass(frozen=True)
class DocumentRow:
    """A document that can be asked about; ``reason`` is why it could not be read.

    ``status`` is ``deleted`` for one that is not there any more.
    """

    id: str
    title: str
    status: str
    reason: str
    is_public: bool = False


@dataclass(frozen=True)
class ModelRow:
    """``reason`` says why it is locked; empty when it can be chosen."""

    id: str
    label: str
    price: str
    reason: str


def chat_row(chat: ChatView, moment: datetime, zone: tzinfo) -> ChatRow:
    return ChatRow(str(chat.id), chat.title, _day(chat.updated_at.astimezone(zone), moment.astimezone(zone)))


def message_rows(
    messages: Sequence[ChatMessageView], known: Mapping[str, MessageRow], labels: Mapping[str, str]
) -> list[MessageRow]:
    """Takes some milliseconds for each answer that is not in ``known``: call it in a thread."""
    rows: list[MessageRow] = []
    for message in messages:
        asked = rows[-1].id if rows and rows[-1].is_question else ""
        rows.append(_row(message, known, labels, asked))
    return rows


def document_rows(documents: Sequence[DocumentView]) -> list[DocumentRow]:
    return [
        DocumentRow(
            str(each.id),
            name_of(each),
            each.status,
            each.reason or "",
            each.audience == Audience.VISITORS.value,
        )
        for each in documents
    ]


def chosen_rows(
    wanted: Sequence[UUID], there: Sequence[DocumentView], known: Sequence[DocumentRow]
) -> list[DocumentRow]:
    """What a chat is about; of a document that was deleted the name it is ``known`` by."""
    rows = {row.id: row for row in document_rows(there)}
    titles = {row.id: row.title for row in known}
    return [
        rows.get(each) or DocumentRow(each, titles.get(each, "A document"), DELETED, "")
        for each in dict.fromkeys(map(str, wanted))
    ]


def suggestions_for(documents: Sequence[DocumentView]) -> list[str]:
    """First questions, about documents whose titles can stand in one."""
    titles = dict.fromkeys(each.title.strip() for each in documents)
    fitting = [title for title in titles if 3 <= len(title) <= _LONGEST_TITLE and "\n" not in title]
    return [f"What should I know about {title}?" for title in fitting[:SUGGESTIONS]]


def model_row(choice: Choice) -> ModelRow:
    credits = choice.model.credits_per_1000
    price = f"{credits} credit{'' if credits == 1 else 's'} per 1,000 tokens" if credits else "free"
    return ModelRow(choice.model.id, choice.model.label, price, choice.reason or "")


def _row(
    message: ChatMessageView, known: Mapping[str, MessageRow], labels: Mapping[str, str], asked: str
) -> MessageRow:
    id, state = str(message.id), message.state
    if message.role is Role.USER:
        return MessageRow(id, True, message.text, "", state.value, "", "", [])
    if id in known and known[id].state == state.value == MessageState.COMPLETE.value:
        return known[id]
    sources = [
        SourceRow(str(each["n"]), source_button(id, each["n"]), each["title"], _place(each["heading"]))
        for each in message.citations
    ]
    numbers = {each["n"] for each in message.citations}
    facts = labels.get(message.model, message.model)
    if message.credits:
        facts += f" · {message.credits:,} credit{'' if message.credits == 1 else 's'}"
    html = render_answer(message.text, id, numbers) if message.text else ""
    return MessageRow(id, False, "", html, state.value, _note(message), facts, sources, asked)


def _note(message: ChatMessageView) -> str:
    if message.state is MessageState.FAILED:
        return message.reason or "The answer failed."
    if message.state is MessageState.INTERRUPTED:
        return "Stopped here." if message.text else "Stopped before anything was written."
    if message.state is MessageState.WRITING:
        return "Being written."
    return _FINISHES.get(message.finish, "")


def _place(heading: Sequence[str] | str) -> str:
    return heading if isinstance(heading, str) else " › ".join(heading)


def _day(day: datetime, today: datetime) -> str:
    ago = (today.date() - day.date()).days
    if ago < 7:
        return {0: "Today", 1: "Yesterday"}.get(ago, f"{day:%A}")
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b %Y}"
