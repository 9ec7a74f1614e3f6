"""Owns the colours of code: which words of which languages get one of a few fixed classes."""

from __future__ import annotations

from html import escape

from pygments import lex  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import Token, _TokenType  # type: ignore[import-untyped]

# Longer code is shown without colours: reading it would take longer than they help.
LONGEST = 12_000
LANGUAGES = frozenset(
    [
        "bash",
        "c",
        "cpp",
        "csharp",
        "css",
        "diff",
        "go",
        "html",
        "http",
        "ini",
        "java",
        "javascript",
        "json",
        "kotlin",
        "php",
        "python",
        "ruby",
        "rust",
        "sql",
        "swift",
        "toml",
        "typescript",
        "xml",
        "yaml",
    ]
)
_NAMES = {
    "c++": "cpp",
    "c#": "csharp",
    "js": "javascript",
    "jsx": "javascript",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "ts": "typescript",
    "tsx": "typescript",
    "yml": "yaml",
}
# The first that holds the kind of a token decides.
_KINDS: tuple[tuple[_TokenType, str], ...] = (
    (Token.Comment, "hl-comment"),
    (Token.Keyword, "hl-keyword"),
    (Token.Operator.Word, "hl-keyword"),
    (Token.Literal.String, "hl-string"),
    (Token.Literal.Number, "hl-number"),
    (Token.Name.Tag, "hl-tag"),
    (Token.Name.Attribute, "hl-name"),
    (Token.Name.Function, "hl-name"),
    (Token.Name.Class, "hl-name"),
    (Token.Generic.Inserted, "hl-string"),
    (Token.Generic.Deleted, "hl-tag"),
)
CLASSES = frozenset(name for _, name in _KINDS)


def highlight(code: str, language: str, _attributes: str = "") -> str:
    """``code`` as HTML with ``span`` elements of ``CLASSES``; empty where it is to be shown plain."""
    name = language.strip().casefold()
    name = _NAMES.get(name, name)
    if name not in LANGUAGES or len(code) > LONGEST:
        return ""
    lexer = get_lexer_by_name(name, stripnl=False)
    return "".join(_coloured(kind, text) for kind, text in lex(code, lexer))


def _coloured(kind: _TokenType, text: str) -> str:
    shown = escape(text, quote=False)
    found = next((name for each, name in _KINDS if kind in each), "")
    return f'<span class="{found}">{shown}</span>' if found and text.strip() else shown
