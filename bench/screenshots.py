"""Makes the pictures in docs/screenshots, from a demo that it starts and deletes itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.screenshot_knowledge import knowledge, knowledge_answer, knowledge_deleted, knowledge_search
from bench.screenshot_money import (
    billing,
    billing_free,
    billing_late,
    billing_used_up,
    billing_without_stripe,
)
from bench.screenshot_people import (
    escalation,
    escalation_rule,
    escalation_test,
    inbox,
    inbox_canned,
    inbox_chosen,
    inbox_context,
    inbox_list,
    inbox_rated,
    inbox_shared,
)
from bench.screenshot_programs import (
    api_keys,
    api_keys_made,
    integrate,
    webhook_editor,
    webhook_log,
    webhook_secret,
    webhooks,
)
from bench.screenshot_scenes import QUESTION, converse, dispatch, furnish
from bench.screenshot_talks import wait_for_people
from bench.screenshot_visitors import widget_rating, widget_reply, widget_waiting
from helpninja_app.demo.workspace import OWNER
from helpninja_app.kernel import failure_pages
from tests.e2e.conftest import CHROMIUM_FLAGS
from tests.e2e.dashboard_steps import search, sign_in
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.site_thread import running_site
from tests.e2e.test_accounts import PASSWORD, sign_up
from tests.e2e.widget_steps import OPEN_SHADOW, ask, open_widget
from tests.screens.billing_shop import environment_of, sell_everything
from tests.twins.stripe import StripeTwin

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
LARGEST = 300_000
PHONE = (390, 844)


@dataclass(frozen=True)
class Picture:
    """A file without its ending, how it is taken, and the window it is taken in (width, height)."""

    name: str
    take: Callable[[Page, DemoServer], None]
    window: tuple[int, int] = (1440, 900)
    scheme: Literal["light", "dark"] = "light"


def front_page(page: Page, server: DemoServer) -> None:
    page.goto(server.url)
    expect(page.get_by_role("link", name="Try it in the demo shop")).to_be_visible()


def public(path: str) -> Callable[[Page, DemoServer], None]:
    """A page that everybody may see."""

    def take(page: Page, server: DemoServer) -> None:
        page.goto(f"{server.url}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")

    return take


def invited(guest: str) -> Callable[[Page, DemoServer], None]:
    """An invite as the guest sees it, in a browser where nobody is signed in."""

    def take(page: Page, server: DemoServer) -> None:
        invite(page, server, guest)

    return take


def invite(page: Page, server: DemoServer, guest: str) -> None:
    sign_in(page, server)
    page.goto(f"{server.url}/app/team")
    page.get_by_label("E-mail address").fill(f"{guest}@fernway.example")
    page.get_by_role("main").get_by_role("button", name="Invite").click()
    link = page.get_by_label("The link of the invite").inner_text()
    page.context.clear_cookies()
    page.goto(link)
    expect(page.get_by_label("Choose a password")).to_be_visible()
    page.wait_for_load_state("networkidle")


def failed_page(page: Page, server: DemoServer) -> None:
    """What the server answers where it fails."""
    made = failure_pages.failed_page("01a2b3c4-0000-7000-8000-0123456789ab")
    page.route("**/app", lambda route: route.fulfill(status=500, body=made, content_type="text/html"))
    page.goto(f"{server.url}/app")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def two_factor(page: Page, server: DemoServer) -> None:
    """Being set up, on the account's page of somebody who has just signed up."""
    window = page.viewport_size
    assert window is not None
    # On a phone the name of the workspace, which signing up ends with, is in a drawer.
    page.set_viewport_size({"width": 1200, "height": 844})
    sign_up(page, server, "Fernway Outdoor")
    page.set_viewport_size(window)
    page.goto(f"{server.url}/app/account")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    page.get_by_role("heading", name="Two-factor sign-in").scroll_into_view_if_needed()


def managed(path: str) -> Callable[[Page, DemoServer], None]:
    """A page of the dashboard, with nothing on it still loading."""

    def take(page: Page, server: DemoServer) -> None:
        sign_in(page, server)
        page.goto(f"{server.url}/app/{path}")
        expect(page.locator("#sidebar")).to_contain_text("Fernway")
        expect(page.get_by_role("main").get_by_text("Loading", exact=True)).to_have_count(0)

    return take


def audit_log(page: Page, server: DemoServer) -> None:
    """With something in it: two invites."""
    sign_in(page, server)
    page.get_by_role("link", name="Team").click()
    for name in ("mara.kessler", "jonas.weber"):
        page.get_by_label("E-mail address").fill(f"{name}@fernway.example")
        page.get_by_role("main").get_by_role("button", name="Invite").click()
        expect(page.get_by_text(f"{name}@fernway.example", exact=True)).to_be_visible()
    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("table", name="Audit log").locator("tbody tr")).to_have_count(2)


