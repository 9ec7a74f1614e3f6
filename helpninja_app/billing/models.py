"""Tables of the ledger, of subscriptions, and of what Stripe tells us."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import DateTime
from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, time_column, workspace_column


class Unit(StrEnum):
    """What a plan has a monthly allowance of: credits in the dashboard's chat, messages in the widget."""

    CREDIT = "credit"
    MESSAGE = "message"


class EntryKind(StrEnum):
    """Why a balance changed."""

    GRANT = "grant"
    TOPUP = "topup"
    RESERVATION = "reservation"
    USAGE = "usage"
    RELEASE = "release"
    RESET = "reset"
    REFUND = "refund"


class LedgerAccount(SQLModel, table=True):
    """What a workspace has of one unit in the month that began at ``period_start``.

    ``spent`` is what the month's allowance lost to usage and to open reservations; ``granted`` is what is
    left of it. ``topped_up`` was bought and outlives the month. ``used`` was used up in this month, wherever
    it came from. ``position`` is that of the account's last entry.
    """

    __tablename__ = "ledger_accounts"

    workspace_id: UUID = workspace_column()
    unit: str = Field(primary_key=True)
    allowance: int = 0
    spent: int = 0
    topped_up: int = 0
    used: int = 0
    position: int = 0
    anchor: datetime = time_column()
    period_start: datetime = time_column()
    period_end: datetime = time_column()

    @property
    def granted(self) -> int:
        return max(self.allowance - self.spent, 0)

    @property
    def balance(self) -> int:
        return self.granted + self.topped_up


class LedgerEntry(SQLModel, table=True):
    """One change of a balance, never altered: what it did to the granted and to the topped-up part."""

    __tablename__ = "ledger_entries"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    unit: str
    position: int
    kind: str
    granted: int
    topped_up: int
    balance_after: int
    idempotency_key: str
    reservation_id: UUID | None = None
    description: str = ""
    created_at: datetime = time_column()

    @property
    def amount(self) -> int:
        return self.granted + self.topped_up


class LedgerReservation(SQLModel, table=True):
    """A reservation that is open; settled, released or expired it is gone and its entries tell of it."""

    __tablename__ = "ledger_reservations"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    unit: str
    granted: int
    topped_up: int
    period_start: datetime = time_column()
    expires_at: datetime = time_column()
    created_at: datetime = time_column()


class UsageAlert(SQLModel, table=True):
    """That owners are told of ``threshold`` per cent of a month's ``allowance``, the largest that had it."""

    __tablename__ = "usage_alerts"

    workspace_id: UUID = workspace_column()
    unit: str = Field(primary_key=True)
    period_start: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    threshold: int = Field(primary_key=True)
    allowance: int
    created_at: datetime = time_column()
    mailed_at: datetime | None = time_column(is_optional=True)


class Subscription(SQLModel, table=True):
    """What Stripe said, at ``read_at``, of the subscription that a workspace pays for.

    ``anchor`` starts its billing cycle; ``next_plan`` takes effect at ``period_end``. ``price`` is Stripe's
    id of the one that is paid, ``next_price`` that of the next plan. ``past_due_since`` is there while it is
    past due.
    """

    __tablename__ = "subscriptions"

    workspace_id: UUID = workspace_column()
    id: str
    status: str
    plan: str
    interval: str
    price: str = ""
    anchor: datetime = time_column()
    period_start: datetime = time_column()
    period_end: datetime = time_column()
    cancel_at: datetime | None = time_column(is_optional=True)
    trial_end: datetime | None = time_column(is_optional=True)
    next_plan: str | None = None
    next_interval: str | None = None
    next_price: str = ""
    past_due_since: datetime | None = time_column(is_optional=True)
    read_at: datetime = time_column()


class TopUp(SQLModel, table=True):
    """Credits bought once: its id is the checkout's. ``amount`` in US cents."""

    __tablename__ = "top_ups"

    workspace_id: UUID = workspace_column()
    id: str = Field(primary_key=True)
    payment_intent: str
    credits: int
    amount: int
    taken_back: int = 0
    read_at: datetime = time_column()
    created_at: datetime = time_column()


class StripeCustomer(SQLModel, table=True):
    """Whose customer it is: found before a workspace is known.

    ``ended_subscription`` is the one that was cancelled since its workspace is deleted, empty when there
    was nothing to cancel, or begins with ``?`` while that is not known for sure. ``replaced_at`` is there
    since another one was made in the place of one that was deleted at Stripe.
    """

    __tablename__ = "stripe_customers"

    id: str = Field(primary_key=True)
    workspace_id: UUID
    ended_subscription: str | None = None
    replaced_at: datetime | None = time_column(is_optional=True)


class StripeEvent(SQLModel, table=True):
    """An event of Stripe's, kept once; what it is about is read from Stripe when it is processed.

    ``is_live`` is its mode, unknown of those kept before it was noted.
    """

    __tablename__ = "stripe_events"

    id: str = Field(primary_key=True)
    type: str
    object_id: str
    state: str = "waiting"
    attempts: int = 0
    detail: str = ""
    is_live: bool | None = None
    workspace_id: UUID | None = None
    created_at: datetime = time_column()
    received_at: datetime = time_column()
    finished_at: datetime | None = time_column(is_optional=True)


class BillingDeadline(SQLModel, table=True):
    """When something is due in a workspace next: a reservation expires, a month or a grace ends."""

    __tablename__ = "billing_deadlines"

    workspace_id: UUID = workspace_column()
    due_at: datetime = time_column()
