"""Sends originals: through this server and after its checks, whatever they are kept in."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from helpninja_app.errors import NotFound
from helpninja_app.kernel.files import Files


class OriginalFile(FileResponse):
    """A file that is let go of once it was sent, or once whoever asked for it left."""

    def __init__(self, *arguments: Any, held: AsyncExitStack, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A server that takes the path alone reads the file later, when it may be gone.
        extensions = {**scope.get("extensions", {})}
        extensions.pop("http.response.pathsend", None)
        async with self._held:
            await super().__call__({**scope, "extensions": extensions}, receive, send)


async def send_original(files: Files, key: str | None, filename: str | None) -> OriginalFile:
    """Always as a download, never shown on our own origin; ``NotFound`` where there is none."""
    if key is None:
        raise NotFound("This document has no file.")
    async with AsyncExitStack() as stack:
        try:
            path = await stack.enter_async_context(files.open(key))
        except FileNotFoundError:
            raise NotFound("This document has no file.") from None
        return OriginalFile(
            path,
            held=stack.pop_all(),
            media_type="application/octet-stream",
            filename=filename or "document",
            headers={"x-content-type-options": "nosniff", "cache-control": "private, no-store"},
        )
