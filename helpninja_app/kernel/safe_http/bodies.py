"""Turns the bytes of an HTTP body into its content, counting both so that neither grows without end."""

from __future__ import annotations

import zlib
from typing import Literal

from helpninja_app.errors import FetchFailed

Encoding = Literal["identity", "gzip", "deflate"]

ACCEPT_ENCODING = "gzip, deflate"
_PIECE = 1 << 18
# Deflate reaches 1032:1 on zeros; text of any language stays under 30:1. Small bodies may be as regular
# as they like.
_MAX_RATIO = 250
_RATIO_APPLIES_FROM = 1 << 20


def content_encoding(header: str, host: str) -> Encoding:
    """The one encoding of a body; raises ``FetchFailed`` for stacked ones and those that were not offered."""
    match [
        name.strip().lower() for name in header.split(",") if name.strip().lower() not in ("", "identity")
    ]:
        case []:
            return "identity"
        case ["gzip" | "x-gzip"]:
            return "gzip"
        case ["deflate"]:
            return "deflate"
        case _:
            raise FetchFailed(f"{host} sent its answer in an encoding that was not asked for.")


def readable_size(count: int) -> str:
    """``10 MB``, ``512 KB`` or ``40 bytes``, rounded down."""
    for unit, size in (("MB", 1 << 20), ("KB", 1 << 10)):
        if count >= size:
            return f"{count // size} {unit}"
    return f"{count} bytes"


class BoundedBody:
    """Collects a body of at most ``max_bytes``, counted as they travel and again after decompression."""

    def __init__(self, *, encoding: Encoding, max_bytes: int, host: str) -> None:
        self._encoding = encoding
        self._max_bytes = max_bytes
        self._host = host
        self._received = 0
        self._content = bytearray()
        self._decoder = None if encoding == "identity" else _decompressor(encoding, b"")
        self._decoder_is_chosen = encoding == "gzip"

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the wire; raises ``FetchFailed`` past a cap or when they are damaged."""
        self._received += len(data)
        if self._received > self._max_bytes:
            raise self.too_large()
        if self._decoder is None:
            self._content += data
            return
        if data and not self._decoder_is_chosen:
            # "deflate" is zlib-wrapped by the standard, bare by habit of some servers (RFC 9110, 8.4.1.2).
            self._decoder, self._decoder_is_chosen = _decompressor(self._encoding, data), True
        while data:
            if self._decoder.eof:
                if self._encoding == "deflate" or not data.strip(b"\0"):
                    return
                self._decoder = _decompressor(self._encoding, data)
            data = self._inflate(self._decoder, data)

    @property
    def so_far(self) -> bytes:
        return bytes(self._content[: self._max_bytes])

    def finish(self) -> bytes:
        """The content; raises ``FetchFailed`` when a compressed body ended early."""
        if self._decoder is not None and self._received and not self._decoder.eof:
            raise FetchFailed(f"{self._host} sent a damaged compressed answer.", retryable=True)
        return bytes(self._content)

    def too_large(self) -> FetchFailed:
        return FetchFailed(f"The answer of {self._host} is too large: over {readable_size(self._max_bytes)}.")

    def _inflate(self, decoder: zlib._Decompress, data: bytes) -> bytes:
        while data and not decoder.eof:
            try:
                piece = decoder.decompress(data, _PIECE)
            except zlib.error as error:
                raise FetchFailed(f"{self._host} sent a damaged compressed answer.") from error
            self._content += piece
            data = decoder.unconsumed_tail
            size = len(self._content)
            if size > self._max_bytes:
                raise self.too_large()
            if size > _RATIO_APPLIES_FROM and size > _MAX_RATIO * self._received:
                raise FetchFailed(f"The answer of {self._host} unpacks to far more than it should.")
        return decoder.unused_data


def _decompressor(encoding: Encoding, start: bytes) -> zlib._Decompress:
    if encoding == "gzip":
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    is_zlib = len(start) < 2 or (start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0)
    return zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
