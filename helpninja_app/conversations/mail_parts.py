"""Takes a mail (RFC 5322, MIME) apart in time that grows with its size only, whatever somebody made of it.

The parser of the standard library makes an object of every part and looks at each line once for every part
around it: a mail of a megabyte holds it for a minute. Here the parts are found by their delimiters, counted
before they are read, and what is read of each has an end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message as MimePart
from email.parser import BytesHeaderParser
from itertools import islice

from helpninja_app.errors import Invalid

MAX_HEAD = 256_000
MAX_PARTS = 100
MAX_DEPTH = 10
MAX_CODED = 600_000
"""Bytes of one part that are read, as they came: a line of answer may lie under much of a style sheet."""
_MAX_PART_HEAD = 8_000
_MAX_FIELD = 4_000
_EMPTY_LINE = re.compile(rb"^\r?\n", re.MULTILINE)
# Those that people write in. Of the others Python knows some take squares of the time (punycode).
_CHARSETS = re.compile(
    r"utf[-_]?8|(us-)?ascii|latin-?\d+|iso[-_]?8859[-_]?\d+(-[ei])?|(windows|cp)-?125\d|iso-2022-jp(-\w+)?"
    r"|s(hift)?[-_]?jis|cp932|euc[-_]\w+|gb\w+|big5[-_]?\w*|koi8[-_]\w"
)


@dataclass(frozen=True, slots=True)
class Part:
    """What holds no other parts. ``coded`` is its beginning, and empty when it is a file."""

    head: MimePart
    coded: bytes
    is_file: bool

    @property
    def words(self) -> str:
        self.head.set_payload(self.coded.decode("ascii", "surrogateescape"))
        body = self.head.get_payload(decode=True)
        charset = self.head.get_content_charset("utf-8")
        if not isinstance(body, bytes):
            return ""
        return storable(body.decode(charset if _CHARSETS.fullmatch(charset) else "utf-8", "replace"))


def storable(words: str) -> str:
    """Neither NUL nor half a surrogate pair can be stored."""
    return words.replace("\0", "").encode("utf-8", "replace").decode()


def parts_of(raw: bytes) -> Iterator[Part]:
    """In their order. A mail within the mail is a file of it: what others wrote there is no answer."""
    left, open_parts = MAX_PARTS, [(0, len(raw), 0, "text/plain")]
    while open_parts:
        begin, end, depth, kind = open_parts.pop()
        head, body = read_head_at(raw, begin, end, MAX_HEAD if depth == 0 else _MAX_PART_HEAD)
        head.set_default_type(kind)
        is_multiple = head.get_content_maintype() == "multipart"
        if _is_file(head, is_multiple=is_multiple):
            yield Part(head, b"", is_file=True)
        elif not is_multiple:
            yield Part(head, raw[body : min(end, body + MAX_CODED)], is_file=False)
        elif boundary := head.get_boundary():
            within = spans(raw, body, end, boundary, most=left)
            left -= len(within)
            if within and depth == MAX_DEPTH:
                raise Invalid("This mail cannot be read: its parts lie too deep within each other.")
            kind = "message/rfc822" if head.get_content_type() == "multipart/digest" else "text/plain"
            open_parts.extend((*each, depth + 1, kind) for each in reversed(within))


def read_head_at(raw: bytes, begin: int, end: int, most: int = _MAX_PART_HEAD) -> tuple[MimePart, int]:
    """The fields at the head of ``raw[begin:end]``, and where what follows them begins."""
    empty = _EMPTY_LINE.search(raw, begin, min(end, begin + most))
    if empty is None and end - begin > most:
        raise Invalid("This mail cannot be read: its head is too long.")
    # The older policy: it leaves fields alone until they are asked for, and these by simpler rules.
    head = BytesHeaderParser().parsebytes(raw[begin : empty.start() if empty else end])
    for name in ("content-type", "content-disposition", "content-transfer-encoding"):
        # Their parameters take squares of the time.
        if len(str(head.get(name, ""))) > _MAX_FIELD:
            raise Invalid("This mail cannot be read: a line of its head is too long.")
    return head, empty.end() if empty else end


def spans(raw: bytes, begin: int, end: int, boundary: str, *, most: int = MAX_PARTS) -> list[tuple[int, int]]:
    """Where the parts between delimiters begin and end; ``Invalid`` when these are more than ``most``."""
    mark = re.escape(boundary.encode("utf-8", "surrogateescape"))
    # A line begins after an end of line, also the first: what is empty ends a head. Looked for with it,
    # since what begins with letters that are known is found quickly.
    delimiter = re.compile(rb"\n--" + mark + rb"(--)?[ \t]*\r?(?=\n|\Z)")
    found: list[tuple[int, int]] = []
    marks = list(islice(delimiter.finditer(raw, max(begin - 1, 0), end), most + 2))
    for each, after in zip(marks, [*marks[1:], None], strict=True):
        if each[1]:
            break
        stop = after.start() if after else end
        found.append((min(each.end() + 1, stop), stop - raw.endswith(b"\r", each.end(), stop)))
    if len(found) > most:
        raise Invalid("This mail cannot be read: it has too many parts.")
    return found


def _is_file(head: MimePart, *, is_multiple: bool) -> bool:
    if head.get_content_disposition() == "attachment" or head.get_content_maintype() == "message":
        return True
    return not is_multiple and bool(head.get_filename())
