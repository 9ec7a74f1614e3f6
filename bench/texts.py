"""Owns the made-up pages and questions: sentences of the demo's help centre, shuffled by a fixed seed."""

from __future__ import annotations

import html
import random
import re
from functools import lru_cache

from helpninja_app.demo.workspace import SITE
from helpninja_app.knowledge.extraction.html_pages import extract_html
from helpninja_app.knowledge.extraction.text_files import extract_markdown
from helpninja_app.knowledge.sentences import split_sentences

_EXTRACT = {".html": extract_html, ".md": extract_markdown}
_FEWEST_WORDS = 5


@lru_cache(maxsize=1)
def sentences() -> tuple[str, ...]:
    """Every different sentence of the demo's help centre, without marks of headings, lists and tables."""
    found: dict[str, None] = {}
    for path in sorted((SITE / "help").iterdir()):
        extract = _EXTRACT.get(path.suffix)
        if extract is None:
            continue
        markdown = extract(path.read_bytes(), charset="utf-8", name=path.stem).markdown
        for line in markdown.splitlines():
            if line.startswith(("#", "|")):
                continue
            for sentence in split_sentences(re.sub(r"^\s*(?:[-*+]|\d+\.)\s+", "", line)):
                if len(sentence.split()) >= _FEWEST_WORDS:
                    found[" ".join(sentence.split())] = None
    return tuple(found)


def passage(chance: random.Random, words: int) -> str:
    """At least ``words`` words of whole sentences."""
    chosen: list[str] = []
    count = 0
    while count < words:
        sentence = chance.choice(sentences())
        chosen.append(sentence)
        count += len(sentence.split())
    return " ".join(chosen)


def questions(count: int, *, seed: int) -> list[str]:
    """Runs of 5 to 12 words of the same sentences: words that occur, in an order that occurs."""
    chance = random.Random(seed)
    made: list[str] = []
    while len(made) < count:
        words = chance.choice(sentences()).split()
        length = min(chance.randint(5, 12), len(words))
        start = chance.randint(0, len(words) - length)
        made.append(" ".join(words[start : start + length]))
    return made


def page(number: int, version: int = 0) -> str:
    """Page ``number`` as HTML: 150 to 300 words under headings, with what surrounds a text on a website.

    Another ``version`` is another text on the same page. The first paragraph says number and version.
    """
    chance = random.Random(number * 1_000_003 + version)
    sections = chance.randint(2, 3)
    words = chance.randint(150, 250) // sections
    title = f"Article {number}: {_heading(chance)}"
    body = "".join(
        f"<h2>{_heading(chance)}</h2><p>{html.escape(passage(chance, words))}</p>" for _ in range(sections)
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body>'
        '<header><nav><a href="/">Home</a> <a href="/sitemap.xml">All articles</a></nav></header>'
        f"<main><article><h1>{title}</h1><p>{stamp(number, version)}</p>{body}</article></main>"
        "<footer><p>All rights reserved.</p></footer></body></html>"
    )


def stamp(number: int, version: int) -> str:
    """The sentence by which a page and its version can be told."""
    return f"This is article {number} in edition {version} of the help centre."


def _heading(chance: random.Random) -> str:
    return html.escape(" ".join(chance.choice(sentences()).split()[:4]).strip(" .,:;"))
