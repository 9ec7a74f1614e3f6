"""What a person's browser does with the twin's links, for tests that need no browser."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.twins.gotrue.state import Mail


class _Form(HTMLParser):
    """The first form of a page: where it goes, and what its hidden fields say."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action, self.hidden = "", dict[str, str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = named["action"]
        if tag == "input" and named.get("type") == "hidden":
            self.hidden[named["name"]] = named["value"]


async def click(link: Mail | str) -> str:
    """Follows a mail's link; returns where the browser is sent back to."""
    async with httpx.AsyncClient(timeout=30) as browser:
        answer = await browser.get(link.link if isinstance(link, Mail) else link)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def consent(
    authorize_url: str,
    email: str = "robin@example.com",
    *,
    name: str = "Robin Example",
    is_verified: bool = True,
    is_denied: bool = False,
) -> str:
    """Goes to the provider and answers its question; returns where the browser is sent back to."""
    async with httpx.AsyncClient(timeout=30) as browser:
        page = await browser.get(authorize_url, follow_redirects=True)
        form = _Form(page.raise_for_status().text)
        given = {**form.hidden, "email": email, "name": name, "answer": "deny" if is_denied else "allow"}
        if is_verified:
            given["verified"] = "on"
        to_callback = await browser.post(form.action, data=given)
        back = await browser.get(to_callback.headers["location"])
    assert back.is_redirect, back.text
    return back.headers["location"]


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def fragment_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).fragment))
