"""The billing page's own state: the plan, what is used of it, and the ways to Stripe and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast
from zoneinfo import ZoneInfo

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.checkout import Cashier
from helpninja_app.billing.plans import PACKS, PLANS, Interval, PaidPlanName
from helpninja_app.billing.subscriptions import is_live
from helpninja_app.errors import Forbidden, NotFound, NotSignedIn
from helpninja_app.resources import current_resources
from helpninja_app.screens.billing.credits_state import CreditsState
from helpninja_app.screens.billing.figures import (
    INTERVALS,
    Awaited,
    Figures,
    ask_owners,
    owners_of,
    plan_actions,
    read_figures,
    sold_in,
)
from helpninja_app.screens.billing.invoices_state import InvoicesState
from helpninja_app.screens.billing.used import UsedRow, is_used_up, month_of, usage_notices, used_rows
from helpninja_app.screens.billing.words import agreed_limits, called, describe_plan, losses
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState, fingerprint, sentence_for, signed_in, to_sign_in
from helpninja_app.screens.shell.state import ShellState, told

PATH = "/app/billing"
# The heading that the focus goes to when what had it is gone.
PLAN = "plan"
POLL_SECONDS = 2.0
POLLS = 30
# After that minute the page looks more slowly, for an hour.
LATE_SECONDS = 30.0
LATE_LOOKS = 120
# Who comes back from Stripe in another tab than they left in: what came in so shortly before is theirs.
JUST_NOW_SECONDS = 300.0

LATE = (
    "Stripe has not told us of it yet. Nothing is lost: this page shows it as soon as Stripe does, which may"
    " take a few minutes more. Please do not pay a second time."
)
OVER = (
    "Stripe has not told us of it for an hour, so this page has stopped looking. Nothing is lost: load the"
    " page again to look anew, and please do not pay a second time."
)
UNSURE = (
    "Below is what Stripe has told us of. If what you paid for is not among it yet, it appears here as soon"
    " as Stripe tells us of it. Please do not pay a second time."
)
DONE = "Stripe has confirmed it. What you bought is there."
_NOTHING: dict[str, str] = dict.fromkeys((f"{plan}:{each}" for plan in PLANS for each in INTERVALS), "")


class BillingState(PageState, SignedInState):
    """``actions`` are what the plans' buttons say, by ``pro:month``; ``packs`` the credits that are for sale.

    ``going_to`` names the button whose link is being fetched, and ``who_can`` says so to whoever may not be
    here. ``confirmation`` is ``"waiting"``, then ``"late"``, at last ``"over"`` after a payment that Stripe
    has not told us of, and ``"unsure"`` where what is there may be that payment's or one's of before.
    ``heard`` counts the looks since it is late: the browser asks for each.
    """

    plan: str = ""
    badge: str = ""
    tone: str = "neutral"
    sentence: str = ""
    agreed: str = ""
    is_unpaid: bool = False
    keep: str = ""
    may_cancel: bool = False
    losses: str = ""
    used: rx.Field[list[UsedRow]] = rx.field(default_factory=list)
    month: str = ""
    notices: rx.Field[list[str]] = rx.field(default_factory=list)
    is_used_up: bool = False
    interval: str = "month"
    is_sold_yearly: bool = True
    actions: rx.Field[dict[str, str]] = rx.field(default_factory=lambda: dict(_NOTHING))
    packs: rx.Field[list[str]] = rx.field(default_factory=list)
    has_payments: bool = True
    is_unlimited: bool = False
    has_customer: bool = False
    going_to: str = ""
    confirmation: str = ""
    heard: int = 0
    who_can: str = ""

    # What was there, of the kind that is awaited, when this tab went to Stripe; and what is there now.
    _left_with: str = ""
    _marks: rx.Field[dict[Awaited, str]] = rx.field(default_factory=dict)
    # The workspace that ``_marks`` are of.
    _marked: str = ""
    _has_bought: bool = False
    _is_recent: bool = False
    _is_asked: bool = False
    _follower: int = 0

    @rx.event(background=True)
    async def open_billing(self) -> Any:
        """Run when the page loads, also on the way back from Stripe, and to try again."""
        asked = self.router.url.query_parameters
        is_paid = asked.get("checkout") == "done"
        async with self:
            # Once: what is chosen here since then stays when the connection is back.
            if not self._is_asked and asked.get("interval") in INTERVALS:
                self._is_asked, self.interval = True, asked["interval"]
            before = self._marked
        next_step = await self._answer(going_to="")
        async with self:
            if not self._marks or self.failure:
                return next_step
            if before not in {"", self._marked}:
                # Another tab went to another workspace: what was paid is that one's, and not of this.
                return rx.redirect(PATH, replace=True) if is_paid else next_step
            if is_paid and (self._is_there() if self._left_with else self._is_recent):
                return self._settle(told(DONE, "success"))
            if is_paid:
                self._await_payment()
            elif not self._left_with:
                return next_step
            self._left_with = self._left_with or self._marks["anything"]
        follow: Any = BillingState.follow_payment
        return [*(next_step or []), follow] if isinstance(next_step, list | None) else [next_step, follow]

    @rx.event(background=True)
    async def follow_payment(self) -> Any:
        """Look every two seconds, for a minute, whether Stripe has told us of what was done there.

        Once it is late it looks once and waits; then the browser asks for it again, so that it ends soon
        after its tab is closed. Only the follower that was started last goes on, so that nobody can start a
        crowd of them.
        """
        async with self:
            self._follower += 1
            mine, is_slow = self._follower, self._is_slow()
        for _ in range(1 if is_slow else POLLS):
            try:
                latest, read_for = self._latest, fingerprint(self)
                caller = await signed_in(self)
                found = await self._find(caller)
            except NotSignedIn:
                return to_sign_in(PATH)
            except Exception as error:
                async with self:
                    if self._follower == mine:
                        self.failure = sentence_for(error)
                        self._go_slower()
                return None
            async with self:
                if self._follower != mine or not self._show_to_this_session(read_for):
                    return None
                if self._workspace_shown not in {"", str(caller.workspace.id)}:
                    self._left_with = self.confirmation = ""
                    return None
                if self._latest == latest:
                    self.failure = ""
                    self._show(found, caller)
                if not self._left_with or self.who_can:
                    return None
                if self._is_there():
                    return self._settle(told(DONE, "success") if self.confirmation else None)
            await asyncio.sleep(LATE_SECONDS if is_slow else POLL_SECONDS)
        async with self:
            if self._follower == mine:
                self._end_look(is_slow=is_slow)
        return None

    @rx.event
    def choose_interval(self, interval: str) -> None:
        """Prices for a month or for a year."""
        if interval in INTERVALS:
            self.interval = interval

    @rx.event(background=True)
    async def buy_plan(self, plan: str, interval: str) -> Any:
        """Go to the page that takes the payment or confirms the change."""

        async def link(cashier: Cashier) -> str:
            # What comes over the websocket may be of any type.
            if str(plan) not in PLANS or plan == "free" or str(interval) not in INTERVALS:
                raise NotFound("There is no such plan.")
            return await cashier.buy_plan(cast("PaidPlanName", plan), cast("Interval", interval))

        return await self._leave(f"{plan}"[:20], "plan", link)

    @rx.event(background=True)
    async def buy_credits(self, credits: int) -> Any:
        """Go to the page that takes the payment of a pack."""

        async def link(cashier: Cashier) -> str:
            if not isinstance(credits, int) or credits not in PACKS:
                raise NotFound("There is no such pack of credits.")
            return await cashier.buy_pack(credits)

        return await self._leave(f"{credits}"[:20], "credits", link)

    @rx.event(background=True)
    async def open_portal(self) -> Any:
        """Go to Stripe's page for cards, addresses and invoices."""
        return await self._leave("portal", "anything", lambda cashier: cashier.portal_link())

    @rx.event(background=True)
    async def cancel_plan(self) -> Any:
        """End the plan with what is paid for."""
        return await self._change("cancel", lambda cashier: cashier.cancel_plan())

    @rx.event(background=True)
    async def keep_plan(self) -> Any:
        """Take back a cancellation or a change that has not begun."""
        return await self._change("keep", lambda cashier: cashier.keep_plan())

    async def _leave(self, button: str, awaited: Awaited, link: Callable[[Cashier], Awaitable[str]]) -> Any:
        """Send the browser to the page of Stripe's that ``link`` gives, from which ``awaited`` comes."""
        addresses = list[str]()

        def go(address: str) -> Any:
            addresses.append(address)
            return rx.redirect(address)

        next_step = await self._at_the_cashier(button, link, go)
        async with self:
            if addresses:
                # As it was read after that: what another tab bought meanwhile is not what this one awaits.
                self._left_with, self.confirmation = self._marks.get(awaited, ""), ""
                # Who still looks for what was left for before is to forget nothing of this.
                self._follower += 1
        return next_step

    async def _change(self, button: str, act: Callable[[Cashier], Awaitable[None]]) -> Any:
        async with self:
            if self._left_with != self._marks.get("credits"):
                # What is changed here is not to be taken for what was paid there.
                self._left_with = self.confirmation = ""
                self._follower += 1
        return await self._at_the_cashier(button, act, lambda _: rx.set_focus(PLAN))

    async def _at_the_cashier(
        self, button: str, ask: Callable[[Cashier], Awaitable[Any]], then: Callable[[Any], Any]
    ) -> Any:
        """Ask the cashier for something, one thing at a time however often a button is pressed."""

        async def errand(caller: MemberCaller) -> Any:
            require(caller, Permission.MANAGE_BILLING)
            return await ask(current_resources().cashier(caller))

        async with self:
            if self.going_to:
                return None
            self.going_to = button
        try:
            return await self._answer(errand=errand, then=then)
        finally:
            async with self:
                self.going_to = ""

    def _is_there(self) -> bool:
        """Whether what this tab went to Stripe for differs from how it left it."""
        return self._left_with not in self._marks.values()

    def _await_payment(self) -> None:
        """Say how it stands with a payment that is not there yet, as far as this tab can know."""
        if not self._left_with:
            # It began in another tab, or before this server did, and may be what is there already.
            self.confirmation = "unsure" if self._has_bought else "waiting"
        elif self.confirmation in {"", "over"}:
            self.confirmation = "late" if self.confirmation else "waiting"
        self.heard = 0

    def _is_slow(self) -> bool:
        return self.confirmation in {"late", "unsure"}

    def _go_slower(self) -> None:
        """The first minute is over, or something failed in it."""
        if self.confirmation == "waiting":
            self.confirmation, self.heard = "late", 0

    def _end_look(self, *, is_slow: bool) -> None:
        """The minute, or what was waited after one look, is over."""
        self._go_slower()
        self.heard += is_slow
        if self.heard >= LATE_LOOKS and self._is_slow():
            self.confirmation = "over" if self.confirmation == "late" else ""
        if not self.confirmation:
            self._left_with = ""

    def _settle(self, *events: Any) -> list[Any]:
        """What was awaited is there: the whole page shows it, and its address forgets the payment."""
        self._left_with = self.confirmation = ""
        if "checkout" in self.router.url.query_parameters:
            return [*events, rx.redirect(PATH, replace=True)]
        reading: list[Any] = [ShellState.open_shell, InvoicesState.open_invoices, CreditsState.open_credits]
        return [each for each in events if each is not None] + reading

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Figures | list[str]:
        if Permission.MANAGE_BILLING not in caller.permissions:
            return await owners_of(session, caller)
        return await read_figures(session, caller, current_resources().plan_of)

    async def _find(self, caller: MemberCaller) -> Any:
        """As of one moment: the plan, and what is said of who pays for it."""
        database = current_resources().database
        async with database.unit_of_work(caller.scope, consistent=True) as session:
            return await self._read(session, caller)

    def _show(self, found: Figures | list[str], caller: MemberCaller) -> None:
        if self._marked not in {"", str(caller.workspace.id)}:
            # What this tab waits for was bought for another workspace.
            self._left_with = self.confirmation = ""
            self._marks = {}
        self._marked = str(caller.workspace.id)
        if isinstance(found, list):
            self._show_who_can(found, caller)
            return
        resources, zone = current_resources(), ZoneInfo(caller.workspace.time_zone)
        plan = found.plan
        subscription, counting = found.subscription, found.counting
        words = describe_plan(
            plan, subscription, found.moment, zone, resources.stripe.prices.plans if resources.stripe else ()
        )
        self.who_can = ""
        self.plan, self.badge, self.tone, self.sentence = (
            called(plan),
            words.badge,
            words.tone,
            words.sentence,
        )
        self.agreed = "" if resources.settings.is_unlimited else agreed_limits(plan, counting)
        self.is_unpaid = subscription is not None and subscription.status == "past_due"
        self.keep, self.may_cancel = words.keep, words.may_cancel and resources.stripe is not None
        if subscription is not None:
            self.losses = losses(subscription, found.moment, zone)
        self.used = used_rows(found.used, counting)
        self.month = month_of(found.used.messages, zone)
        usages = (found.used.messages, found.used.credits)
        self.notices, self.is_used_up = usage_notices(usages, zone), is_used_up(usages)
        self.has_payments, self.is_unlimited = resources.stripe is not None, resources.settings.is_unlimited
        prices = resources.stripe.prices if resources.stripe and not self.is_unlimited else None
        self.actions = plan_actions(plan, subscription, prices, is_held=bool(words.keep))
        by_year = subscription is not None and is_live(subscription) and subscription.interval == "year"
        self.is_sold_yearly = (
            prices is None or by_year or any(interval == "year" for _, interval in sold_in(prices))
        )
        if not self.is_sold_yearly:
            self.interval = "month"
        self.packs = [f"{pack.credits}" for pack in prices.packs.values()] if prices else []
        self.has_customer = resources.stripe is not None and (subscription is not None or found.top_ups > 0)
        if not self._marks and subscription is not None:
            self.interval = "year" if subscription.interval == "year" else "month"
        self._marks, self._is_recent = found.marks, found.is_recent(JUST_NOW_SECONDS)
        self._has_bought = found.top_ups > 0 or (subscription is not None and is_live(subscription))

    def _show_who_can(self, owners: list[str], caller: MemberCaller) -> None:
        self.who_can = ask_owners(owners)
        try:
            require(caller, Permission.MANAGE_BILLING)
        except Forbidden as forbidden:
            self.failure = forbidden.detail
