"""The months that a plan's allowance is counted in."""

from __future__ import annotations

from datetime import UTC, datetime

from dateutil.relativedelta import relativedelta

# Of who does not pay: months of the calendar.
CALENDAR = datetime(1970, 1, 1, tzinfo=UTC)


def period_of(anchor: datetime, moment: datetime) -> tuple[datetime, datetime]:
    """Start and end, in UTC, of the month counted from ``anchor`` that ``moment`` lies in.

    A month has its start on the anchor's day, or on the month's last day where there is no such day, as
    Stripe's billing cycle does (https://docs.stripe.com/billing/subscriptions/billing-cycle). Before the
    anchor, as in a trial, months are counted backwards.
    """
    anchor, moment = anchor.astimezone(UTC), moment.astimezone(UTC)
    passed = (moment.year - anchor.year) * 12 + moment.month - anchor.month
    if anchor + relativedelta(months=passed) > moment:
        passed -= 1
    return anchor + relativedelta(months=passed), anchor + relativedelta(months=passed + 1)
