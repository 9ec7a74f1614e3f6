"""What the inbox shows of conversations and what is in them, as the browser gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from helpninja_app.conversations.history import PastConversation
from helpninja_app.conversations.inbox import InboxItem
from helpninja_app.conversations.mentions import MentionView
from helpninja_app.conversations.models import Conversation, Sender, Status
from helpninja_app.conversations.timeline import Timeline, TimelineChange, TimelineMessage, TimelineNote
from helpninja_app.screens.chat.markup import render_answer, source_button
from helpninja_app.screens.inbox.words import STATUSES, change_in_words, reason_in_words, waiting_in_words
from helpninja_app.screens.knowledge.rows import percent
from helpninja_app.ui.times import exactly, in_words

Line = TimelineMessage | TimelineNote | TimelineChange


@dataclass(frozen=True)
class ConversationRow:
    """A line of the list; ``status`` is who has it, for one that a member has, and how long the visitor waits
    where nobody does; for those whom a member lets wait ``reason`` says so.
    """

    id: str
    name: str
    preview: str
    when: str
    moment: str
    tone: str
    status: str
    reason: str
    is_unread: bool


@dataclass(frozen=True)
class PassageRow:
    """``button`` is the id of what a marker in the text presses; ``url`` is empty for a file."""

    n: str
    button: str
    title: str
    url: str
    snippet: str
    score: str


@dataclass(frozen=True)
class EntryRow:
    """A line of a conversation: ``kind`` is day, visitor, bot, member, note or change.

    A bot's words are in ``html``, everybody else's in ``text``; ``asked`` is the question before an answer of
    the bot or a member, and empty for what answers nothing, such as that it hands over.
    ``rating`` is the visitor's thumb on it: up, down, or empty.
    """

    id: str
    kind: str
    text: str = ""
    html: str = ""
    who: str = ""
    time: str = ""
    moment: str = ""
    confidence: str = ""
    asked: str = ""
    rating: str = ""
    passages: list[PassageRow] = field(default_factory=list)


@dataclass(frozen=True)
class PastRow:
    id: str
    label: str
    tone: str
    status: str


@dataclass(frozen=True)
class MemberRow:
    id: str
    name: str


@dataclass(frozen=True)
class MentionRow:
    """A note that mentions the caller; ``text`` is its beginning."""

    id: str
    conversation_id: str
    who: str
    text: str
    when: str
    is_unread: bool


def visitor_name(conversation: Conversation) -> str:
    """What they gave, or the end of their conversation's id, the same everywhere."""
    return (
        conversation.visitor_name.strip()
        or conversation.visitor_email.strip()
        or f"Visitor {str(conversation.id)[-4:].upper()}"
    )


def page_in_words(url: str) -> str:
    """The path of a page, without its host and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.hostname or ''}{parts.path}".rstrip("/")


def conversation_row(item: InboxItem, names: Mapping[str, str], moment: datetime) -> ConversationRow:
    found = item.conversation
    tone, status = STATUSES[Status(found.status)]
    if Status(found.status) is Status.HUMAN and found.assignee_id is not None:
        status = names.get(str(found.assignee_id), status)
    reason = reason_in_words(found.reason)
    waits = waiting_in_words(found.waiting_since, moment)
    if Status(found.status) is Status.WAITING:
        status = waits or status
    else:
        reason = waits.lower() or reason
    return ConversationRow(
        id=str(found.id),
        name=visitor_name(found),
        preview=_preview(item),
        when=in_words(found.last_message_at, moment).removesuffix(" ago"),
        moment=exactly(found.last_message_at),
        tone=tone,
        status=status,
        reason=reason,
        is_unread=item.is_unread,
    )


def _preview(item: InboxItem) -> str:
    """What a person said last: the assistant's words, such as that it hands over, are often the same."""
    said = " ".join((item.said or item.preview).split())
    # All of a name would leave no room for the words.
    first = next(iter(item.said_by.split()), "")
    return f"{first}: {said}" if first and said else said or "No message yet"


def past_row(past: PastConversation, moment: datetime) -> PastRow:
    tone, status = STATUSES[Status(past.status)]
    when = in_words(past.last_message_at, moment)
    page = page_in_words(past.page_url)
    return PastRow(str(past.id), f"{when}{f' · {page}' if page else ''}", tone, status)


