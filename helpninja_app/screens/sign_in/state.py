"""What the sign-in page reads from its address: why the last try failed, and where to go afterwards."""

from __future__ import annotations

import reflex as rx

_SENTENCES = {
    "limited": "There were too many tries. Please wait ten minutes and try again.",
    "signed-out": "You have been signed out. Sign in to continue.",
}
_WRONG = "The e-mail address or the password is not right."


class SignInState(rx.State):
    """Public. Only known sentences are shown: anybody can write an address, and people believe them."""

    error: str = ""
    next_path: str = ""

    @rx.event
    def read_address(self) -> None:
        """Run when the page loads."""
        asked = self.router.url.query_parameters
        code = asked.get("error", "")
        self.error = _SENTENCES.get(code, _WRONG) if code else ""
        self.next_path = _local_path(asked.get("next", ""))


def _local_path(path: str) -> str:
    """``path`` when it is a page of ours, else nothing; the server checks again before it redirects."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local else ""
