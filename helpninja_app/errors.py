"""Every error a person or a program can be told about, in one tree.

HelpNinjaError
├── BadRequest                400
│   ├── FileRefused               an upload that cannot be taken
│   │   └── FileTooLarge
│   └── MalformedId
├── NotSignedIn               401
│   └── CodeNeeded                the password was right, and two-factor sign-in is on
├── LimitUsedUp               402  a counted limit of the plan
│   ├── MessagesUsedUp            a visitor's message was kept for people
│   ├── WorkspaceFull             told to somebody who was invited
│   └── WorkspacesUsedUp          whatever the plan
├── Forbidden                 403
│   ├── NotInPlan                 a feature or model of another plan
│   └── OriginRefused
├── NotFound                  404
├── TooSlow                   408
├── Conflict                  409
├── TooLarge                  413
├── UnsupportedMediaType      415
├── Invalid                   422  carries a list of FieldError
│   └── InputRefused              something to ingest that is refused or unreachable
│       ├── AddressRefused            a private or otherwise forbidden address
│       └── FetchFailed               the other side did not give the page
├── RateLimited               429
├── ProviderFailed            502  a model provider answered wrongly
│   ├── ProviderUnavailable   503
│   └── ProviderTimedOut      504
├── DeliveryFailed            502  a destination did not take a message
└── Unavailable               503  a part of ours or a setting is missing
    ├── MailPartlyRefused         some addresses took this message, others did not
    ├── MailRefused               the mail server will never take this message
    └── ModelUnavailable          the key of the model's provider is not set

The docstring of a class is the sentence for the user where no other is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a request; ``field`` is a dotted path such as ``body.message``."""

    field: str
    message: str


class HelpNinjaError(Exception):
    """Something went wrong on our side. Please try again."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Server error"
    # Whether a larger plan or bought credits would help: then the sentence says so, each edge the way there.
    is_by_plan: bool = False

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or " ".join((type(self).__doc__ or "").split("\n\n")[0].split())
        super().__init__(self.detail)

    @property
    def headers(self) -> dict[str, str]:
        return {}


class BadRequest(HelpNinjaError):
    """The request could not be understood."""

    status = 400
    title = "Bad request"


class FileRefused(BadRequest):
    """This file cannot be used."""

    title = "File refused"


class FileTooLarge(FileRefused):
    """This file is larger than allowed."""

    title = "File too large"

    def __init__(self, detail: str | None = None, *, is_by_plan: bool = False) -> None:
        super().__init__(detail)
        self.is_by_plan = is_by_plan


class MalformedId(BadRequest):
    """This is not a valid id."""

    title = "Malformed id"


class NotSignedIn(HelpNinjaError):
    """Please sign in, or send a valid API key."""

    status = 401
    title = "Not signed in"

    @property
    def headers(self) -> dict[str, str]:
        return {"www-authenticate": "Bearer"}


class CodeNeeded(NotSignedIn):
    """Please give the code of your authenticator app too, or a recovery code."""

    title = "Code needed"


class LimitUsedUp(HelpNinjaError):
    """A limit of this workspace's plan is used up."""

    status = 402
    title = "Limit used up"
    is_by_plan = True

    def __init__(
        self, detail: str | None = None, *, limit: int = 0, used: int = 0, is_by_plan: bool | None = None
    ) -> None:
        super().__init__(detail)
        self.limit, self.used = limit, used
        self.is_by_plan = type(self).is_by_plan if is_by_plan is None else is_by_plan


class MessagesUsedUp(LimitUsedUp):
    """This month's messages are used up. What you wrote was kept, and a person will look at it."""

    # Told to a visitor, who has no plan.
    is_by_plan = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        limit: int,
        used: int,
        conversation_id: UUID,
        message_id: UUID,
        status: str,
        is_contact_requested: bool,
        next_kind: str | None,
        opens_at: datetime | None,
        closes_at: datetime | None,
    ) -> None:
        super().__init__(detail, limit=limit, used=used)
        self.conversation_id = conversation_id
        self.message_id = message_id
        self.status_of_conversation = status
        self.is_contact_requested = is_contact_requested
        self.next_kind = next_kind
        self.opens_at = opens_at
        self.closes_at = closes_at


class WorkspaceFull(LimitUsedUp):
    """This workspace has no place for another member now."""

    # Whoever is invited is no member yet: the plan is not theirs to change.
    is_by_plan = False


class WorkspacesUsedUp(LimitUsedUp):
    """You own as many workspaces as one person can."""

    is_by_plan = False


class Forbidden(HelpNinjaError):
    """Your role or key does not allow this."""

    status = 403
    title = "Not allowed"