def mention_row(mention: MentionView, moment: datetime) -> MentionRow:
    return MentionRow(
        str(mention.id),
        str(mention.conversation_id),
        mention.author_name,
        " ".join(mention.text.split()),
        in_words(mention.created_at, moment),
        mention.read_at is None,
    )


def passage_rows(message: TimelineMessage) -> list[PassageRow]:
    return [_passage(str(message.id), each) for each in message.citations if isinstance(each, dict)]


def entry_rows(
    timeline: Timeline,
    messages: tuple[TimelineMessage, ...],
    has_earlier: bool,
    names: Mapping[str, str],
    zone: tzinfo,
    threshold: float,
    known: Mapping[str, EntryRow],
) -> list[EntryRow]:
    """Messages, notes and changes in the order of time, under their days.

    Takes some milliseconds for each answer that is not in ``known``: call it in a thread.
    """
    begins = messages[0].created_at if messages and has_earlier else None
    beside: list[Line] = [*timeline.notes, *timeline.changes]
    lines: list[Line] = [*messages]
    lines += [line for line in beside if begins is None or line.created_at >= begins]
    # What happened because of a message stands after it, though both have the time of one transaction.
    lines.sort(key=lambda line: (line.created_at, isinstance(line, TimelineChange)))
    rows: list[EntryRow] = []
    asked, confidence = "", None
    for day, of_day in groupby(lines, key=lambda line: line.created_at.astimezone(zone).date()):
        rows.append(EntryRow(f"day-{day}", "day", f"{day:%A}, {day.day} {day:%B %Y}"))
        for line in of_day:
            if isinstance(line, TimelineMessage):
                rows.append(_message(line, zone, asked, known))
                if line.role == Sender.VISITOR.value:
                    asked = line.text
                elif line.role == Sender.BOT.value and line.confidence is not None:
                    confidence = line.confidence
            elif isinstance(line, TimelineNote):
                clock, moment = _times(line.created_at, zone)
                id, who = str(line.id), line.author_name
                rows.append(EntryRow(id, "note", line.text, who=who, time=clock, moment=moment))
            else:
                text = change_in_words(line, names, confidence, threshold)
                id = f"change-{line.created_at.timestamp()}-{line.to_status}"
                clock, moment = _times(line.created_at, zone)
                rows.append(EntryRow(id, "change", text, time=clock, moment=moment))
    return rows


def _message(message: TimelineMessage, zone: tzinfo, asked: str, known: Mapping[str, EntryRow]) -> EntryRow:
    id = str(message.id)
    time, moment = _times(message.created_at, zone)
    if message.role == Sender.SYSTEM.value:
        return EntryRow(id, "change", message.text, time=time, moment=moment)
    if message.role != Sender.BOT.value:
        kind = "visitor" if message.role == Sender.VISITOR.value else "member"
        asked, who = asked if kind == "member" else "", message.author_name
        return EntryRow(id, kind, message.text, who=who, time=time, moment=moment, asked=asked)
    rating = message.rating or ""
    asked = asked if message.confidence is not None else ""
    if id in known and known[id].asked == asked:
        return replace(known[id], rating=rating)
    passages = passage_rows(message)
    numbers = {int(passage.n) for passage in passages if passage.n.isdigit()}
    return EntryRow(
        id,
        "bot",
        message.text,
        html=render_answer(message.text, id, numbers),
        who="Assistant",
        confidence=percent(message.confidence) if message.confidence is not None else "",
        asked=asked,
        rating=rating,
        passages=passages,
        time=time,
        moment=moment,
    )


def _passage(message_id: str, stored: dict[str, Any]) -> PassageRow:
    n, score = str(stored.get("n", "")), stored.get("score")
    url = str(stored.get("url") or "")
    return PassageRow(
        n,
        source_button(message_id, int(n)) if n.isdigit() else f"source-{message_id}",
        str(stored.get("title") or "A passage"),
        url if url.startswith(("https://", "http://")) else "",
        str(stored.get("snippet") or ""),
        f"{score:.2f}" if isinstance(score, int | float) else "",
    )


def _times(moment: datetime, zone: tzinfo) -> tuple[str, str]:
    """By the clock, and exactly."""
    there = moment.astimezone(zone)
    return f"{there:%H:%M}", exactly(there)