def home(page: Page, server: DemoServer) -> None:
    sign_in(page, server)
    search(page, QUESTION)
    page.get_by_role("heading", level=1).click()  # takes the focus ring off the field


def gallery(page: Page, server: DemoServer) -> None:
    page.goto(f"{server.url}/dev/gallery#buttons")
    expect(page.get_by_role("heading", name="Buttons")).to_be_in_viewport()
    page.wait_for_load_state("networkidle")


def palette(page: Page, server: DemoServer) -> None:
    sign_in(page, server)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Go to a page, or do something")).to_be_focused()


def shop_with_widget(page: Page, server: DemoServer) -> None:
    page.add_init_script(OPEN_SHADOW)
    page.goto(f"{server.url}/demo")
    page.wait_for_function("window.HelpNinja")
    panel = open_widget(page)
    ask(panel, QUESTION)
    expect(panel.locator(".message.bot").last.locator("a.chip").first).to_be_visible()


def chat(page: Page, server: DemoServer) -> None:
    """A question and its answer, with the passages that it rests on."""
    chat_empty(page, server)
    page.get_by_label("Your question", exact=True).fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_visible()
    expect(page.locator("#chats")).to_contain_text(QUESTION)
    page.get_by_role("heading", level=1).click()


def chat_empty(page: Page, server: DemoServer) -> None:
    window = page.viewport_size
    assert window is not None
    page.set_viewport_size({"width": 1200, "height": 844})
    sign_in(page, server)
    page.set_viewport_size(window)
    page.goto(f"{server.url}/app/chat?chat=new")
    expect(page.get_by_role("list", name="Suggestions").get_by_role("button")).to_have_count(4)


def chat_citation(page: Page, server: DemoServer) -> None:
    """The passage beside the answer that rests on it."""
    chat(page, server)
    page.get_by_role("button", name="Passage 1").first.click()
    expect(page.get_by_role("link", name="Open the document")).to_be_visible()


def in_each_way(name: str, take: Callable[[Page, DemoServer], None]) -> tuple[Picture, ...]:
    """Light, dark and on a phone."""
    return (
        Picture(name, take),
        Picture(f"{name}-dark", take, scheme="dark"),
        Picture(f"{name}-phone", take, window=PHONE),
    )


