"""The demo shop's help centre hangs together: links, sitemap, handbook and labelled questions."""

import csv
import re
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin
from xml.etree import ElementTree

import pypdfium2
import pytest
from selectolax.lexbor import LexborHTMLParser

from helpninja_app import demo
from helpninja_app.demo.make_handbook import HANDBOOK, make_handbook

DEMO = Path(demo.__file__).parent
SITE = DEMO / "site"
HELP = SITE / "help"
SHOP = SITE / "shop.html"
PAGES = sorted(path for path in HELP.iterdir() if path.suffix in {".html", ".md"})
HTML_PAGES = [SHOP, *(path for path in PAGES if path.suffix == ".html")]
WIDGET_LINE = '<script async src="/api/widget?t=hn_pk_demo"></script>'
SITEMAP_NAMESPACE = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def served_path(path: Path) -> str:
    """Where the app serves this file: the shop at /demo, the rest at /demo/help/."""
    return "/demo" if path == SHOP else f"/demo/help/{path.name}"


def file_at(url_path: str) -> Path:
    return SHOP if url_path == "/demo" else SITE / unquote(url_path).removeprefix("/demo/")


def links(path: Path) -> list[str]:
    text = path.read_text()
    if path.suffix == ".md":
        return re.findall(r"\]\(([^)\s]+)\)", text)
    return [node.attributes["href"] or "" for node in LexborHTMLParser(text).css("[href]")]


def anchors(path: Path) -> set[str]:
    return {node.attributes["id"] or "" for node in LexborHTMLParser(path.read_text()).css("[id]")}


def page_texts(pdf: Path) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def questions() -> list[dict[str, str]]:
    with (DEMO / "questions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def sitemap_paths() -> list[str]:
    text = (SITE / "sitemap.xml").read_text()
    locations = ElementTree.fromstring(text).findall("s:url/s:loc", SITEMAP_NAMESPACE)
    return [(location.text or "").removeprefix("{origin}") for location in locations]


def test_the_help_centre_has_enough_pages_of_both_kinds() -> None:
    assert len(PAGES) >= 28
    assert sum(path.suffix == ".md" for path in PAGES) >= 10
    assert sum(path.suffix == ".html" for path in PAGES) >= 16


@pytest.mark.parametrize("page", [SHOP, *PAGES], ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_to_an_anchor_that_exist(page: Path) -> None:
    assert links(page)
    for link in links(page):
        target, anchor = urldefrag(urljoin(served_path(page), link))
        file = file_at(target)
        assert file.is_file(), link
        assert not anchor or anchor in anchors(file), link


@pytest.mark.parametrize("page", HTML_PAGES, ids=lambda page: page.name)
def test_every_html_page_names_itself_and_ends_with_the_widget(page: Path) -> None:
    text = page.read_text()
    tree = LexborHTMLParser(text)
    html = tree.css_first("html")
    canonical = tree.css_first('link[rel="canonical"]')
    assert html is not None
    assert html.attributes["lang"] == "en"
    assert canonical is not None
    assert urljoin(served_path(page), canonical.attributes["href"] or "") == served_path(page)
    assert len(tree.css("h1")) == 1
    assert text.rstrip().endswith(f"{WIDGET_LINE}\n</body>\n</html>")


@pytest.mark.parametrize("page", HTML_PAGES, ids=lambda page: page.name)
def test_no_html_page_loads_anything_from_elsewhere(page: Path) -> None:
    tree = LexborHTMLParser(page.read_text())
    loaded = [node.attributes["src"] or "" for node in tree.css("[src]")]
    loaded += [node.attributes["href"] or "" for node in tree.css('link[rel="stylesheet"]')]
    assert all(re.match(r"/(api|demo)/", address) for address in loaded)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_has_a_heading_and_enough_to_say(page: Path) -> None:
    text = page.read_text()
    if page.suffix == ".html":
        main = LexborHTMLParser(text).css_first("main")
        assert main is not None
        text = main.text(separator=" ")
    else:
        assert text.startswith("# ")
    assert 250 <= len(text.split()) <= 700


def test_the_sitemap_lists_every_page_that_answers_something_and_the_handbook_once() -> None:
    # The index only leads on: its one-line descriptions would stand in the way of the pages themselves.
    answering = [path for path in PAGES if path.name != "index.html"]
    assert sorted(sitemap_paths()) == sorted(served_path(path) for path in [*answering, HANDBOOK])


def test_every_page_of_the_sitemap_carries_a_date() -> None:
    tree = ElementTree.fromstring((SITE / "sitemap.xml").read_text())
    for url in tree.findall("s:url", SITEMAP_NAMESPACE):
        changed = url.findtext("s:lastmod", namespaces=SITEMAP_NAMESPACE) or ""
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", changed)


def test_the_handbook_is_small_and_has_pages_of_text() -> None:
    texts = page_texts(HANDBOOK)
    assert 4 <= len(texts) <= 6
    assert all(len(text) > 400 for text in texts)
    assert HANDBOOK.stat().st_size < 200_000


def test_the_committed_handbook_says_what_its_script_says(tmp_path: Path) -> None:
    make_handbook(tmp_path / "handbook.pdf")
    assert page_texts(tmp_path / "handbook.pdf") == page_texts(HANDBOOK)


def test_the_handbook_is_the_same_byte_for_byte_on_every_run(tmp_path: Path) -> None:
    make_handbook(tmp_path / "first.pdf")
    make_handbook(tmp_path / "second.pdf")
    assert (tmp_path / "first.pdf").read_bytes() == (tmp_path / "second.pdf").read_bytes()


def test_every_question_is_asked_once_and_its_page_exists() -> None:
    rows = questions()
    answered = [row for row in rows if row["url"]]
    assert len(answered) == 40
    assert len(rows) - len(answered) == 12
    assert len({row["question"] for row in rows}) == len(rows)
    for row in answered:
        assert file_at(row["url"]).is_file(), row["url"]
        assert row["url"] in sitemap_paths()


def test_figures_that_several_pages_give_agree() -> None:
    text = {path.name: path.read_text() for path in [SHOP, *PAGES]}
    for name in ("returns-and-exchanges.html", "change-or-cancel-order.html", "click-and-collect.html"):
        assert re.search(r"\b60(</strong>)? days", text[name]), name
    for name in ("repairs-service.html", "warranty.html", "tent-repair.md", "washing-down-jackets.md"):
        assert "15 working days" in text[name], name
    for name in ("repairs-service.html", "boot-care.md", "shop.html"):
        assert "€89" in text[name], name
    assert {
        minimum for name in text for minimum in re.findall(r"[Ff]ree[^.<|]{0,30} from (€\d+)", text[name])
    } == {"€75"}