class NotInPlan(Forbidden):
    """The plan of this workspace does not include this."""

    title = "Not in the plan"
    is_by_plan = True


class OriginRefused(Forbidden):
    """This website is not on the workspace's list of allowed domains."""

    title = "Origin not allowed"


class NotFound(HelpNinjaError):
    """There is nothing here, or it is not yours."""

    status = 404
    title = "Not found"


class TooSlow(HelpNinjaError):
    """The request did not arrive in time. Please try again."""

    status = 408
    title = "Request timeout"

    @property
    def headers(self) -> dict[str, str]:
        # RFC 9110, 15.5.9: the rest of the body is not waited for.
        return {"connection": "close"}


class Conflict(HelpNinjaError):
    """This was changed by somebody else in the meantime."""

    status = 409
    title = "Conflict"


class TooLarge(HelpNinjaError):
    """The request is larger than allowed."""

    status = 413
    title = "Too large"


class UnsupportedMediaType(HelpNinjaError):
    """This content type is not supported here."""

    status = 415
    title = "Unsupported media type"


class Invalid(HelpNinjaError):
    """The request is not valid."""

    status = 422
    title = "Invalid"

    def __init__(self, detail: str | None = None, *, errors: tuple[FieldError, ...] = ()) -> None:
        if detail is None and errors:
            detail = "; ".join(f"{error.field}: {error.message}" for error in errors[:3])
        super().__init__(detail)
        self.errors = errors


class InputRefused(Invalid):
    """This address cannot be read."""

    title = "Input refused"


class AddressRefused(InputRefused):
    """This address is private or reserved, so it is not fetched."""

    title = "Address refused"


class FetchFailed(InputRefused):
    """This address could not be fetched."""

    title = "Fetch failed"

    def __init__(
        self,
        detail: str | None = None,
        *,
        remote_status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """``remote_status`` is what the other side answered; ``retry_after`` is in seconds."""
        super().__init__(detail)
        self.remote_status = remote_status
        self.retryable = retryable
        self.retry_after = retry_after


class RateLimited(HelpNinjaError):
    """Too many requests. Please wait a moment."""

    status = 429
    title = "Too many requests"

    def __init__(self, detail: str | None = None, *, limit: int, retry_after: int) -> None:
        super().__init__(detail)
        self.limit = limit
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {
            "retry-after": str(self.retry_after),
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": "0",
            "ratelimit-reset": str(self.retry_after),
        }


class ProviderFailed(HelpNinjaError):
    """The model provider gave no usable answer."""

    status = 502
    title = "Model provider failed"


class ProviderUnavailable(ProviderFailed):
    """The model provider is not available right now."""

    status = 503
    title = "Model provider unavailable"

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None) -> None:
        """``retry_after`` are the seconds that the provider asks to be left alone for."""
        super().__init__(detail)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


class ProviderTimedOut(ProviderFailed):
    """The model provider took too long."""

    status = 504
    title = "Model provider timed out"


class DeliveryFailed(HelpNinjaError):
    """The destination did not take the message."""

    status = 502
    title = "Delivery failed"

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after: float | None = None,
        is_final: bool = False,
        remote_status: int | None = None,
        remote_answer: str = "",
        refused: Mapping[str, bool] | None = None,
        is_ours: bool = False,
    ) -> None:
        """``retry_after`` seconds are what the other side asks for; a final failure is not tried again.

        ``remote_status`` and ``remote_answer``, the beginning of it, are what it answered, if it did.
        What ``is_ours`` says nothing about the destination; with ``retry_after`` it was not tried at all.
        ``refused`` are addresses of a mail that all others took, each with whether that is final.
        """
        super().__init__(detail)
        self.remote_status, self.remote_answer = remote_status, remote_answer
        self.retry_after = retry_after
        self.is_final = is_final
        self.refused = dict(refused or {})
        self.is_ours = is_ours


class Unavailable(HelpNinjaError):
    """This is not available right now. Please try again."""

    status = 503
    title = "Unavailable"

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None) -> None:
        """``retry_after`` seconds it should be better, where that can be said."""
        super().__init__(detail)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


class MailRefused(Unavailable):
    """The mail server refused the message for good."""

    title = "Mail refused"


class MailPartlyRefused(Unavailable):
    """The mail server took the message, but not for everybody."""

    title = "Mail partly refused"

    def __init__(self, refused: Mapping[str, bool]) -> None:
        """``refused`` are the addresses that it was not taken for, each with whether that is for good."""
        super().__init__(f"The mail server did not take the message for {', '.join(refused)}.")
        self.refused = dict(refused)


class ModelUnavailable(Unavailable):
    """This model is not set up here."""

    title = "Model unavailable"
