"""The sign-in page's own state."""

from __future__ import annotations

import pytest

from helpninja_app.screens.access.state import _local_path


@pytest.mark.parametrize("path", ["/app", "/app/inbox?status=waiting", "/"])
def test_after_signing_in_one_comes_back_to_the_page_asked_for(path: str) -> None:
    assert _local_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "app", "//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "javascript:alert(1)"],
)
def test_an_address_elsewhere_is_never_gone_to(path: str) -> None:
    assert _local_path(path) == ""
