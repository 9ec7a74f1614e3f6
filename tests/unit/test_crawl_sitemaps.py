"""Reading sitemaps, and surviving those that are broken or hostile."""

from __future__ import annotations

import gzip
import zlib

import pytest

from helpninja_app.errors import InputRefused
from helpninja_app.knowledge.crawl.sitemaps import MAX_URLS, SitemapKind, parse_sitemap, sitemap_kind

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def urlset(*items: str, opening: str = f'<urlset xmlns="{NAMESPACE}">') -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}{"".join(items)}</urlset>'.encode()


def url(loc: str, more: str = "") -> str:
    return f"<url><loc>{loc}</loc>{more}</url>"


def locs(body: bytes) -> list[str]:
    return [entry.loc for entry in parse_sitemap(body).entries]


def test_the_addresses_and_dates_of_a_sitemap_are_read_in_order() -> None:
    sitemap = parse_sitemap(
        urlset(
            url("https://example.com/a?x=1&amp;y=2", "<lastmod> 2024-05-01 </lastmod>"),
            url("https://example.com/b"),
        )
    )
    assert sitemap.kind is SitemapKind.URLSET
    assert [(entry.loc, entry.lastmod) for entry in sitemap.entries] == [
        ("https://example.com/a?x=1&y=2", "2024-05-01"),
        ("https://example.com/b", None),
    ]
    assert sitemap.problems == []


@pytest.mark.parametrize(
    "body",
    [
        urlset(url("https://e.com/a"), opening="<urlset>"),
        urlset(url("https://e.com/a"), opening='<urlset xmlns="http://www.google.com/schemas/sitemap/0.84">'),
        b'<s:urlset xmlns:s="x"><s:url><s:loc>https://e.com/a</s:loc></s:url></s:urlset>',
        b"<s:urlset><s:url><s:loc>https://e.com/a</s:loc></s:url></s:urlset>",
        b"<URLSET><Url><LOC>https://e.com/a</LOC></Url></URLSET>",
        b"<urlset><url><loc><![CDATA[ https://e.com/a ]]></loc></url></urlset>",
        b"<urlset><url><loc>\n  https://e.com/a\n</loc></url></urlset>",
        b"\n\n  " + urlset(url("https://e.com/a")),
        b"\xef\xbb\xbf" + urlset(url("https://e.com/a")),
        b'<?xml version="1.0"?><?xml-stylesheet href="a.xsl"?><!-- made by x --><urlset><url><loc>https://e.com/a</loc></url></urlset>',
        '<?xml version="1.0" encoding="UTF-16"?><urlset><url><loc>https://e.com/a</loc></url></urlset>'.encode(
            "utf-16"
        ),
        '<?xml version="1.0" encoding="ISO-8859-1"?><urlset><!-- é --><url><loc>https://e.com/a</loc></url></urlset>'.encode(
            "latin-1"
        ),
        gzip.compress(urlset(url("https://e.com/a"))),
        gzip.compress(urlset(url("https://e.com/a"))[:60])
        + gzip.compress(urlset(url("https://e.com/a"))[60:]),
        b"https://e.com/a\n",
        b"\xef\xbb\xbf\r\nhttps://e.com/a\r\n\r\n",
    ],
)
def test_every_usual_form_is_understood(body: bytes) -> None:
    assert locs(body) == ["https://e.com/a"]
    assert parse_sitemap(body).problems == []


def test_pictures_and_other_languages_of_a_page_are_not_pages() -> None:
    more = (
        "<image:image><image:loc>https://e.com/a.png</image:loc></image:image>"
        '<xhtml:link rel="alternate" hreflang="de" href="https://e.com/de"/>'
        "<video:video><video:player_loc>https://e.com/v</video:player_loc></video:video>"
    )
    assert locs(urlset(url("https://e.com/a", more))) == ["https://e.com/a"]


