"""Mails that would have been sent, for tests to open their links."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

from helpninja_app.kernel.mail import Mail


class Mailbox:
    """A mailer that keeps what it is given."""

    is_real = True

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        self.mails.append(mail)

    def of(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if mail.to == address]

    async def next(self, address: str, *, after: int = 0) -> Mail:
        """The mail to an address that comes after so many others; waits for it."""
        async with asyncio.timeout(60):
            while len(self.of(address)) <= after:
                await asyncio.sleep(0.02)
        return self.of(address)[after]


def token_in(mail: Mail) -> str:
    """The token of the link in a mail."""
    assert mail.link in mail.text
    return parse_qs(urlsplit(mail.link).query)["token"][0]
