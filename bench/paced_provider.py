"""A model provider that only speaks: OpenAI's chat completions, in paced chunks, as cheaply as can be.

python -m bench.paced_provider PORT FIRST_MS EVERY_MS CHUNKS
"""

from __future__ import annotations

import asyncio
import json
import sys

MODEL = "gpt-4o-mini"


def chunk_of(text: str | None, finish: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    delta = {"content": text} if text is not None else {}
    body = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}],
        "usage": usage,
    }
    data = f"data: {json.dumps(body)}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


_DONE = b"data: [DONE]\n\n"
_END = b"%x\r\n%s\r\n0\r\n\r\n" % (len(_DONE), _DONE)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


async def serve(port: int, first_ms: float, every_ms: float, chunks: int) -> None:
    """Answer every request with ``chunks`` words, the first after ``first_ms``, then every ``every_ms``."""
    words = [chunk_of(f"word{n} ") for n in range(chunks)]
    last = chunk_of(None, "stop") + chunk_of(None, usage={"prompt_tokens": 60, "completion_tokens": chunks})

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        await reader.readexactly(int(line.split(b":")[1]))
                writer.write(HEAD)
                await asyncio.sleep(first_ms / 1000)
                for word in words:
                    writer.write(word)
                    await writer.drain()
                    if every_ms:
                        await asyncio.sleep(every_ms / 1000)
                writer.write(last + _END)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    port, first_ms, every_ms, chunks = sys.argv[1:]
    asyncio.run(serve(int(port), float(first_ms), float(every_ms), int(chunks)))
