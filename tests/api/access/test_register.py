"""A route that is not in the register has no callers here, and fails these."""

from __future__ import annotations

from tests.api.access.asking import IDS, NAMING, PLAIN
from tests.api.access.register import ACCESS, ROUTES, SUPABASE_ACCESS, SUPABASE_ROUTES


def test_every_route_says_who_may_call_it() -> None:
    assert set(ACCESS) == set(ROUTES)


def test_every_route_says_who_may_call_it_with_supabase() -> None:
    assert set(SUPABASE_ACCESS) == set(SUPABASE_ROUTES)


def test_everything_that_a_route_reads_is_sent() -> None:
    routes = [*ROUTES.values(), *SUPABASE_ROUTES.values()]
    read = {name for route in routes for name in (*route.in_path, *route.in_query, *route.in_body)}
    assert read == NAMING | set(IDS) | set(PLAIN) | {"file"}
