"""The sign-in page's own state."""

from __future__ import annotations

import pytest

from helpninja_app.resources import Resources
from helpninja_app.screens.access.state import AccessState, _local_path
from helpninja_app.screens.account.state import AccountState
from tests.factories import Factory
from tests.mailbox import Mailbox
from tests.screens.test_home import call, signed_in_tab, tab


@pytest.mark.parametrize("path", ["/app", "/app/inbox?status=waiting", "/"])
def test_after_signing_in_one_comes_back_to_the_page_asked_for(path: str) -> None:
    assert _local_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "app", "//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "javascript:alert(1)"],
)
def test_an_address_elsewhere_is_never_gone_to(path: str) -> None:
    assert _local_path(path) == ""


@pytest.mark.parametrize("is_real", [True, False])
async def test_it_is_said_where_a_link_stands_when_no_mail_is_sent(
    factory: Factory, resources: Resources, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, is_real: bool
) -> None:
    monkeypatch.setattr(mailbox, "is_real", is_real)
    public = await tab(AccessState, "")
    AccessState.event_handlers["read_address"].fn(public)
    own = await signed_in_tab(AccountState, factory, await factory.tenant())
    await call(own, "open_account")
    assert (public.has_mail, own.has_mail) == (is_real, is_real)
