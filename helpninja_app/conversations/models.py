"""Tables of conversations, their messages, changes of status and escalations."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, texts_column, time_column, workspace_column


class Status(StrEnum):
    """Who answers: the bot, the bot while a person is awaited, a person, or nobody any more."""

    BOT = "bot"
    WAITING = "waiting"
    HUMAN = "human"
    RESOLVED = "resolved"


class Contact(StrEnum):
    """Whether a visitor said who they are; when they are asked says ``contact.ask_for_contact``."""

    UNKNOWN = "unknown"
    ASKED = "asked"
    GIVEN = "given"
    DECLINED = "declined"


class Reason(StrEnum):
    """Why a person is asked for."""

    LOW_CONFIDENCE = "low_confidence"
    VISITOR_REQUEST = "visitor_request"
    NO_ANSWER = "no_answer"
    RULE = "rule"
    PROVIDER_ERROR = "provider_error"
    NEGATIVE_FEEDBACK = "negative_feedback"
    USAGE_LIMIT = "usage_limit"


class Sender(StrEnum):
    """The role column of a message."""

    VISITOR = "visitor"
    BOT = "bot"
    MEMBER = "member"
    SYSTEM = "system"


# Of a bot's messages, those that say how sure it was of the knowledge: small talk always is, of itself.
JUDGED_KINDS = ("answer", "declined")


class Conversation(SQLModel, table=True):
    """``is_signed`` once a visitor token proved its session: from then on only that token may continue it.

    An ``episode`` lasts until it is resolved; ``hand_backs`` counts how often it went to the bot within it.
    ``last_message_at`` is when something happened that brings it to the top: a message, a visitor's wish for
    a person, or that it came back; ``waiting_since`` is kept by ``waiting.py``. ``visitor_seen_id`` is the
    last message that was on the visitor's screen, ``visitor_mailed_id`` the last that was sent to them by
    mail. ``visitor_language`` and ``visitor_time_zone`` are what their browser says.
    """

    __tablename__ = "conversations"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    session_id: str
    is_signed: bool
    status: str = Status.BOT.value
    reason: str | None = None
    page_url: str = ""
    created_at: datetime = time_column()
    last_message_at: datetime = time_column()
    last_visitor_at: datetime | None = time_column(is_optional=True)
    waiting_since: datetime | None = time_column(is_optional=True)
    assignee_id: UUID | None = None
    episode: int = 1
    hand_backs: int = 0
    snoozed_until: datetime | None = time_column(is_optional=True)
    tags: list[str] = texts_column()
    visitor_name: str = ""
    visitor_email: str = ""
    visitor_language: str = ""
    visitor_time_zone: str = ""
    contact: str = Contact.UNKNOWN.value
    contact_asked_at: datetime | None = time_column(is_optional=True)
    csat: int | None = None
    csat_comment: str = ""
    visitor_seen_id: UUID | None = None
    visitor_mailed_id: UUID | None = None


class Message(SQLModel, table=True):
    """``author_name`` is what a visitor may know of the member who wrote it; ``client_id`` is the writer's
    own id for it, the same when it is sent again.
    """

    __tablename__ = "messages"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    role: str
    text: str
    kind: str = "message"
    confidence: float | None = None
    citations: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    author_id: UUID | None = None
    author_name: str = ""
    client_id: UUID | None = None
    rating: str | None = None
    created_at: datetime = time_column()


class ConversationTransition(SQLModel, table=True):
    """A change of status: who made it and why, and who had it before, and until when it was put off then."""

    __tablename__ = "conversation_transitions"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    from_status: str
    to_status: str
    actor: str
    reason: str
    assignee_before: UUID | None = None
    snoozed_before: datetime | None = time_column(is_optional=True)
    created_at: datetime = time_column()


# Named in migration 0021: until it is handed back once for each reason, and for each rule that only tells.
ASKED_ONCE = "escalations_once"


class Escalation(SQLModel, table=True):
    """That a person was asked for, and ``topic``, the question that was asked then.

    ``given`` has ``question``, ``answer``, ``confidence`` and ``refs`` where the conversation has none.
    With ``notice_of``, the id of a rule, nobody was asked for: that rule only told its destinations.
    """

    __tablename__ = "escalations"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    reason: str
    episode: int = 1
    hand_backs: int = 0
    topic: str = ""
    given: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    notice_of: UUID | None = None
    rule_name: str = ""
    created_at: datetime = time_column()


class ConversationNote(SQLModel, table=True):
    """What members tell each other about a conversation; no visitor sees it."""

    __tablename__ = "conversation_notes"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    author_id: UUID | None = None
    author_name: str
    text: str
    mentions: list[UUID] = Field(default_factory=list, sa_type=ARRAY(Uuid))
    client_id: UUID
    created_at: datetime = time_column()


class ConversationRead(SQLModel, table=True):
    """Until when a member has read a conversation; their own, and seen by nobody else."""

    __tablename__ = "conversation_reads"

    workspace_id: UUID = workspace_column()
    conversation_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True)
    read_at: datetime = time_column()


class ReplyThread(SQLModel, table=True):
    """A directory without policies: in which workspace a conversation is whose mails are answered."""

    __tablename__ = "reply_threads"

    conversation_id: UUID = Field(primary_key=True)
    workspace_id: UUID


class CannedReply(SQLModel, table=True):
    """A text that members answer with again and again; ``text`` may hold the variables of canned_text.py."""

    __tablename__ = "canned_replies"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    name: str
    text: str
    created_at: datetime = time_column()
    updated_at: datetime = time_column()


class ConversationShare(SQLModel, table=True):
    """A link that shows a conversation to whoever has it; ``created_by`` is a caller's label."""

    __tablename__ = "conversation_shares"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    created_by: str
    created_at: datetime = time_column()
    expires_at: datetime = time_column()
    revoked_at: datetime | None = time_column(is_optional=True)
    views: int = 0
    last_viewed_at: datetime | None = time_column(is_optional=True)


class ConversationShareHash(SQLModel, table=True):
    """Where the share of a token is, before its workspace is known."""

    __tablename__ = "conversation_share_hashes"

    token_hash: bytes = Field(primary_key=True)
    workspace_id: UUID
    share_id: UUID


class TranscriptMail(SQLModel, table=True):
    """A transcript that was asked for at an address, kept so that the queue holds ids only."""

    __tablename__ = "transcript_mails"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    email: str
    created_at: datetime = time_column()
    sent_at: datetime | None = time_column(is_optional=True)


class MentionNotice(SQLModel, table=True):
    """That a note mentions a member; theirs alone, and gone when they leave the workspace."""

    __tablename__ = "mention_notices"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    note_id: UUID
    user_id: UUID
    created_at: datetime = time_column()
    read_at: datetime | None = time_column(is_optional=True)
