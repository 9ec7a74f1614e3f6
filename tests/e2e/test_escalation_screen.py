"""The Escalation screen in a browser: an integration from its form to the outbox, rules and their tester."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from helpninja_app.demo.workspace import PUBLIC_KEY
from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import sign_in
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.site_thread import running_site
from tests.loopback_site import LoopbackSite, answer

pytestmark = pytest.mark.timeout(300)

SOON = 30_000
QUESTION = "How long do I have to return a jacket?"
RULES: tuple[dict[str, Any], ...] = (
    {
        "name": "Refunds at night",
        "action": "escalate",
        "condition": {
            "match": "all",
            "conditions": [
                {"fact": "keyword", "operator": "any", "values": ["refund*", "money back"]},
                {
                    "match": "any",
                    "conditions": [
                        {"fact": "time", "operator": "between", "from": "18:00", "to": "08:00"},
                        {"fact": "confidence", "operator": "below", "value": 0.7},
                    ],
                },
            ],
        },
    },
    {
        "name": "Checkout",
        "action": "notify",
        "condition": {
            "match": "any",
            "conditions": [{"fact": "page", "operator": "begins_with", "values": ["/checkout"]}],
        },
    },
)


@pytest.fixture(scope="module")
def site() -> Iterator[LoopbackSite]:
    with running_site() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def server(site: LoopbackSite) -> Iterator[DemoServer]:
    """One of its own, that may post to the site."""
    with running_demo(HELPNINJA_ALLOWED_PRIVATE_HOSTS=site.host) as running:
        yield running


@pytest.fixture
def api(server: DemoServer) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {server.api_key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
        yield client
        # Each test begins with none.
        for kind in ("integrations", "rules"):
            found = client.get(f"/api/{kind}").json()
            for each in found["rules"] if kind == "rules" else found:
                client.delete(f"/api/{kind}/{each['id']}").raise_for_status()


def open_tab(page: Page, server: DemoServer, name: str) -> Locator:
    page.goto(f"{server.url}/app/escalation")
    page.get_by_role("tab", name=name).click()
    panel = page.get_by_role("tabpanel", name=name)
    expect(panel.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=SOON)
    expect(panel.get_by_text("Loading", exact=True)).to_have_count(0, timeout=SOON)
    return panel


def escalated(api: httpx.Client, server: DemoServer) -> str:
    """The id of a conversation that a program asks a person for."""
    body = {"tenantId": PUBLIC_KEY, "sessionId": f"visitor-{uuid.uuid4()}", "message": QUESTION}
    asked = httpx.post(f"{server.url}/api/chat", json=body, headers={"origin": server.url}, timeout=60)
    conversation: str = asked.raise_for_status().json()["conversationId"]
    api.post("/api/escalate", json={"conversationId": conversation, "reason": "rule"}).raise_for_status()
    return conversation


def add(page: Page, kind: str) -> Locator:
    page.get_by_role("button", name="Add an integration").click()
    page.get_by_role("menuitem", name=kind).click()
    sheet = page.get_by_role("dialog", name=f"Send escalations to {kind}")
    expect(sheet.get_by_label("Name")).to_be_focused(timeout=SOON)
    return sheet


def test_an_integration_is_added_tried_and_what_failed_is_sent_again(
    page: Page, server: DemoServer, site: LoopbackSite, api: httpx.Client
) -> None:
    site.routes["/hooks/fernway"] = answer("ok")
    sign_in(page, server)
    panel = open_tab(page, server, "Integrations")
    expect(panel).to_contain_text("Escalations stand in the inbox alone")
    sheet = add(page, "Webhook")
    sheet.get_by_label("Address").fill("https://127.0.0.1/hook")
    sheet.get_by_role("button", name="Save").click()
    expect(sheet.get_by_text("Give it a name, so that you know it in the list.")).to_be_visible(timeout=SOON)
    expect(sheet.get_by_label("Secret", exact=True)).to_have_accessible_description(re.compile("needed"))
    expect(sheet.get_by_label("Address")).to_have_value("https://127.0.0.1/hook")
    assert findings(page) == []
    sheet.get_by_label("Name").fill("Warehouse")
    sheet.get_by_label("Address").fill(f"{site.url}/hooks/fernway")
    sheet.get_by_role("button", name="Make a secret").click()
    secret = sheet.get_by_label("Secret", exact=True).input_value()
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_be_hidden(timeout=SOON)
    row = panel.get_by_role("listitem").filter(has_text="Warehouse")
    expect(row).to_contain_text("Webhook · http")
    assert secret not in page.content()
    row.get_by_role("button", name="Send a test to Warehouse").click()
    expect(row.get_by_role("status")).to_contain_text("The test message was taken.", timeout=SOON)
    assert json.loads(site.requests[-1].body)["data"]["reason"] == "test"
    assert "webhook-signature" in site.requests[-1].headers
    site.routes["/hooks/fernway"] = answer("gone", status="410 Gone")
    conversation = escalated(api, server)
    expect(row).to_contain_text("Failing", timeout=SOON)
    page.goto(f"{server.url}/app")
    page.get_by_role("link", name="See what failed").click()
    outbox = page.get_by_role("tabpanel", name="Outbox")
    expect(outbox.get_by_role("radio", name="Failed")).to_be_checked(timeout=SOON)
    sent = outbox.get_by_role("table", name="Outbox").locator("tbody tr")
    expect(sent).to_have_count(1, timeout=SOON)
    expect(sent).to_contain_text("Failed", timeout=SOON)
    link = sent.get_by_role("link", name="by a rule").locator(":scope:visible")
    expect(link).to_have_attribute("href", f"/app/inbox?conversation={conversation}")
    assert findings(page) == []
    failed_again(page, server)
    site.routes["/hooks/fernway"] = answer("ok")
    outbox.get_by_text("All", exact=True).click()
    sent.get_by_role("button", name="Send again to Warehouse").click()
    expect(sent).to_contain_text("Sent", timeout=SOON)
    expect(outbox.get_by_role("heading", name="Outbox")).to_be_focused()
    page.get_by_role("tab", name="Integrations").click()
    expect(row).to_contain_text("The last escalation arrived")
    row.get_by_role("button", name="More for Warehouse").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("alertdialog", name="Delete Warehouse?").get_by_role("button", name="Delete").click()
    expect(panel).to_contain_text("Escalations stand in the inbox alone", timeout=SOON)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("Webhook · http", timeout=SOON)
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    row.get_by_role("button", name="Send a test to Warehouse").click()
    expect(row.get_by_role("status")).to_contain_text("The test message was taken.", timeout=SOON)
    assert secret not in page.content()


def test_a_rule_is_put_together_by_keyboard_and_tried(
    page: Page, server: DemoServer, api: httpx.Client
) -> None:
    sign_in(page, server)
    panel = open_tab(page, server, "Rules")
    panel.get_by_role("button", name="Add a rule").press("Enter")
    sheet = page.get_by_role("dialog", name="Add a rule")
    name = sheet.get_by_label("Name")
    expect(name).to_be_visible(timeout=SOON)
    sheet.get_by_role("button", name="Save").click()
    expect(sheet.get_by_text("Type a word.")).to_be_visible(timeout=SOON)
    name.fill("Refunds")
    sheet.get_by_label("Condition 1: words").fill("refund*, money back")
    sheet.get_by_role("button", name="Group, in All conditions").press("Enter")
    expect(sheet.get_by_label("Group 2: how many have to match")).to_be_focused(timeout=SOON)
    sheet.get_by_label("Condition 2: what it looks at").select_option("The confidence")
    sheet.get_by_label("Condition 2: number").fill("70")
    sheet.get_by_role("button", name="Condition, in Group 2").press("Enter")
    expect(sheet.get_by_label("Condition 3: what it looks at")).to_be_focused(timeout=SOON)
    sheet.get_by_label("Condition 3: what it looks at").select_option("The page")
    sheet.get_by_label("Condition 3: pages").fill("/checkout")
    # What was typed before the lines changed is still there.
    expect(sheet.get_by_label("Condition 1: words")).to_have_value("refund*, money back")
    trial = sheet.get_by_role("region", name="Try it before it is saved")
    trial.get_by_label("The visitor's question").fill("Two refunds, please.")
    trial.get_by_label("Page", exact=True).fill("https://shop.example/checkout/2")
    trial.get_by_label("Page", exact=True).press("Enter")
    expect(trial.get_by_role("status")).to_contain_text("“Refunds” asks for a person.", timeout=SOON)
    expect(trial.get_by_role("listitem").first).to_contain_text("Matches")
    assert api.get("/api/rules").json()["rules"] == []
    assert findings(page) == []
    sheet.get_by_label("Condition 3: pages").press("Enter")
    expect(sheet).to_be_hidden(timeout=SOON)
    sentence = (
        "Ask for a person when the question has “refund*” or “money back” and "
        "(the confidence is below 70 % or the page begins with “/checkout”)."
    )
    expect(panel.get_by_role("table", name="Rules")).to_contain_text(sentence)
    page.get_by_role("tab", name="Tester").click()
    tester = page.get_by_role("tabpanel", name="Tester")
    tester.get_by_label("The visitor's question").fill("Two refunds, please.")
    tester.get_by_label("Confidence in per cent").fill("90")
    tester.get_by_role("button", name="Try the rules").click()
    expect(tester.get_by_role("status")).to_contain_text("No rule does anything here.", timeout=SOON)
    tried = tester.get_by_role("list", name="Rules that were tried").get_by_role("listitem").first
    expect(tried).to_contain_text("Does not match")
    expect(tried).to_contain_text("The confidence is 90 %.")
    tester.get_by_label("Page", exact=True).fill("https://shop.example/checkout/2")
    tester.get_by_role("button", name="Try the rules").click()
    expect(tester.get_by_role("status")).to_contain_text("“Refunds” asks for a person.", timeout=SOON)
    conversation = escalated(api, server)
    tester.get_by_text("A conversation", exact=True).click()
    tester.get_by_label("Conversation", exact=True).fill(
        f"{server.url}/app/inbox?conversation={conversation}"
    )
    tester.get_by_role("button", name="Try the rules").click()
    expect(tester.get_by_role("status")).to_contain_text(QUESTION, timeout=SOON)


def test_rules_are_moved_by_keyboard_switched_off_changed_and_deleted(
    page: Page, server: DemoServer, api: httpx.Client
) -> None:
    for rule in RULES:
        api.post("/api/rules", json=rule).raise_for_status()
    sign_in(page, server)
    panel = open_tab(page, server, "Rules")
    rows = panel.get_by_role("table", name="Rules").locator("tbody tr")
    expect(rows.first).to_contain_text("Refunds at night")
    panel.get_by_role("button", name="Move up: Checkout").press("Enter")
    expect(rows.first).to_contain_text("Checkout", timeout=SOON)
    expect(panel.get_by_role("button", name="Move down: Checkout")).to_be_focused()
    rows.first.get_by_role("switch").click()
    expect(rows.first.get_by_role("switch")).not_to_be_checked(timeout=SOON)
    rows.nth(1).get_by_role("button", name="More for Refunds at night").click()
    page.get_by_role("menuitem", name="Change").click()
    sheet = page.get_by_role("dialog", name="Change a rule")
    expect(sheet.get_by_label("Condition 2: from")).to_have_value("18:00", timeout=SOON)
    sheet.get_by_label("Sat", exact=True).check()
    sheet.get_by_role("button", name="Remove condition 3").click()
    expect(sheet.get_by_label("Condition 3: number")).to_have_count(0)
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_be_hidden(timeout=SOON)
    expect(rows.nth(1)).to_contain_text("it is between 18:00 and 08:00 on Sat.")
    rows.first.get_by_role("button", name="More for Checkout").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("alertdialog", name="Delete the rule").locator(":scope:visible").get_by_role(
        "button", name="Delete"
    ).click()
    expect(rows).to_have_count(1, timeout=SOON)
    page.get_by_role("button", name="Undo").click()
    expect(rows.first).to_contain_text("Checkout", timeout=SOON)
    expect(rows).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_on_it_keeps_anybody_out(
    page: Page, server: DemoServer, api: httpx.Client, scheme: str, width: int
) -> None:
    mail = {"provider": "email", "name": "Support team", "credentials": {"to": "team@fernway.example"}}
    api.post("/api/integrations", json=mail).raise_for_status()
    for rule in RULES:
        api.post("/api/rules", json=rule).raise_for_status()
    escalated(api, server)
    page.set_viewport_size({"width": 1440, "height": 844})
    sign_in(page, server)
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    open_tab(page, server, "Integrations")
    for name in ("Integrations", "Rules", "Tester", "Outbox"):
        page.get_by_role("tab", name=name).click()
        panel = page.get_by_role("tabpanel", name=name)
        expect(panel).to_be_visible()
        if name == "Tester":
            panel.get_by_label("The visitor's question").fill("A refund")
            panel.get_by_label("Confidence in per cent").fill("50")
            panel.get_by_role("button", name="Try the rules").click()
            expect(panel.get_by_role("status")).to_contain_text("Refunds at night", timeout=SOON)
        assert findings(page, touch=width == 390) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    page.get_by_role("tab", name="Rules").click()
    page.get_by_role("button", name="More for Refunds at night").click()
    page.get_by_role("menuitem", name="Change").click()
    sheet = page.get_by_role("dialog", name="Change a rule")
    expect(sheet.get_by_label("Condition 2: from")).to_be_visible(timeout=SOON)
    assert findings(page, touch=width == 390) == []
    body = sheet.locator("> div").nth(1)
    assert body.evaluate("box => box.scrollWidth <= box.clientWidth")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def failed_again(page: Page, server: DemoServer) -> None:
    """The way to what failed leads there once more when something else was chosen, and in a new tab."""
    outbox = page.get_by_role("tabpanel", name="Outbox")
    outbox.get_by_text("All", exact=True).click()
    expect(outbox.get_by_role("radio", name="All")).to_be_checked(timeout=SOON)
    page.goto(f"{server.url}/app")
    page.get_by_role("link", name="See what failed").click()
    expect(outbox.get_by_role("radio", name="Failed")).to_be_checked(timeout=SOON)
    way_there = page.url
    page.goto("about:blank")
    page.goto(way_there)
    expect(outbox).to_be_visible(timeout=SOON)
    expect(outbox.get_by_role("radio", name="Failed")).to_be_checked(timeout=SOON)
