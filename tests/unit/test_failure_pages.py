"""A browser gets a page where the server failed, a program gets what the app says."""

from __future__ import annotations

from typing import Any

import pytest

from helpninja_app.kernel.failure_pages import FailurePages, failed_page
from helpninja_app.kernel.web import Receive, Scope, Send
from helpninja_app.screens.registry import DEVELOPMENT_ONLY, SCREENS
from tests.unit.test_web_guards import Page, call, headers_of, scope

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


class Broken:
    """Fails, before or after it began to answer."""

    def __init__(self, *, has_begun: bool = False) -> None:
        self.has_begun = has_begun

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.has_begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError("a secret detail")


def asked(path: str = "/", accept: str = BROWSER, method: str = "GET") -> dict[str, Any]:
    return scope(path, accept=accept) | {"method": method}


def body_of(sent: list[Any]) -> str:
    return b"".join(message.get("body", b"") for message in sent).decode()


async def test_an_exception_is_a_page_with_the_id_it_is_logged_under() -> None:
    sent = await call(FailurePages(Broken()), asked())
    assert sent[0]["status"] == 500
    assert "The server could not answer" in body_of(sent)
    assert "secret" not in body_of(sent)
    assert headers_of(sent)["x-request-id"] in body_of(sent)
    assert headers_of(sent)["content-length"] == str(len(body_of(sent).encode()))


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_status_of_failure_is_shown_as_a_page(status: int) -> None:
    app = Page(status, content_type="application/problem+json", x_request_id="0190-abc")
    sent = await call(FailurePages(app), asked("/api/auth/sign-in", method="POST"))
    assert (sent[0]["status"], len(sent)) == (status, 2)
    assert headers_of(sent)["content-type"].startswith("text/html")
    assert "0190-abc" in body_of(sent)


@pytest.mark.parametrize("status", [200, 303, 404, 422])
async def test_other_answers_are_left_alone(status: int) -> None:
    sent = await call(FailurePages(Page(status, location="/app")), asked())
    assert (sent[0]["status"], headers_of(sent), body_of(sent)) == (status, {"location": "/app"}, "")


async def test_a_program_gets_what_the_app_says() -> None:
    sent = await call(FailurePages(Page(503)), asked(accept="application/json"))
    assert (sent[0]["status"], body_of(sent)) == (503, "")
    with pytest.raises(LookupError):
        await call(FailurePages(Broken()), asked(accept="application/json"))


async def test_what_was_begun_is_not_begun_again() -> None:
    with pytest.raises(LookupError):
        await call(FailurePages(Broken(has_begun=True)), asked())


@pytest.mark.parametrize(
    ("path", "is_hidden"),
    [
        ("/dev/gallery", True),
        ("/dev/gallery/", True),
        ("/dev", True),
        ("//dev/gallery", True),
        ("/a/../dev", True),
        ("/developers", False),
        ("/app", False),
    ],
)
@pytest.mark.parametrize("accept", [BROWSER, "*/*"])
async def test_there_is_nothing_below_what_is_hidden(path: str, is_hidden: bool, accept: str) -> None:
    app = Page()
    sent = await call(FailurePages(app, hidden=DEVELOPMENT_ONLY), asked(path, accept))
    assert sent[0]["status"] == (404 if is_hidden else 200)
    assert app.was_asked is not is_hidden
    assert ("There is no page at this address" in body_of(sent)) is is_hidden


async def test_head_gets_no_body() -> None:
    sent = await call(FailurePages(Page(), hidden=("/dev",)), asked("/dev", method="HEAD"))
    assert (sent[0]["status"], body_of(sent)) == (404, "")


def test_the_id_of_a_request_cannot_become_html() -> None:
    assert "<b>" not in failed_page("<b>")


def test_the_gallery_is_there_in_development_only() -> None:
    [route] = [screen.route for screen in SCREENS if "gallery" in screen.route]
    assert route.startswith(tuple(f"{prefix}/" for prefix in DEVELOPMENT_ONLY))