def test_a_sitemap_index_lists_sitemaps() -> None:
    body = b"<sitemapindex><sitemap><loc>https://e.com/1.xml</loc><lastmod>2024</lastmod></sitemap></sitemapindex>"
    sitemap = parse_sitemap(body)
    assert (sitemap.kind, sitemap.entries[0].loc) == (SitemapKind.INDEX, "https://e.com/1.xml")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>urlset</body></html>",
        b"<!doctype html><title>x</title>",
        b'<?xml version="1.0"?><!DOCTYPE html><html><urlset></urlset></html>',
        b"<rss></rss>",
        b"<urlsets></urlsets>",
        b"plain words\nhttps://e.com/a",
        b"https://e.com/a and more words",
        b"%PDF-1.7",
        b"\x1f\x8b\x08broken",
        gzip.compress(b"<html></html>"),
        gzip.compress(b""),
    ],
)
def test_what_is_no_sitemap_is_not_taken_for_one(body: bytes) -> None:
    assert sitemap_kind(body) is None
    with pytest.raises(InputRefused):
        parse_sitemap(body)


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE urlset [<!ENTITY a "https://e.com/a">]>',
        '<!DOCTYPE urlset [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE urlset SYSTEM "http://127.0.0.1/evil.dtd">',
        '<!DOCTYPE urlset [<!ENTITY % p SYSTEM "http://127.0.0.1/p"> %p;]>',
        '<!DOCTYPE l [<!ENTITY h "ha"><!ENTITY b "&h;&h;&h;&h;&h;&h;"><!ENTITY a "&b;&b;&b;&b;&b;&b;">]>',
    ],
)
def test_a_document_type_or_entity_is_never_read(doctype: str) -> None:
    sitemap = parse_sitemap(f"{doctype}<urlset>{url('&a;')}</urlset>".encode())
    assert sitemap.entries == []
    assert "document type definition" in sitemap.problems[0].reason


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ("<url><loc>https://e.com/b", "not well-formed at line 2: no element found"),
        ("<url></loc>", "mismatched tag"),
        ("<url><loc>a & b</loc></url>", "not well-formed"),
        ("<url><loc>&unknown;</loc></url>", "undefined entity"),
        ("<a>" * 30, "nested too deeply"),
        ("<!-- " + "x" * (3 << 20), "an element that does not end"),
    ],
)
def test_what_stands_before_the_damage_is_kept_and_the_damage_named(tail: str, reason: str) -> None:
    sitemap = parse_sitemap(urlset(url("https://e.com/a"), tail).removesuffix(b"</urlset>"))
    assert [entry.loc for entry in sitemap.entries] == ["https://e.com/a"]
    assert reason in sitemap.problems[0].reason


def test_an_unknown_encoding_is_a_problem_and_no_crash() -> None:
    sitemap = parse_sitemap(b'<?xml version="1.0" encoding="martian-7"?><urlset></urlset>')
    assert "encoding" in sitemap.problems[0].reason


def test_an_entry_without_or_with_an_endless_address_is_reported_and_the_rest_read() -> None:
    sitemap = parse_sitemap(
        urlset("<url></url>", url(""), url("https://e.com/" + "a" * 100_000), url("https://e.com/a"))
    )
    assert [entry.loc for entry in sitemap.entries] == ["https://e.com/a"]
    assert [problem.reason for problem in sitemap.problems] == [
        "It has no address.",
        "It has no address.",
        "The address is longer than 2,048 characters.",
    ]
    assert len(sitemap.problems[2].what) == 2048


def test_only_the_first_50_000_addresses_are_read() -> None:
    body = "\n".join(f"https://e.com/{number}" for number in range(MAX_URLS + 5)).encode()
    for sitemap in (
        parse_sitemap(body),
        parse_sitemap(urlset(*(url(line) for line in body.decode().splitlines()))),
    ):
        assert len(sitemap.entries) == MAX_URLS
        assert "Only the first 50,000" in sitemap.problems[0].reason


def test_a_thousand_bad_entries_are_not_all_reported() -> None:
    assert len(parse_sitemap(urlset("<url/>" * 1000)).problems) == 100


def test_a_compression_bomb_stops_at_the_cap_and_keeps_what_came_before() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(b"<urlset>" + url("https://e.com/a").encode())
    for _ in range(60):
        bomb += packer.compress(b" " * (1 << 20))
    bomb += packer.flush()
    assert len(bomb) < 100_000
    sitemap = parse_sitemap(bomb)
    assert [entry.loc for entry in sitemap.entries] == ["https://e.com/a"]
    assert "over 50 MB unpacked" in sitemap.problems[0].reason


@pytest.mark.parametrize("cut", [-9, -20])
def test_a_truncated_gzip_is_a_problem(cut: int) -> None:
    packed = gzip.compress(urlset(*(url(f"https://e.com/{number * 7919}") for number in range(500))))
    sitemap = parse_sitemap(packed[:cut])
    assert len(sitemap.entries) > 400
    assert sitemap.problems


def test_a_text_sitemap_whose_line_never_ends_is_stopped() -> None:
    sitemap = parse_sitemap(b"https://e.com/a\n" + b"x" * (1 << 20))
    assert [entry.loc for entry in sitemap.entries] == ["https://e.com/a"]
    assert "line that does not end" in sitemap.problems[0].reason
