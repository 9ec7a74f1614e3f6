"""The Knowledge screen in a browser: a website read, failed pages, files, and documents deleted and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import open_knowledge, sign_in
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.site_thread import running_site
from tests.loopback_site import LoopbackSite, answer

pytestmark = pytest.mark.timeout(300)

SOON = 60_000
WORDS = "Unworn boots can be returned within sixty days of delivery, in their box and with the receipt. " * 4


@pytest.fixture(scope="module")
def site() -> Iterator[LoopbackSite]:
    with running_site() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def server(site: LoopbackSite) -> Iterator[DemoServer]:
    """One of its own, whose documents may come and go, and that may read the site."""
    with running_demo(HELPNINJA_ALLOWED_PRIVATE_HOSTS=site.host) as running:
        yield running


def test_a_website_without_a_sitemap_is_read_by_its_links_or_one_page_alone(
    page: Page, server: DemoServer, site: LoopbackSite
) -> None:
    site.routes |= {
        f"/shop{path}": answer(f"<title>{path}</title><main><p>{WORDS}</p></main>{links}")
        for path, links in (("", "<a href=/shop/boots>Boots</a>"), ("/boots", "<a href=/shop>Back</a>"))
    }
    sign_in(page, server)
    open_knowledge(page, server)
    page.get_by_role("button", name="Add website").click()
    dialog = page.get_by_role("dialog", name="Add a website")
    dialog.get_by_label("Address of a website, a page or a sitemap").fill(f"{site.url}/shop")
    dialog.get_by_role("button", name="Look at it").click()
    expect(dialog).to_contain_text("There is no sitemap at this address", timeout=SOON)
    expect(dialog.get_by_role("list", name="Addresses")).to_contain_text(f"{site.url}/shop/boots")
    assert findings(page) == []
    choice = dialog.get_by_role("group", name="What is read")
    choice.get_by_text("This page only").click()
    expect(dialog).to_contain_text("This page alone is read.", timeout=SOON)
    expect(dialog).to_contain_text("1 page of")
    choice.get_by_text("The pages it links to").click()
    expect(dialog).to_contain_text("2 pages of", timeout=SOON)
    dialog.get_by_role("group", name="Who is answered").get_by_text("Members").click()
    dialog.get_by_role("button", name="Read it").click()
    expect(dialog).to_be_hidden()
    row = page.get_by_role("table", name="Sources").locator("tbody tr", has_text=f"{site.host}/shop")
    expect(row).to_contain_text("2 pages", timeout=SOON)
    expect(row).to_contain_text("Website")


def test_a_sitemap_is_shown_before_it_is_read_and_its_failed_page_tried_again(
    page: Page, server: DemoServer, site: LoopbackSite
) -> None:
    urls = "".join(f"<url><loc>{site.url}/{name}</loc></url>" for name in ("returns", "broken"))
    good = answer(f"<title>Returns of boots</title><main><h1>Returns</h1><p>{WORDS}</p></main>")
    site.routes |= {
        "/sitemap.xml": answer(f"<urlset>{urls}</urlset>", content_type="application/xml"),
        "/returns": good,
        "/broken": answer("gone wrong", status="404 Not Found"),
    }
    sign_in(page, server)
    open_knowledge(page, server)
    page.get_by_role("button", name="Add website").click()
    dialog = page.get_by_role("dialog", name="Add a website")
    dialog.get_by_label("Address of a website, a page or a sitemap").fill(f"{site.url}/sitemap.xml")
    dialog.get_by_role("button", name="Look at it").click()
    expect(dialog).to_contain_text("2 pages of", timeout=SOON)
    expect(dialog.get_by_role("list", name="Addresses")).to_contain_text(f"{site.url}/returns")
    dialog.get_by_role("button", name="Read it").click()
    question = page.get_by_role("alertdialog", name="Show 2 pages of")
    expect(question).to_contain_text("Everybody who uses the widget")
    question.get_by_role("button", name="Make it public").click()
    expect(dialog).to_be_hidden()
    row = page.get_by_role("table", name="Sources").locator("tbody tr", has_text=f"{site.host}/sitemap.xml")
    failed = row.get_by_role("button", name="1 page failed")
    expect(failed).to_be_visible(timeout=SOON)
    failed.click()
    sheet = page.get_by_role("dialog", name="Pages that could not be read")
    expect(sheet).to_contain_text(f"{site.url}/broken")
    expect(sheet).to_contain_text("404")
    site.routes["/broken"] = good.replace(b"boots", b"tents")
    sheet.get_by_role("button", name="Try failed pages again").click()
    expect(failed).to_be_hidden(timeout=SOON)
    expect(row).to_contain_text("Up to date", timeout=SOON)
    row.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name="Show its runs").click()
    runs = page.get_by_role("dialog", name="Runs of").get_by_role("listitem")
    expect(runs.last).to_contain_text("changed")
    assert findings(page) == []


def test_of_several_files_the_wrong_one_is_refused_and_the_others_are_read(
    page: Page, server: DemoServer, tmp_path: Path
) -> None:
    for name in ("wool-socks.md", "tents.md"):
        (tmp_path / name).write_text(f"# About {name}\n\n{WORDS}")
    (tmp_path / "virus.exe").write_bytes(b"MZ")
    sign_in(page, server)
    open_knowledge(page, server)
    page.get_by_role("button", name="Upload files").click()
    dialog = page.get_by_role("dialog", name="Upload files")
    dialog.locator("input[type=file]").set_input_files(
        [tmp_path / name for name in ("wool-socks.md", "virus.exe", "tents.md")]
    )
    files = dialog.get_by_role("list", name="Files").get_by_role("listitem")
    expect(files).to_have_count(3)
    expect(files.filter(has_text="virus.exe")).to_contain_text("Files of the type .exe are not supported.")
    expect(dialog.get_by_role("status")).to_have_text("2 of 3 uploaded, 1 not taken.", timeout=SOON)
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("tab", name="Documents").click()
    row = page.get_by_role("table", name="Documents").locator("tbody tr", has_text="wool-socks.md")
    expect(row).to_contain_text("Ready", timeout=SOON)
    expect(row).to_contain_text("Members")


def test_files_for_visitors_are_asked_about_first(page: Page, server: DemoServer, tmp_path: Path) -> None:
    (tmp_path / "public.md").write_text(f"# Public\n\n{WORDS}")
    sign_in(page, server)
    open_knowledge(page, server)
    page.get_by_role("button", name="Upload files").click()
    dialog = page.get_by_role("dialog", name="Upload files")
    dialog.get_by_label("Who is answered from these files").select_option("visitors")
    dialog.locator("input[type=file]").set_input_files(tmp_path / "public.md")
    question = page.get_by_role("alertdialog", name="Show these files to visitors?")
    expect(question).to_contain_text("public.md")
    question.get_by_role("button", name="Do not upload").click()
    expect(dialog.get_by_role("listitem")).to_have_count(0)


def test_documents_are_deleted_together_and_come_back(page: Page, server: DemoServer) -> None:
    sign_in(page, server)
    panel = open_knowledge(page, server, "Documents")
    rows = panel.get_by_role("table", name="Documents").locator("tbody tr")
    titles = [rows.nth(at).locator("td").nth(1).locator("p").first.inner_text() for at in (-1, -2)]
    for title in titles:
        panel.get_by_label(f"Choose {title}", exact=True).click()
    expect(panel).to_contain_text("2 chosen")
    panel.get_by_role("button", name="Delete", exact=True).click()
    question = page.get_by_role("alertdialog", name="Delete").filter(has_text=titles[0])
    question.get_by_role("button", name="Delete").click()
    expect(rows.filter(has_text=titles[0])).to_have_count(0)
    # The source that they came from counts two fewer at once.
    page.get_by_role("tab", name="Sources").click()
    shop = page.get_by_role("table", name="Sources").locator("tbody tr", has_text="/demo/help/sitemap.xml")
    expect(shop).to_contain_text("35 pages")
    page.get_by_role("button", name="Undo").dblclick()
    expect(shop).to_contain_text("37 pages")
    page.get_by_role("tab", name="Documents").click()
    expect(rows.filter(has_text=titles[0])).not_to_have_count(0)
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    # What is back cannot be brought back: the second click was the first one's.
    page.wait_for_timeout(1_000)
    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(0)


def test_the_passages_of_a_document_are_shown(page: Page, server: DemoServer) -> None:
    sign_in(page, server)
    panel = open_knowledge(page, server, "Documents")
    panel.get_by_role("button", name="More for Gift cards").first.click()
    page.get_by_role("menuitem", name="Show its passages").click()
    sheet = page.get_by_role("dialog", name="Passages of Gift cards")
    expect(sheet.get_by_role("listitem").first).to_contain_text("tokens")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["Sources", "Documents", "Test search"])
def test_axe_finds_nothing_and_a_phone_does_not_scroll_sideways(
    page: Page, server: DemoServer, scheme: Literal["light", "dark"], tab: str
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    sign_in(page, server)
    open_knowledge(page, server, tab)
    assert findings(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert findings(page) == []
