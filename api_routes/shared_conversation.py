"""The public page behind a share link: what the visitor sees of one conversation, to read and no more."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api_routes.identity import resources_of, visitor_burst
from helpninja_app.answers.rendering import render_markdown
from helpninja_app.conversations.shares import GONE, SHARED_PATH, open_share
from helpninja_app.conversations.transcript import MOST_MESSAGES, Line, Transcript
from helpninja_app.errors import NotFound

router = APIRouter(include_in_schema=False)

LONGEST_TOKEN = 100
# Characters that are shown with their formatting; what comes after them is shown as it was written.
MOST_MARKDOWN = 300_000

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.6 system-ui,sans-serif;margin:0;background:Canvas;color:CanvasText}
main{max-width:44rem;margin:0 auto;padding:2rem 1rem}
h1{font-size:1.4rem}
article{margin:1rem 0;padding:.75rem 1rem;border:1px solid color-mix(in srgb,CanvasText 20%,Canvas);
border-radius:.75rem;overflow-wrap:anywhere}
article.visitor{margin-left:10%}
header{font-size:.85rem}
.said{white-space:pre-wrap}
pre{overflow-x:auto}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow, noarchive",
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-store",
}


# The token is in the query, which is not logged, as in the links of mails.
@router.get(SHARED_PATH)
async def shared(request: Request, token: str = "") -> HTMLResponse:
    """The page; the same one for a link that is unknown, revoked or over."""
    await visitor_burst(request)
    try:
        if not 0 < len(token) <= LONGEST_TOKEN or not token.isascii():
            raise NotFound(GONE)
        async with resources_of(request).database.unit_of_work() as session:
            transcript = await open_share(session, token)
    except NotFound:
        page = _page("Not here any more", f"<p>{html.escape(GONE)} Ask who sent it for a new one.</p>")
        return HTMLResponse(page, status_code=404, headers=_HEADERS)
    title = f"Conversation with {transcript.workspace_name}"
    # Thousands of messages take longer than others should wait.
    shown = await asyncio.to_thread(_shown, transcript)
    return HTMLResponse(_page(title, shown), headers=_HEADERS)


def _shown(transcript: Transcript) -> str:
    cut = f"<p>Only the last {MOST_MESSAGES:,} messages are here.</p>" if transcript.is_cut else ""
    shown, left = [], MOST_MARKDOWN
    for line in transcript.lines:
        left -= len(line.text)
        shown.append(_message(line, is_plain=left < 0))
    return cut + "".join(shown)


def _message(line: Line, *, is_plain: bool) -> str:
    moment = f"{line.created_at:%Y-%m-%d %H:%M} UTC"
    said = (
        f'<div class="said">{html.escape(line.text)}</div>'
        if line.role == "visitor" or is_plain
        else f"<div>{render_markdown(line.text)}</div>"
    )
    return (
        f'<article class="{line.role}"><header><strong>{html.escape(line.author)}</strong>'
        f' <time datetime="{line.created_at.isoformat()}">{moment}</time></header>{said}</article>'
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex, nofollow"><meta name="referrer" content="no-referrer">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{html.escape(title)}</h1>{body}</main></body></html>"
    )
