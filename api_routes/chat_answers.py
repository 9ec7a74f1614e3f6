"""The member form of ``/api/chat``: a question in, the private assistant's answer out as it is written."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api_routes.bodies import Body, JsonBody, has_visible_text
from api_routes.chat_streams import ChatStream
from api_routes.identity import resources_of, staff_caller
from helpninja_app.accounts.callers import require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.answers.catalogue import require_model
from helpninja_app.answers.standalone import Turn
from helpninja_app.chats.answering import answer_member
from helpninja_app.chats.turns import Ask
from helpninja_app.errors import FieldError, Invalid

# A whole conversation comes with each question of those who keep it themselves.
MAX_BYTES = 2_000_000
MAX_MESSAGES = 200
MAX_CONTENT = 200_000
MAX_DOCUMENTS = 50


KEY_HEADER = "Idempotency-Key"
KEY_PARAMETER = {
    "name": KEY_HEADER,
    "in": "header",
    "required": False,
    "description": (
        "A member's question that is sent again with the same key is asked once: its answer comes as it is"
        " stored, costing nothing, or 409 while it is written. One whose answer failed or broke off is asked"
        " anew in its place, as long as nothing was asked after it; what was asked and written until an"
        " answer was stopped or left is paid for. The widget's form has no use for it."
    ),
    "schema": {"type": "string", "pattern": r"^[!-~]{1,255}$"},
}
_KEY = re.compile(r"[!-~]{1,255}")


class ChatTurn(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    role: Literal["user", "assistant", "system"]
    content: str = Field(max_length=MAX_CONTENT)


class MemberQuestion(Body):
    """The dashboard's form; the last message is the question.

    With ``chatId`` what was said before is taken from the saved chat, whatever ``messages`` say. ``system``
    messages are the member's wishes, below our own instructions. ``replaces`` is the id of a question in that
    chat which this one stands for: it, and all that followed, counts no more. Where the new answer fails or
    has no text, that counts again, and the question in its place does not.
    """

    messages: list[ChatTurn] = Field(min_length=1, max_length=MAX_MESSAGES)
    chatId: str | None = Field(None, max_length=100)
    modelId: str | None = Field(None, max_length=200)
    documentIds: list[str] | None = Field(None, max_length=MAX_DOCUMENTS)
    allKnowledge: bool | None = Field(
        None,
        description="Whether to answer from all documents. A curated answer that matches is given then, free;"
        " its model is `curated`.",
    )
    replaces: str | None = Field(None, max_length=100)
    tenantId: str | None = Field(None, max_length=100)


async def answer_question(request: Request, body: JsonBody) -> Response:
    """Answer a member's question, streamed."""
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.USE_CHAT)
    wanted = body.parse(MemberQuestion)
    resources = resources_of(request)
    plan = resources.plan_of(caller.workspace)
    named = wanted.modelId
    model = resources.default_model() if named is None else resources.catalogue.find(named)
    require_model(plan, model)
    ask = replace(_ask(wanted), key=_key(request))
    events = answer_member(resources.chat_desk(caller.workspace), caller, ask, model)
    is_sse = "text/event-stream" in request.headers.get("accept", "")
    return ChatStream(events, is_sse=is_sse, stop=resources.stop_answer)


def _ask(wanted: MemberQuestion) -> Ask:
    spoken = [message for message in wanted.messages if message.role != "system"]
    wishes = [message.content for message in wanted.messages if message.role == "system"]
    errors = []
    if not spoken or spoken[-1].role != "user":
        errors.append(FieldError("body.messages", "The last message has to be the user's."))
    elif not has_visible_text(spoken[-1].content):
        errors.append(FieldError("body.messages", "The message is empty."))
    if wanted.replaces is not None and wanted.chatId is None:
        errors.append(FieldError("body.chatId", "Say in which chat the message is that this one replaces."))
    ids = {
        "chatId": _id("body.chatId", wanted.chatId, errors),
        "replaces": _id("body.replaces", wanted.replaces, errors),
    }
    documents = [_id("body.documentIds", each, errors) for each in wanted.documentIds or []]
    if errors:
        raise Invalid(errors=tuple(errors))
    return Ask(
        text=spoken[-1].content,
        chat_id=ids["chatId"],
        earlier=tuple(
            Turn("user" if message.role == "user" else "assistant", message.content)
            for message in spoken[:-1]
            if has_visible_text(message.content)
        ),
        preference="\n\n".join(wishes) if wishes else None,
        document_ids=tuple(each for each in documents if each is not None),
        uses_all_knowledge=wanted.allKnowledge,
        replaces=ids["replaces"],
    )


def _key(request: Request) -> str:
    """The header's value; empty where there is none."""
    key = request.headers.get(KEY_HEADER)
    if key is not None and not _KEY.fullmatch(key):
        error = FieldError(f"header.{KEY_HEADER}", "A key has 1 to 255 visible ASCII characters.")
        raise Invalid(errors=(error,))
    return key or ""


def _id(field: str, value: str | None, errors: list[FieldError]) -> UUID | None:
    try:
        return UUID(value) if value is not None else None
    except ValueError:
        errors.append(FieldError(field, "This is not a valid id."))
        return None
