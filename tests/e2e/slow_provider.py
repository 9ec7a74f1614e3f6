"""A provider of OpenAI's protocol that says one word after the other, and notes when it did and who left."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SlowProvider:
    """It answers 400 while it ``fails``, and says its ``pieces`` where it has some.

    ``said`` are the words of all answers. While it ``waits_for_readers`` it says a word at once for
    each ``next_word`` that is released, and else one after each ``pause``.
    """

    def __init__(self, words: int, pause: float) -> None:
        self.words, self.pause = words, pause
        self.url = ""
        self.fails = False
        self.pieces: list[str] = []
        self.said: list[str] = []
        self.waits_for_readers = False
        self.next_word = threading.Semaphore(0)
        self.was_left = threading.Event()

    @contextmanager
    def stopped_after(self, words: int) -> Iterator[None]:
        """Says so many words of the next answer, and the others once this is over."""
        self.waits_for_readers = True
        self.next_word.release(words)
        try:
            yield
        finally:
            self.waits_for_readers = False
            self.next_word.release()


@contextmanager
def running_slow_provider(*, words: int, pause: float) -> Iterator[SlowProvider]:
    provider = SlowProvider(words, pause)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            provider.was_left.clear()
            if provider.fails:
                self.send_response(400)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            try:
                words = [f"word{number} " for number in range(provider.words)]
                for piece in provider.pieces or words:
                    if provider.waits_for_readers:
                        provider.next_word.acquire()
                    provider.said.append(piece.strip())
                    self._say({"index": 0, "delta": {"content": piece}, "finish_reason": None})
                    if not provider.waits_for_readers:
                        time.sleep(provider.pause)
                self._say({"index": 0, "delta": {}, "finish_reason": "stop"})
                self._send(b"data: [DONE]\n\n")
                self._send(b"")
            except OSError:
                provider.was_left.set()
                self.close_connection = True

        def _say(self, choice: dict[str, object]) -> None:
            chunk = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "x"}
            self._send(f"data: {json.dumps(chunk | {'choices': [choice]})}\n\n".encode())

        def _send(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
