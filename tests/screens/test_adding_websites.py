"""Adding a website: what is said of its links before they are followed, and that one page can be chosen."""

from __future__ import annotations

import pytest

from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.models import SourceKind
from helpninja_app.knowledge.sources import list_sources
from helpninja_app.resources import Resources
from helpninja_app.screens.knowledge.adding_state import ALREADY, FOLLOWED, AddingState
from tests.api.ingesting import html, linking, sitemap, xml
from tests.conftest import OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite
from tests.screens.events import fire, tab_at

pytestmark = pytest.mark.usefixtures("no_waiting")


async def kinds_of(resources: Resources, tenant: Tenant) -> list[SourceKind]:
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await list_sources(session, tenant.id, limit=10, offset=0)
    return [source.kind for source in found.sources]


@pytest.fixture
async def site(open_site: OpenSite) -> LoopbackSite:
    site = await open_site()
    site.routes |= {"/": linking("home", "/a", "/b.pdf"), "/a": html("axes")}
    return site


async def test_a_website_without_a_sitemap_is_told_with_the_pages_its_links_lead_to(
    factory: Factory, site: LoopbackSite
) -> None:
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant)
    tab = await tab_at(AddingState, headers["cookie"])
    await fire(tab, "begin")
    await fire(tab, "preview", {"address": f"{site.url}/"})
    assert tab.summary == f"2 pages of {site.host} will be read."
    assert FOLLOWED in tab.details
    assert "1 address that links lead to is not read." in tab.details
    assert [line.url for line in tab.lines][:2] == [f"{site.url}/", f"{site.url}/a"]
    assert (tab.has_choice, tab.reach) == (True, "links")


async def test_one_page_alone_can_be_chosen_and_taken_back(
    factory: Factory, site: LoopbackSite, resources: Resources
) -> None:
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant)
    tab = await tab_at(AddingState, headers["cookie"])
    await fire(tab, "preview", {"address": f"{site.url}/"})
    await fire(tab, "choose_reach", "page")
    assert (tab.reach, tab.has_choice) == ("page", True)
    assert tab.summary == f"1 page of {site.host} will be read."
    assert tab.details == ["This page alone is read."]
    await fire(tab, "choose_reach", "links")
    assert tab.summary == f"2 pages of {site.host} will be read."
    await fire(tab, "add", f"{site.url}/", "members", tab.reach)
    assert await kinds_of(resources, tenant) == [SourceKind.SITE]


async def test_a_known_website_is_told_with_its_audience_and_changed_to_the_chosen_one(
    factory: Factory, site: LoopbackSite, resources: Resources
) -> None:
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant)
    tab = await tab_at(AddingState, headers["cookie"])
    await fire(tab, "preview", {"address": f"{site.url}/a"})
    assert (tab.present, tab.audience) == ("", "visitors")
    await fire(tab, "add", f"{site.url}/a", "members", "page")
    await fire(tab, "preview", {"address": f"{site.url}/a"})
    assert (tab.present, tab.audience) == ("members", "members")
    assert ALREADY["members"] in tab.details
    await fire(tab, "choose_audience", "visitors")
    await fire(tab, "choose_reach", "page")
    assert (tab.present, tab.audience) == ("members", "visitors")
    await fire(tab, "add", f"{site.url}/a", "visitors", "page")
    async with resources.database.unit_of_work(tenant.scope) as session:
        [source] = (await list_sources(session, tenant.id, limit=10, offset=0)).sources
    assert source.audience is Audience.VISITORS


async def test_of_a_sitemap_there_is_nothing_to_choose(factory: Factory, site: LoopbackSite) -> None:
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/a"))
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant)
    tab = await tab_at(AddingState, headers["cookie"])
    await fire(tab, "preview", {"address": f"{site.url}/sitemap.xml"})
    assert not tab.has_choice
    assert FOLLOWED not in tab.details


async def test_of_a_large_website_it_is_said_that_more_may_follow(
    factory: Factory, site: LoopbackSite
) -> None:
    site.routes["/"] = linking("home", *(f"/{number}" for number in range(80)))
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant)
    tab = await tab_at(AddingState, headers["cookie"])
    await fire(tab, "preview", {"address": f"{site.url}/"})
    assert tab.summary == f"81 pages of {site.host} were found so far, and more may follow."
    assert tab.what == f"the pages of {site.host}"
