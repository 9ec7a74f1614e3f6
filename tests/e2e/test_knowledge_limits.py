"""Uploads that the plan has no room for, and one that is cancelled, as a browser shows them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from helpninja_app.billing.plans import FREE
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.test_accounts import sign_up
from tests.screens.billing_shop import environment_of, sell_everything
from tests.twins.stripe import StripeTwin

pytestmark = pytest.mark.timeout(300)

SOON = 60_000
PLANS = "/app/billing#plans"
TOO_LARGE = (
    "This file is larger than the 10 MB that the free plan takes. The pro plan takes up to 25 MB."
    " An owner can change the plan under Billing."
)


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    """One that sells plans: where nobody has to pay, the largest one is in force."""
    with StripeTwin() as twin, running_demo(**environment_of(twin)) as running:
        sell_everything(twin)
        yield running


def open_uploads(page: Page, server: DemoServer) -> Locator:
    page.goto(f"{server.url}/app/knowledge")
    page.get_by_role("button", name="Upload files").click()
    dialog = page.get_by_role("dialog", name="Upload files")
    expect(dialog).to_contain_text("each at most 10 MB")
    return dialog


def test_a_file_larger_than_the_plan_allows_is_refused_by_the_page_and_by_the_server(
    page: Page, server: DemoServer, tmp_path: Path
) -> None:
    (tmp_path / "large.txt").write_bytes(b"Tents and boots. " * (FREE.upload_bytes // 17 + 200_000))
    sign_up(page, server)
    dialog = open_uploads(page, server)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/api/upload" in request.url else None)
    dialog.locator("input[type=file]").set_input_files(tmp_path / "large.txt")
    files = dialog.get_by_role("list", name="Files").get_by_role("listitem")
    expect(files.last).to_contain_text(TOO_LARGE)
    expect(files.last.get_by_role("link", name="See the plans")).to_have_attribute("href", PLANS)
    assert sent == []
    # Whoever gets around the page is told the same by the server.
    page.evaluate("document.querySelector('[data-uploads]').dataset.most = '99000000'")
    dialog.locator("input[type=file]").set_input_files(tmp_path / "large.txt")
    expect(files).to_have_count(2)
    expect(files.last).to_contain_text(TOO_LARGE, timeout=SOON)
    expect(files.last.get_by_role("link", name="See the plans")).to_be_visible()
    assert len(sent) == 1


def test_an_upload_is_cancelled_while_it_is_sent_and_nothing_is_stored(
    page: Page, server: DemoServer, tmp_path: Path
) -> None:
    (tmp_path / "slow.txt").write_bytes(b"Tents and boots. " * 300_000)
    (tmp_path / "next.md").write_text("# Next\n\nThis one is not cancelled. " * 5)
    sign_up(page, server)
    dialog = open_uploads(page, server)
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    wire.send("Network.emulateNetworkConditions", slow)
    dialog.locator("input[type=file]").set_input_files([tmp_path / "slow.txt", tmp_path / "next.md"])
    files = dialog.get_by_role("list", name="Files").get_by_role("listitem")
    files.filter(has_text="slow.txt").get_by_role("button", name="Cancel the upload of slow.txt").click()
    expect(files.filter(has_text="slow.txt")).to_contain_text("Cancelled")
    wire.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    expect(files.filter(has_text="next.md")).to_contain_text("Uploaded.", timeout=SOON)
    expect(dialog.get_by_role("status")).to_have_text("1 of 2 uploaded.")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("tab", name="Documents").click()
    documents = page.get_by_role("table", name="Documents").locator("tbody tr")
    expect(documents).to_have_count(1)
    expect(documents).to_contain_text("next.md")


def test_a_file_over_the_number_of_documents_is_refused_with_the_way_to_a_larger_plan(
    page: Page, server: DemoServer, tmp_path: Path
) -> None:
    (tmp_path / "one-more.md").write_text("# One more\n\nThere is no room for it.")
    sign_up(page, server)
    assert FREE.documents is not None
    for number in range(FREE.documents):
        stored = page.request.post(
            f"{server.url}/api/notes",
            data={"title": f"Note {number}", "text": "Short."},
            headers={"origin": server.url},
        )
        assert stored.status == 201, stored.text()
    dialog = open_uploads(page, server)
    dialog.locator("input[type=file]").set_input_files(tmp_path / "one-more.md")
    expect(dialog.get_by_role("list", name="Files").get_by_role("listitem")).to_contain_text(
        "All 100 documents of the free plan are used. Delete one, or have an owner change the plan under"
        " Billing.",
        timeout=SOON,
    )
    expect(dialog.get_by_role("status")).to_have_text("0 of 1 uploaded, 1 not taken.")
