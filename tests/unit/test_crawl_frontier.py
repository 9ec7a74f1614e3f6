"""Which links a crawl goes on to: each once, on its site, and never without an end."""

from __future__ import annotations

import pytest

from helpninja_app.knowledge.crawl.frontier import MAX_DEPTH, MAX_SKIPPED_LISTED, Frontier, Met

SITE = "https://example.com"


@pytest.fixture
def frontier() -> Frontier:
    frontier = Frontier(f"{SITE}/", max_pages=100)
    frontier.remember(f"{SITE}/", is_asked=True)
    return frontier


def test_an_address_is_met_once(frontier: Frontier) -> None:
    assert frontier.take([f"{SITE}/a", f"{SITE}/a", f"{SITE}/"], 1) == [Met(f"{SITE}/a", 1)]
    assert frontier.take([f"{SITE}/a"], 2) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/a",
        "https://sub.example.com/a",
        f"{SITE}/a.PNG",
        f"{SITE}/a.zip",
        f"{SITE}/f.xml",
    ],
)
def test_other_sites_and_what_is_no_page_are_not_even_mentioned(frontier: Frontier, url: str) -> None:
    assert frontier.take([url], 1) == []


def test_www_is_the_same_site_and_http_is_asked_by_https(frontier: Frontier) -> None:
    taken = frontier.take(["https://www.example.com/a", "http://example.com/b", f"{SITE}/b"], 1)
    assert [met.url for met in taken] == ["https://www.example.com/a", f"{SITE}/b"]


def test_a_file_is_told(frontier: Frontier) -> None:
    (met,) = frontier.take([f"{SITE}/guide.pdf"], 1)
    assert (met.reason or "").startswith("a file and not a web page")


def test_what_robots_txt_forbids_is_told_and_takes_no_place(frontier: Frontier) -> None:
    url = f"{SITE}/private"
    (met,) = frontier.take([url], 1, {url})
    assert "robots.txt" in (met.reason or "")


def test_a_path_that_repeats_itself_is_a_trap(frontier: Frontier) -> None:
    assert [met.reason for met in frontier.take([f"{SITE}/a/b/a/b/a/b", f"{SITE}/a/b/a/b/a/b/a"], 1)] == [
        None,
        "its address repeats itself",
    ]


def test_what_is_too_many_links_away_is_not_asked_for(frontier: Frontier) -> None:
    assert frontier.take([f"{SITE}/a"], MAX_DEPTH)[0].reason is None
    assert frontier.take([f"{SITE}/b"], MAX_DEPTH + 1)[0].reason


def test_over_the_limit_of_the_plan_nothing_is_asked_for(frontier: Frontier) -> None:
    taken = frontier.take((f"{SITE}/{number}" for number in range(100)), 1)
    assert sum(met.reason is None for met in taken) == 99
    assert taken[-1] == Met(f"{SITE}/99", 0, "over the plan's limit of 100 pages")
    assert frontier.is_full


def test_one_address_has_only_so_many_forms(frontier: Frontier) -> None:
    taken = frontier.take((f"{SITE}/calendar?day={number}" for number in range(30)), 1)
    assert [met.reason is None for met in taken] == [True] * 20 + [False] * 10
    assert frontier.take([f"{SITE}/other?day=1"], 1)[0].reason is None


def test_what_is_left_out_is_listed_up_to_a_thousand(frontier: Frontier) -> None:
    taken = frontier.take((f"{SITE}/{number}.pdf" for number in range(1500)), 1)
    assert len(taken) == MAX_SKIPPED_LISTED


def test_it_goes_on_with_what_an_earlier_part_met() -> None:
    frontier = Frontier(f"{SITE}/", max_pages=3)
    for number in range(2):
        frontier.remember(f"{SITE}/{number}", is_asked=True)
    frontier.remember(f"{SITE}/a.pdf", is_asked=False, is_refused=True)
    taken = frontier.take([f"{SITE}/{number}" for number in range(4)], 1)
    assert [(met.url, met.reason is None) for met in taken] == [(f"{SITE}/2", True), (f"{SITE}/3", False)]


def test_what_gave_no_page_stands_for_no_other(frontier: Frontier) -> None:
    frontier.take([f"{SITE}/a"], 1)
    assert frontier.stands_for_itself(f"{SITE}/a")
    frontier.refuse(f"{SITE}/a")
    assert not frontier.stands_for_itself(f"{SITE}/a")