# Of a server of its own.
WITHOUT_STRIPE = in_each_way("billing-without-stripe", billing_without_stripe)
PICTURES = (
    Picture("front", front_page),
    Picture("front-dark", front_page, scheme="dark"),
    Picture("front-phone", front_page, window=PHONE),
    Picture("sign-in", public("/sign-in")),
    Picture("sign-in-dark", public("/sign-in"), scheme="dark"),
    Picture("sign-in-phone", public("/sign-in"), window=PHONE),
    Picture("sign-up", public("/sign-up")),
    Picture("two-factor-code", public("/sign-in/code?next=/app")),
    Picture("two-factor", two_factor),
    Picture("two-factor-dark", two_factor, scheme="dark"),
    Picture("two-factor-phone", two_factor, window=PHONE),
    Picture("reset", public("/reset?token=a-link-that-was-mailed")),
    Picture("reset-dark", public("/reset?token=a-link-that-was-mailed"), scheme="dark"),
    Picture("not-found", public("/nothing-here")),
    Picture("not-found-phone", public("/nothing-here"), window=PHONE),
    Picture("error", failed_page),
    Picture("error-dark", failed_page, scheme="dark"),
    Picture("team", managed("team")),
    Picture("team-dark", managed("team"), scheme="dark"),
    Picture("team-phone", managed("team"), window=PHONE),
    Picture("settings", managed("settings"), window=(1440, 1500)),
    Picture("audit-log", audit_log),
    Picture("account", managed("account")),
    Picture("pricing", public("/pricing")),
    Picture("pricing-dark", public("/pricing"), scheme="dark"),
    Picture("pricing-phone", public("/pricing"), window=PHONE),
    Picture("billing", billing, window=(1440, 1900)),
    Picture("billing-dark", billing, window=(1440, 1900), scheme="dark"),
    Picture("billing-phone", billing, window=PHONE),
    Picture("billing-free", billing_free, window=(1440, 1180)),
    Picture("billing-free-phone", billing_free, window=(390, 2000)),
    Picture("billing-late", billing_late),
    Picture("billing-late-dark", billing_late, scheme="dark"),
    Picture("billing-late-phone", billing_late, window=PHONE),
    Picture("billing-used-up", billing_used_up),
    Picture("billing-used-up-dark", billing_used_up, scheme="dark"),
    Picture("billing-used-up-phone", billing_used_up, window=PHONE),
    Picture("operations", managed("operations")),
    Picture("home", home, window=(1440, 1180)),
    Picture("home-dark", home, window=(1440, 1180), scheme="dark"),
    Picture("home-phone", home, window=PHONE),
    # The empty ones first: a chat that was asked is listed from then on.
    *in_each_way("chat-empty", chat_empty),
    *in_each_way("chat", chat),
    *in_each_way("chat-citation", chat_citation),
    *in_each_way("inbox", inbox),
    Picture("inbox-list", inbox_list),
    Picture("inbox-list-phone", inbox_list, window=PHONE),
    Picture("inbox-chosen", inbox_chosen),
    Picture("inbox-chosen-dark", inbox_chosen, scheme="dark"),
    Picture("inbox-chosen-phone", inbox_chosen, window=PHONE),
    Picture("inbox-context-phone", inbox_context, window=PHONE),
    *in_each_way("inbox-canned", inbox_canned),
    Picture("inbox-rated", inbox_rated),
    Picture("inbox-rated-dark", inbox_rated, scheme="dark"),
    Picture("inbox-shared", inbox_shared),
    Picture("inbox-shared-phone", inbox_shared, window=PHONE),
    *in_each_way("knowledge", knowledge("Sources")),
    *in_each_way("knowledge-documents", knowledge("Documents")),
    *in_each_way("knowledge-curated", knowledge("Curated answers")),
    *in_each_way("knowledge-notes", knowledge("Notes")),
    *in_each_way("knowledge-search", knowledge_search),
    Picture("knowledge-answer", knowledge_answer),
    *in_each_way("escalation", escalation("Integrations")),
    *in_each_way("escalation-rules", escalation("Rules")),
    *in_each_way("escalation-rule", escalation_rule),
    *in_each_way("escalation-test", escalation_test),
    *in_each_way("escalation-outbox", escalation("Outbox")),
    *in_each_way("api-keys", api_keys),
    *in_each_way("webhooks", webhooks),
    *in_each_way("webhook-editor", webhook_editor),
    *in_each_way("webhook-log", webhook_log),
    # Each makes one, which the pictures before would show.
    *in_each_way("webhook-secret", webhook_secret),
    *in_each_way("knowledge-deleted", knowledge_deleted),
    Picture("api-keys-made", api_keys_made("Shop assistant")),
    Picture("api-keys-made-phone", api_keys_made("Stock list"), window=PHONE),
    Picture("gallery", gallery, window=(1440, 1180)),
    Picture("gallery-dark", gallery, window=(1440, 1180), scheme="dark"),
    Picture("palette", palette),
    Picture("demo-widget", shop_with_widget),
    Picture("demo-widget-dark", shop_with_widget, scheme="dark"),
    *in_each_way("widget-waiting", widget_waiting),
    *in_each_way("widget-reply", widget_reply),
    *in_each_way("widget-rating", widget_rating),
    # Last: the pages above would show who was invited.
    Picture("invite", invited("noor.haddad")),
    Picture("invite-phone", invited("ines.moreau"), window=PHONE),
)


def main(*names: str) -> None:
    """Take the pictures of these names, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        StripeTwin() as twin,
        running_site() as site,
        running_demo(
            **environment_of(twin), HELPNINJA_OPERATORS=OWNER, HELPNINJA_ALLOWED_PRIVATE_HOSTS=site.host
        ) as server,
        sync_playwright() as playwright,
    ):
        sell_everything(twin)
        twin.deliver_to = f"{server.url}/api/webhooks/stripe"
        converse(server)
        if not names or any(name.startswith("knowledge") for name in names):
            furnish(server)
        if not names or any(name.startswith(("inbox", "widget")) for name in names):
            wait_for_people(server)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("HELPNINJA_BROWSER"), args=CHROMIUM_FLAGS
        )
        # The pictures before would show who waits, and what is told of it.
        prepared = {"escalation": dispatch, "api-keys": integrate, "webhook": integrate}
        for picture in PICTURES:
            if names and picture.name not in names:
                continue
            for prepare in {prepared[each] for each in prepared if picture.name.startswith(each)}:
                prepare(server, site)
                prepared = {each: other for each, other in prepared.items() if other is not prepare}
            print(take(browser, picture, server), flush=True)
        apart = [picture for picture in WITHOUT_STRIPE if not names or picture.name in names]
        if apart:
            with running_demo() as other:
                for picture in apart:
                    print(take(browser, picture, other), flush=True)
        browser.close()


def take(browser: Browser, picture: Picture, server: DemoServer) -> str:
    """Take one picture; returns a line about it. Raises RuntimeError when its file is too large."""
    width, height = picture.window
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=picture.scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    picture.take(page, server)
    path = FOLDER / f"{picture.name}.png"
    page.screenshot(path=path, animations="disabled")
    context.close()
    size = path.stat().st_size
    if size > LARGEST:
        raise RuntimeError(f"{path.name} has {size:,} bytes; at most {LARGEST:,} are allowed.")
    return f"{path.name} {width} x {height}, {size / 1000:.0f} KB"


if __name__ == "__main__":
    main(*sys.argv[1:])
