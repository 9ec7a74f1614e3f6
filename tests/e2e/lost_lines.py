"""A connection that is lost without a word, as on the way through a tunnel, and found again."""

from __future__ import annotations

import re

from playwright.sync_api import Page, WebSocketRoute


class Line:
    """The connection of a page; while it ``is_deaf`` nothing that the server says arrives, and nothing that
    the page says while it ``is_mute``."""

    def __init__(self, page: Page) -> None:
        self.is_deaf = self.is_mute = False
        self._sockets: list[WebSocketRoute] = []
        page.route_web_socket(re.compile("_event"), self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda said: None if self.is_deaf else socket.send(said))
        socket.on_message(lambda said: None if self.is_mute else server.send(said))
        self._sockets.append(socket)

    def break_off(self) -> None:
        """The page connects again by itself, hears and is heard."""
        self.is_deaf = self.is_mute = False
        self._sockets[-1].close()
