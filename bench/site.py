"""A website on loopback in a process of its own: ``/sitemap.xml`` and the pages it names.

``python -m bench.site PAGES DELAY`` prints its port and serves until its input ends; each page takes up to
``DELAY`` seconds. A GET of ``/next`` gives every page its next version.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from urllib.parse import urlsplit

from bench.texts import page

_PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Site:
    """A running site; ``host`` is ``127.0.0.1:port``."""

    host: str

    @property
    def sitemap(self) -> str:
        return f"http://{self.host}/sitemap.xml"

    def publish_next_version(self) -> None:
        urllib.request.urlopen(f"http://{self.host}/next", timeout=10).close()


@contextmanager
def running_site(pages: int, *, delay: float = 0.0) -> Iterator[Site]:
    """A site with ``pages`` pages, for as long as the block runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.site", str(pages), str(delay)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_PROJECT,
        # Ctrl-C is for the benchmark, which then ends the site.
        start_new_session=True,
    )
    try:
        port = process.stdout.readline().strip() if process.stdout else ""
        yield Site(f"127.0.0.1:{int(port)}")
    finally:
        process.kill()
        process.communicate()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, pages: int, delay: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = pages
        self.delay = delay
        self.version = 0

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        # A crawler that was killed or has what it wanted is no error of the site.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        name, _, number = path.strip("/").partition("/")
        if path == "/sitemap.xml":
            self._answer(self._sitemap(), "application/xml")
        elif path == "/next":
            self.server.version += 1
            self._answer("next", "text/plain")
        elif name == "article" and number.isdigit() and int(number) < self.server.pages:
            time.sleep(self.server.delay * random.random())
            self._answer(page(int(number), self.server.version), "text/html; charset=utf-8")
        else:
            self._answer("There is no such page.", "text/plain", status=404)

    def _sitemap(self) -> str:
        origin = f"http://{self.headers['host']}"
        rows = "".join(
            f"<url><loc>{origin}/article/{number}</loc></url>" for number in range(self.server.pages)
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</urlset>'
        )

    def _answer(self, text: str, content_type: str, *, status: int = 200) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads the log of a benchmark's site."""


def main() -> None:
    server = _Server(int(sys.argv[1]), float(sys.argv[2]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
