"""Pages that need nothing but themselves: for browsers when the server failed, and where there is no page."""

from __future__ import annotations

import html
import posixpath
from collections.abc import Iterable

import structlog

from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.web import ASGIApp, Message, Receive, Scope, Send, is_below

log = structlog.get_logger(__name__)

# The colours are those of the tokens, which may be what could not be served.
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · HelpNinja</title><link rel="icon" type="image/svg+xml" href="/brand/mark.svg"><style>
:root {{ color-scheme: light dark; --bg: #ffffff; --text: #181c1a; --muted: #626b66; --border: #cfd4d1;
  --accent: #0b7a64; --on-accent: #ffffff; }}
@media (prefers-color-scheme: dark) {{ :root {{ --bg: #111413; --text: #e9ecea; --muted: #9aa39e;
  --border: #3a423e; --accent: #2fb598; --on-accent: #04150f; }} }}
body {{ margin: 0; background: var(--bg); color: var(--text);
  font: 14px/20px "Inter Variable", ui-sans-serif, system-ui, sans-serif; }}
main {{ max-width: 640px; margin: 0 auto; padding: 80px 20px; }}
h1 {{ margin: 0 0 8px; font-size: 28px; line-height: 36px; font-weight: 600; letter-spacing: -0.012em;
  text-wrap: balance; }}
p {{ margin: 0; color: var(--muted); }}
nav {{ display: flex; flex-wrap: wrap; gap: 8px; margin: 24px 0; }}
a {{ display: inline-flex; align-items: center; height: 40px; padding: 0 16px;
  border: 1px solid var(--border); border-radius: 8px; color: inherit; font-weight: 500;
  text-decoration: none; }}
a.first {{ border-color: var(--accent); background: var(--accent); color: var(--on-accent); }}
a:focus-visible {{ outline: 2px solid var(--accent); outline-offset: 2px; }}
code {{ font-family: ui-monospace, monospace; font-size: 12px; user-select: all; white-space: nowrap; }}
</style></head><body><main><h1>{title}</h1><p>{sentence}</p><nav>{links}</nav>{footnote}</main></body></html>
"""
_HOME = '<a href="/">Go to the front page</a>'


class FailurePages:
    """Answers a browser with a page where it would get a bare error: an exception, or a status from 500 on.

    ``hidden`` are prefixes below which there is nothing. Programs, which ask for no HTML, get what the app
    says. Nothing that went wrong is told but the request's id, under which it is logged.
    """

    def __init__(self, app: ASGIApp, *, hidden: Iterable[str] = ()) -> None:
        self._app = app
        self._hidden = tuple(hidden)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._is_hidden(scope):
            await _answer(send, scope, 404, not_found_page())
        elif _wants_page(scope):
            await self._guarded(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_hidden(self, scope: Scope) -> bool:
        # As whoever serves files reads it: `//dev` and `/x/../dev` are `/dev`.
        path = posixpath.normpath("/" + scope["path"].lstrip("/"))
        return any(is_below({"path": path}, prefix) for prefix in self._hidden)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = is_replaced = False

        async def replace_failures(message: Message) -> None:
            nonlocal has_begun, is_replaced
            if message["type"] == "http.response.start":
                has_begun = True
                is_replaced = message["status"] >= 500
                if is_replaced:
                    request_id = dict(message.get("headers", ())).get(b"x-request-id", b"").decode()
                    await _answer(send, scope, message["status"], failed_page(request_id), request_id)
            if not is_replaced:
                await send(message)

        try:
            await self._app(scope, receive, replace_failures)
        except Exception as error:
            if has_begun:
                raise
            request_id = str(new_id())
            log.error("request_failed", request_id=request_id, path=scope["path"], exc_info=error)
            await _answer(send, scope, 500, failed_page(request_id), request_id)


def failed_page(request_id: str) -> str:
    """The HTML for what failed; ``request_id`` may be empty."""
    footnote = (
        f"<p>Whoever looks after this installation finds it in the log by "
        f"<code>{html.escape(request_id)}</code>.</p>"
        if request_id
        else ""
    )
    return _PAGE.format(
        title="The server could not answer",
        sentence="Something failed on our side. Nothing you saved is lost; try it again in a moment.",
        # An empty address is this page's own.
        links=f'<a class="first" href="">Try again</a>{_HOME}',
        footnote=footnote,
    )


def not_found_page() -> str:
    return _PAGE.format(
        title="There is no page at this address",
        sentence="It may have moved, or the link was mistyped.",
        links=_HOME,
        footnote="",
    )


def _wants_page(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


async def _answer(send: Send, scope: Scope, status: int, page: str, request_id: str = "") -> None:
    body = page.encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if request_id:
        headers.append((b"x-request-id", request_id.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
