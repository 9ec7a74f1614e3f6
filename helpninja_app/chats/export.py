"""A chat as a file to keep: Markdown to read, JSON for programs."""

from __future__ import annotations

import json
import re
from typing import Literal

from helpninja_app.chats.library import ChatMessageView, ChatThread
from helpninja_app.chats.models import MessageState, Role

Format = Literal["md", "json"]

_NOT_IN_NAMES = re.compile(r"[^\w\-]+")
_NAME_LENGTH = 60
_STATES = {
    MessageState.INTERRUPTED: "interrupted",
    MessageState.FAILED: "failed",
    MessageState.WRITING: "still being written",
}


def export_chat(thread: ChatThread, form: Format) -> str:
    """The whole chat, oldest message first; times are ISO 8601 in UTC."""
    return _markdown(thread) if form == "md" else _json(thread)


def filename_of(thread: ChatThread, form: Format) -> str:
    """A name for the file, after the chat's title: letters, digits and hyphens."""
    name = _NOT_IN_NAMES.sub("-", thread.chat.title).strip("-")[:_NAME_LENGTH].strip("-")
    return f"{name or 'chat'}.{form}"


def _markdown(thread: ChatThread) -> str:
    parts = [f"# {thread.chat.title}"]
    if thread.preference:
        parts.append("\n".join(f"> {line}" for line in thread.preference.splitlines()))
    for message in thread.messages:
        who = "You" if message.role is Role.USER else message.model
        state = _STATES.get(message.state)
        note = f" ({state})" if state else ""
        parts.append(f"## {who}, {message.created_at:%Y-%m-%d %H:%M} UTC{note}")
        parts.append(message.text or message.reason or "No text.")
        if message.citations:
            parts.append("\n".join(_source(citation) for citation in message.citations))
    return "\n\n".join(parts) + "\n"


def _source(citation: dict[str, object]) -> str:
    where = f": {citation['url']}" if citation.get("url") else ""
    return f"[{citation['n']}] {citation['title']}{where}"


def _json(thread: ChatThread) -> str:
    chat = thread.chat
    return json.dumps(
        {
            "id": str(chat.id),
            "title": chat.title,
            "createdAt": chat.created_at.isoformat(),
            "updatedAt": chat.updated_at.isoformat(),
            "preference": thread.preference,
            "documentIds": [str(each) for each in thread.document_ids],
            "messages": [_message(message) for message in thread.messages],
        },
        ensure_ascii=False,
        indent=2,
    )


def _message(message: ChatMessageView) -> dict[str, object]:
    return {
        "id": str(message.id),
        "role": message.role.value,
        "content": message.text,
        "state": message.state.value,
        "model": message.model or None,
        "finish": message.finish or None,
        "credits": message.credits,
        "usage": {"inputTokens": message.input_tokens, "outputTokens": message.output_tokens},
        "citations": [
            {name: citation.get(name) for name in ("n", "title", "url", "snippet")}
            | {"documentId": citation.get("document_id")}
            for citation in message.citations
        ],
        "createdAt": message.created_at.isoformat(),
    }
