"""The settings of mail, and of where escalations go that no integration takes."""

from __future__ import annotations

import re

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

# With room for "+" and 44 signed characters: a local part has at most 64 (RFC 5321 4.5.3.1.1).
_MAILBOX = re.compile(r"[a-z0-9._-]{1,19}@[a-z0-9.-]+\.[a-z]{2,}", re.IGNORECASE)


class MailSettings(BaseSettings):
    """Read like all settings."""

    smtp_url: SecretStr | None = Field(
        None,
        alias="SMTP_URL",
        description="`smtp://user:password@host:587` (STARTTLS where offered) or `smtps://…`. Empty: their"
        " links stand in the server's log.",
    )
    mail_from: str = Field(
        "HelpNinja <helpninja@localhost>", alias="MAIL_FROM", description="The sender of mails."
    )
    reply_address: str = Field(
        "",
        alias="HELPNINJA_REPLY_ADDRESS",
        description="A mailbox such as `reply@in.example.com` whose mails, also those to `reply+…@`, are"
        " passed on to `POST /api/inbound/email`. Empty: mails about conversations cannot be answered.",
    )
    inbound_email_secret: SecretStr | None = Field(
        None,
        alias="INBOUND_EMAIL_SECRET",
        description="Lets a mail server call `/api/inbound/email`, as a Bearer token or the password of HTTP"
        " Basic.",
    )
    slack_webhook_url: SecretStr | None = Field(
        None,
        alias="SLACK_WEBHOOK_URL",
        description="Slack's webhook for escalations of workspaces that have no integration of their own.",
    )
    escalation_email: str | None = Field(
        None, alias="ESCALATION_EMAIL", description="The address for these; both may be set."
    )

    def mail_problems(self) -> list[str]:
        """What of these settings is missing or wrong."""
        problems = []
        if self.smtp_url and not self.smtp_url.get_secret_value().startswith(("smtp://", "smtps://")):
            problems.append("SMTP_URL has to start with smtp:// or smtps://.")
        if self.reply_address and not _MAILBOX.fullmatch(self.reply_address):
            problems.append("HELPNINJA_REPLY_ADDRESS has to be an address such as reply@in.example.com.")
        if self.reply_address and self.inbound_email_secret is None:
            problems.append("INBOUND_EMAIL_SECRET is missing: answers to HELPNINJA_REPLY_ADDRESS need it.")
        return problems
