"""Owns the filter that a model's Markdown goes through, piece by piece, before anybody sees it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from helpninja_app.answers.known_urls import SPACELESS, KnownUrls, Word, is_email
from helpninja_app.answers.markdown_brackets import Closing, closing_bracket, destination, link

# The most that is ever held back, in characters: the text of a link and its address.
HOLD = 2_700
_LABEL = 500
_WORD_MOST = 2_048
_TARGET = 2_100
_CODE_SPAN = 400
_WIDE_MOST = 80
_BLANKS = 64
_NESTING = 3

_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_STOP = rf"\s\[\]<>\"`|\\{{}}^{SPACELESS}"
_WORD = re.compile(rf"(?:[^{_STOP}!]+|!(?!\[))+")
_TAG_END = re.compile(r"[<>]|\n[ \t]*\n")
_MARKER = re.compile(r"\s*\^?(\d{1,3})(?:\s*[,;]\s*\^?\d{1,3}|\s*[-–]\s*\d{1,3})*\s*")
_MARKER_PART = re.compile(r"(\d{1,3})(?:\s*[-–]\s*(\d{1,3}))?")
_WIDE_MARKER = re.compile(r"【\s*(\d{1,3})(?:[†:][^】\n]{0,60})?\s*】")
_SPACELESS = re.compile(f"[{SPACELESS}]")
_BACKTICKS = re.compile(rf"`{{1,{_CODE_SPAN}}}")
_TILDES = re.compile(rf"~{{1,{_CODE_SPAN}}}")
_CLOSING = frozenset(".,;:!?)。、，；：！？）」』")
_OPENING = frozenset("(\"'“„«*_—–")

Cite = Callable[[int], int | None]


class SafeMarkdown:
    """Takes Markdown in pieces of any size and gives it back without what a model must not say.

    Removed: images, HTML, addresses the passages do not contain (a link's text stays), reference
    definitions, invisible characters, citation markers that ``cite`` does not know. ``cite`` maps a marker's
    number to the one to show. The result does not depend on how the text was cut into pieces: every decision
    is taken on a construct's own characters, at most ``HOLD`` of them, and what is removed never joins what
    stood around it into something new. Code keeps its angle brackets, but not its unknown addresses.
    """

    def __init__(self, known: KnownUrls, cite: Cite, *, depth: int = 0) -> None:
        self._known = known
        self._cite = cite
        self._depth = depth
        self._buffer = ""
        self._final = False
        self._out: list[str] = []
        self._tail = ""
        self._blank = ""
        self._is_cut = False
        self._is_line_start = True
        self._indent = 0
        self._fence = ""
        self._is_swallowing = False

    def feed(self, text: str) -> str:
        """What can be shown now that ``text`` has come."""
        self._buffer += _INVISIBLE.sub("", text)
        return self._run()

    def finish(self) -> str:
        """The rest; nothing may be fed afterwards."""
        self._final = True
        return self._run()

    @property
    def held(self) -> int:
        """How many characters are held back."""
        return len(self._buffer) + len(self._blank)

    def _run(self) -> str:
        while self._buffer:
            used = self._step()
            if used == 0:
                break
            self._buffer = self._buffer[used:]
        shown, self._out = "".join(self._out), []
        return shown

    def _step(self) -> int:
        """Deal with the front of the buffer and say how much of it is done; 0 asks for more."""
        char = self._buffer[0]
        if self._is_swallowing:
            return self._swallow()
        if char.isspace():
            return self._white_space(char)
        if self._fence:
            return self._in_fence(char)
        match char:
            case "`":
                return self._backticks()
            case "~" if self._is_line_start and self._indent == 0:
                return self._tildes()
            case "<":
                return self._angle()
            case "[":
                return self._bracket(0)
            case "!":
                return self._exclamation()
            case "]":
                return self._stray_bracket()
            case "【":
                return self._wide_marker()
            case _:
                return self._word(in_code=False)

    def _white_space(self, char: str) -> int:
        if char == "\n":
            self._is_line_start, self._indent = True, 0
            if self._is_cut:
                self._blank = self._blank.rstrip(" ")
            if self._blank.count("\n") < 3:
                self._blank += char
        else:
            self._indent += 4 if char == "\t" else 1
            if not (self._is_cut and self._blank) and len(self._blank) < _BLANKS:
                self._blank += char
        return 1

    def _swallow(self) -> int:
        found = _WORD.match(self._buffer)
        if found is None:
            self._is_swallowing = False
            return self._step()
        end = found.end()
        # Whether a last exclamation mark belongs to the word is known with the character after it.
        is_open = end == len(self._buffer) and self._buffer.endswith("!") and not self._final
        return end - 1 if is_open else end

    def _word(self, *, in_code: bool) -> int:
        found = _WORD.match(self._buffer, 0, _WORD_MOST)
        if found is None:
            self._emit(self._buffer[0])
            return 1
        end = found.end()
        if end >= _WORD_MOST:
            # No answer has such a word; addresses that carry data away do.
            self._cut()
            self._is_swallowing = True
            return end
        if end == len(self._buffer) and not self._final:
            return 0
        word = found[0]
        read = self._known.read(word) or self._host_continued(word)
        if read is None:
            self._emit(word if in_code else re.sub("~{3,}", "~~", word))
        elif read.url is not None:
            self._emit(read.before + read.url + read.after)
        else:
            self._emit(read.before + ("…" if in_code else ""))
            if not in_code:
                self._cut()
            self._emit(read.after)
        return end

    def _host_continued(self, word: str) -> Word | None:
        """What ``word`` is when a host of a spaceless script began right before it, as in ``漢字.com/x``."""
        if self._blank or self._is_cut or not _SPACELESS.fullmatch(self._tail[-1:]):
            return None
        read = self._known.read(self._tail[-1] + word)
        return None if read is None or read.before else Word("", None, read.after)

    def _backticks(self) -> int:
        found = _BACKTICKS.match(self._buffer)
        run = found[0] if found else ""
        if len(run) == len(self._buffer) and not self._final and len(run) < _CODE_SPAN:
            return 0
        if len(run) >= 3 and self._is_line_start and self._indent == 0:
            opened = self._open_fence(run)
            if opened is not None:
                return opened
        line = self._buffer[:_CODE_SPAN].partition("\n")[0]
        is_whole = self._final or len(self._buffer) >= _CODE_SPAN or len(line) < len(self._buffer)
        for closing in re.finditer("`+", line[len(run) :]):
            start, end = closing.start() + len(run), closing.end() + len(run)
            if closing[0] != run or end >= _CODE_SPAN or self._tail.endswith("\\"):
                continue
            if end == len(self._buffer) and not self._final:
                return 0
            self._emit(run + self._code(line[len(run) : start]) + run)
            return end
        if not is_whole:
            return 0
        # Unpaired, it would pair with one further on and turn code into text.
        self._emit("'")
        return len(run)

    def _code(self, text: str) -> str:
        def checked(found: re.Match[str]) -> str:
            read = self._known.read(found[0])
            if read is None:
                return found[0]
            return read.before + (read.url or "…") + read.after

        return _WORD.sub(checked, text)

    def _tildes(self) -> int:
        found = _TILDES.match(self._buffer)
        run = found[0] if found else ""
        if len(run) == len(self._buffer) and not self._final and len(run) < _CODE_SPAN:
            return 0
        opened = self._open_fence(run) if len(run) >= 3 else None
        return self._word(in_code=False) if opened is None else opened

    def _open_fence(self, run: str) -> int | None:
        """Begin a code block (CommonMark 4.5, unindented); ``None`` if this line does not."""
        line, newline, _ = self._buffer[:_CODE_SPAN].partition("\n")
        if not newline and not self._final and len(self._buffer) < _CODE_SPAN:
            return 0
        info = line[len(run) :]
        if len(line) >= _CODE_SPAN or "`" in info:
            return None
        self._emit(run + re.sub(r"[^\w+#\-]", "", info)[:30])
        self._fence = run
        return len(line)

    def _in_fence(self, char: str) -> int:
        if self._is_line_start and self._indent <= 3 and char == self._fence[0]:
            line, newline, _ = self._buffer[:_CODE_SPAN].partition("\n")
            if not newline and not self._final and len(self._buffer) < _CODE_SPAN:
                return 0
            closing = line.rstrip()
            if len(line) < _CODE_SPAN and closing.strip(char) == "" and len(closing) >= len(self._fence):
                self._emit(closing)
                self._fence = ""
                return len(line)
        return self._word(in_code=True)

    def _angle(self) -> int:
        if len(self._buffer) == 1:
            if self._final:
                self._emit("<")
            return int(self._final)
        if not (self._buffer[1].isalpha() or self._buffer[1] in "/!?"):
            self._emit("<")
            return 1
        found = _TAG_END.search(self._buffer, 1, _LABEL)
        if found is None and not self._final and len(self._buffer) < _LABEL:
            return 0
        if found is None or found[0] != ">":
            self._emit("<")
            self._is_cut = True
            return 1
        inner = self._buffer[1 : found.start()]
        url = self._known.find(html.unescape(inner))
        if url is not None:
            self._emit(f"<{url.removeprefix('mailto:')}>")
        elif is_email(inner):
            self._emit(inner)
        else:
            self._cut()
        return found.end()

    def _exclamation(self) -> int:
        if len(self._buffer) == 1 and not self._final:
            return 0
        return self._bracket(1) if self._buffer[1:2] == "[" else self._word(in_code=False)

    def _stray_bracket(self) -> int:
        """A closing bracket nobody opened, kept from closing one that is further back."""
        if len(self._buffer) == 1 and not self._final:
            return 0
        self._emit("]")
        if self._buffer[1:2] == "[":
            self._blank = " "
        return 1

    def _wide_marker(self) -> int:
        found = _WIDE_MARKER.match(self._buffer, 0, _WIDE_MOST)
        if found is None:
            if "】" not in self._buffer and not self._final and len(self._buffer) < _WIDE_MOST:
                return 0
            self._emit("【")
            return 1
        self._show_markers(found[1])
        return found.end()

    def _bracket(self, start: int) -> int:
        """A link, image, reference or citation that opens at ``start`` (1 behind an exclamation mark)."""
        label = closing_bracket(self._buffer, start, most=_LABEL, is_final=self._final)
        if label is None:
            return 0
        if label.end is None:
            return self._open_bracket(start, label)
        end = label.end
        if end == len(self._buffer) and not self._final:
            return 0
        text, following = self._buffer[start + 1 : end - 1], self._buffer[end : end + 1]
        target = Closing(None)
        if following == "(" or (following == "[" and not _MARKER.fullmatch(text)):
            paired = closing_bracket(self._buffer, end, most=_TARGET, is_final=self._final)
            if paired is None:
                return 0
            target = paired
        inside = "" if target.end is None else self._buffer[end + 1 : target.end - 1]
        if _MARKER.fullmatch(text) and not (start and following == "("):
            return self._citation(start, text, end, target, following, inside)
        if start:
            self._cut()
            return target.end or end
        if target.end is None:
            return self._plain_label(text, end, following)
        if following == "[":
            self._unwrap(text)
            return end if _MARKER.fullmatch(inside) else target.end
        url = self._known.find(destination(inside))
        if url is None:
            self._unwrap(text)
        else:
            self._emit(link(self._cleaned(text, cite=lambda _: None), url))
        return target.end

    def _open_bracket(self, start: int, label: Closing) -> int:
        if start:
            self._emit("!")
            self._is_cut = True
            return 1
        # Nothing closes it before the paragraph ends, or what does is out of sight.
        self._emit("(" if label.is_too_far else "[")
        return 1

    def _citation(self, start: int, text: str, end: int, target: Closing, following: str, inside: str) -> int:
        if start:
            self._emit("!")
            self._is_cut = True
        self._show_markers(text)
        if following == "(" and target.end is not None and not re.search(r"\s", inside.strip()):
            end = target.end
        return end

    def _plain_label(self, text: str, end: int, following: str) -> int:
        if following and following in "([:":
            self._unwrap(text)
        else:
            self._emit(f"[{self._cleaned(text, cite=self._cite)}]")
        return end

    def _unwrap(self, text: str) -> None:
        self._is_cut = True
        self._emit(self._cleaned(text, cite=self._cite))
        self._is_cut = True

    def _cleaned(self, text: str, *, cite: Cite) -> str:
        """``text`` of a label through a filter of its own."""
        if self._depth >= _NESTING:
            text = re.sub(r"[\[\]]", " ", text)
        inner = SafeMarkdown(self._known, cite, depth=self._depth + 1)
        # A label is inside a line, so nothing in it begins a block.
        inner._is_line_start = False
        text = re.sub(r"\s+", " ", text)
        return inner.feed(text) + inner.finish()

    def _show_markers(self, text: str) -> None:
        shown: list[int] = []
        for first, last in _MARKER_PART.findall(text):
            numbers = range(int(first), min(int(last or first), int(first) + 9) + 1)
            shown += [number for number in map(self._cite, numbers) if number is not None]
        if not shown:
            self._cut()
        for number in dict.fromkeys(shown):
            marker = f"[{number}]"
            if self._blank or not self._tail.endswith(marker):
                self._emit(marker)

    def _cut(self) -> None:
        """Something was taken out here."""
        self._is_cut = True
        self._is_line_start = False

    def _emit(self, text: str) -> None:
        if not text:
            return
        if not self._tail:
            self._blank = ""
        elif self._is_cut:
            is_closing = all(char in _CLOSING for char in text)
            if self._blank and is_closing and "\n" not in self._blank:
                self._blank = ""
            elif not self._blank and not is_closing and self._tail[-1] not in _OPENING:
                self._blank = " "
        if not self._blank and not self._fence and self._would_join(text):
            self._blank = " "
        self._out.append(self._blank + text)
        self._tail = (self._tail + self._blank + text)[-8:]
        self._blank = ""
        self._is_cut = False
        self._is_line_start = False

    def _would_join(self, text: str) -> bool:
        """Whether ``text`` would become a link's address, a definition or an image's label right here."""
        return (self._tail.endswith("]") and text[0] in "(:") or (self._tail.endswith("!") and text[0] == "[")
