"""Owns which web addresses an answer may show: those the retrieved passages came from or contain."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from helpninja_app.answers.passages import Passage

# Scripts written without spaces: an address ends where they begin, and a word is one character.
SPACELESS = (
    "\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u3130-\u318f\u31a0-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
)
_WORD = re.compile(rf"[^\s\[\]<>\"`|\\{{}}^{SPACELESS}]+")
# The endings that programs make a link of without being asked; other words with a dot are left alone.
_DOMAINS = (
    "com|net|org|info|biz|io|co|ai|app|dev|me|shop|store|site|online|website|live|link|click|xyz|top|ru|cn"
)
_ADDRESS = re.compile(
    rf"""(?ix)
      [a-z][a-z0-9+.\-]*://                                   # any scheme
    | (?<![:\w])/{{2,}}[\w\[]                                   # the page's own scheme
    | (?:(?<=[:])|(?<=\w))/{{2,}}\w                             # the rest of an address that was taken apart
    | \b(?:javascript|vbscript|file|blob|mailto|tel|sms|https?|ftps?|wss?|intent|view-source):\S
    | \bdata:[\w.+\-]*[/;,]
    | \bwww\d?\.\w
    | (?<![\w.\-])[\w\-]+(?:\.[\w\-]+)*\.                       # example.com/path
      (?!(?:js|ts|json|css|html?|txt|csv|ya?ml)\b)[a-z]{{2,}}\.?(?::\d+)?[/?\#]\w
    | (?<![@\w.\-])[\w\-]+(?:\.[\w\-]+)*\.(?:{_DOMAINS})\b(?!@)       # example.com
    """
)
# Every address has one of these; most words have none.
_MARKS = re.compile("[:/.]")
_SHOWN_SCHEME = re.compile(r"(?i)(?:https?://|mailto:|tel:)")
_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_TRAILING = ".,;:!?'\")]}*_~…’”»"
_FORBIDDEN = re.compile(r"[\s\\<>\"`\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word with an address in it; ``url`` is how to show it, ``None`` if no passage contains it."""

    before: str
    url: str | None
    after: str


class KnownUrls:
    """The addresses of the passages, found again in whatever spelling a model gives them."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        self._by_key: dict[str, str] = {}
        for passage in passages:
            if passage.url is not None:
                self._add(passage.url)
            for word in _WORD.findall(passage.text):
                plain = html.unescape(word)
                found = _ADDRESS.search(plain) if _MARKS.search(plain) else None
                if found is not None:
                    self._add(_without_trailing(plain[found.start() :]))
            for address in _EMAIL.findall(passage.text):
                self._add(f"mailto:{address}")

    def find(self, address: str) -> str | None:
        """The passages' spelling of exactly this address, ``None`` if they do not contain it."""
        key = _key(address)
        return self._by_key.get(key) if key is not None else None

    def read(self, word: str) -> Word | None:
        """What to make of ``word`` (no white space); ``None`` if it holds no address, in any disguise."""
        plain = word if word.isascii() and "&" not in word else _undisguised(word)
        found = _ADDRESS.search(plain) if _MARKS.search(plain) else None
        if found is None:
            return None
        before, address = plain[: found.start()], plain[found.start() :]
        end = len(address)
        while end > 0:
            url = self.find(address[:end])
            if url is not None:
                has_scheme = _SHOWN_SCHEME.match(address) is not None
                return Word(before, url if has_scheme else address[:end], address[end:])
            if address[end - 1] not in _TRAILING:
                break
            end -= 1
        kept = before if plain == word else ""
        return Word(kept, None, address[end:] if plain == word else "")

    def _add(self, address: str) -> None:
        key = _key(address)
        if key is not None:
            spelling = address if _SHOWN_SCHEME.match(address) else f"https://{address.lstrip('/')}"
            self._by_key.setdefault(key, spelling)


def is_email(text: str) -> bool:
    """Whether ``text`` is an e-mail address and nothing else."""
    return _EMAIL.fullmatch(text) is not None


def _undisguised(word: str) -> str:
    """``word`` without entities (also nested ones) and invisible characters."""
    plain = word
    for _ in range(3):
        decoded = html.unescape(plain)
        if decoded == plain:
            break
        plain = decoded
    return "".join(char for char in plain if unicodedata.category(char) != "Cf")


def _without_trailing(address: str) -> str:
    """``address`` without the punctuation of the sentence around it; a bracket it opened itself stays."""
    while address and address[-1] in _TRAILING:
        if address[-1] == ")" and address.count("(") >= address.count(")"):
            break
        address = address[:-1]
    return address


def _key(address: str) -> str | None:
    """What two spellings of one address have in common; ``None`` for what is never shown.

    Scheme and host ignore case, http and https count as one, as do a path with and without a last slash.
    """
    if not address or _FORBIDDEN.search(address):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme in ("mailto", "tel"):
        return f"{scheme}:{parts.path.lower()}?{parts.query}" if parts.path else None
    if scheme not in ("", "http", "https"):
        # "example.com:8080/path" reads as a scheme.
        return None if "." not in scheme else _key(f"https://{address}")
    if not parts.netloc:
        return _key(f"//{address}") if not scheme and not address.startswith("/") else None
    if parts.username is not None or not parts.hostname:
        return None
    host = parts.hostname.rstrip(".")
    where = host if port in (None, 80, 443) else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"//{where}{parts.path.rstrip('/')}{query}{fragment}"
