"""Two-factor sign-in on one's own account's page: the browser posts passwords, codes come as events."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import reflex as rx

from helpninja_app.accounts.code_limits import limit_codes
from helpninja_app.accounts.identity import SignedInUser
from helpninja_app.accounts.mails import AccountMail, request_account_mail
from helpninja_app.accounts.totp import enrolment_uri, qr_code
from helpninja_app.accounts.two_factor import (
    choose_new_recovery_codes,
    confirm_two_factor,
    load_begun_secret,
    load_status,
)
from helpninja_app.errors import Conflict, Invalid, NotSignedIn
from helpninja_app.resources import current_resources
from helpninja_app.screens.account.state import PATH
from helpninja_app.screens.once import OnceState
from helpninja_app.screens.session import (
    SignedInState,
    is_checked,
    sentence_for,
    text_in,
    to_sign_in,
    user_of_tab,
)
from helpninja_app.screens.shell.state import told

LONGEST_CODE = 64
_TOO_OLD = "This took longer than 15 minutes. Please begin again."
# What the routes that forms are posted to send back; only these sentences are shown.
_ERRORS = {
    "wrong": "Your password is not right.",
    "limited": "There were too many tries. Please wait ten minutes and try again.",
    "on-already": "Two-factor sign-in is on already.",
}
_DONE = {"off": "Two-factor sign-in is off. Signing in takes your password alone."}


class TwoFactorState(OnceState, SignedInState):
    """``secret`` is there until it is confirmed, ``codes`` until they are stored or the page is left."""

    is_loaded: bool = False
    failure: str = ""
    error: str = ""
    notice: str = ""
    problem: str = ""
    is_on: bool = False
    codes_left: int = 0
    secret: str = ""
    uri: str = ""
    qr: str = ""
    codes: rx.Field[list[str]] = rx.field(default_factory=list)
    text_of_codes: str = ""
    file_of_codes: str = ""

    @rx.event(background=True)
    async def open_two_factor(self) -> Any:
        """Run when the page loads, and to try again."""
        async with self:
            asked = self.router.url.query_parameters.get("two-factor", "")
            self.error, self.notice, self.problem = _ERRORS.get(asked, ""), _DONE.get(asked, ""), ""
            self.is_busy = self._is_under_way()
        return await self._show(is_begun=asked == "begin")

    @rx.event(background=True)
    async def confirm_code(self, form: dict[str, Any]) -> Any:
        """Switch it on by a first code of the app."""
        async with self._once(form) as click:
            if not click:
                return await self._of_nothing(form)
            return await self._confirm(text_in(form, "code", LONGEST_CODE))

    @rx.event(background=True)
    async def renew_codes(self, form: dict[str, Any]) -> Any:
        """New recovery codes, for a present code of the app."""
        async with self._once(form) as click:
            if not click:
                return await self._of_nothing(form)
            return await self._renew(text_in(form, "code", LONGEST_CODE))

    @rx.event
    def keep_codes(self, form: dict[str, Any]) -> None:
        """They are stored: show them no more."""
        if is_checked(form, "stored"):
            self._put_away()

    @rx.event
    def put_codes_away(self) -> None:
        """The page is there anew: codes that were made on it before are not shown again."""
        self._put_away()

    async def _confirm(self, code: str) -> Any:
        try:
            resources = current_resources()
            user = await user_of_tab(self)
            keys = resources.settings.keys_for_encryption()
            async with resources.database.unit_of_work(user.scope) as session:
                codes = await confirm_two_factor(session, keys, user.id, user.session_id, code)
                await request_account_mail(session, resources.queue, AccountMail.TWO_FACTOR_ON, user.id)
        except Exception as error:
            return await self._say(error)
        await self._show_codes(codes)
        return told("Two-factor sign-in is on.", "success")

    async def _renew(self, code: str) -> Any:
        try:
            resources = current_resources()
            user = await user_of_tab(self)
            per_account = resources.settings.sign_in_limit_per_account
            await limit_codes(resources.limiter, user.id, code, per_account=per_account)
            keys = resources.settings.keys_for_encryption()
            async with resources.database.unit_of_work(user.scope) as session:
                codes = await choose_new_recovery_codes(session, keys, user.id, code)
        except Exception as error:
            return await self._say(error)
        await self._show_codes(codes)
        return told("The old recovery codes do not count any more.", "success")

    async def _say(self, error: Exception) -> Any:
        """What is wrong with a code at its field, anything else at the corner of the page."""
        if isinstance(error, NotSignedIn):
            return to_sign_in(PATH)
        sentence = sentence_for(error)
        if isinstance(error, Invalid):
            async with self:
                self._show_to_this_session()
                self.problem = sentence
            return None
        if isinstance(error, Conflict):
            # Another tab was quicker, or too much time went by: what is shown here is not so any more.
            async with self:
                self._put_away()
            await self._show()
        return told(sentence, "danger")

    async def _show_codes(self, codes: list[str]) -> None:
        text = "\n".join(codes) + "\n"
        async with self:
            self._show_to_this_session()
            self.drawn += 1
            self.is_on, self.codes_left = True, len(codes)
            self.codes, self.text_of_codes = codes, text
            self.file_of_codes = f"data:text/plain;charset=utf-8,{quote(text)}"
            self.secret, self.uri, self.qr = "", "", ""
            self.problem, self.error, self.notice = "", "", ""

    async def _show(self, *, is_begun: bool = False) -> Any:
        try:
            resources = current_resources()
            user = await user_of_tab(self)
            async with resources.database.unit_of_work(user.scope) as session:
                status = await load_status(session, user.id)
                keys = resources.settings.keys_for_encryption()
                secret = (
                    await load_begun_secret(session, keys, user.id, user.session_id) if is_begun else None
                )
        except NotSignedIn:
            return to_sign_in(PATH)
        except Exception as error:
            async with self:
                self.failure, self.is_loaded = sentence_for(error), False
            return None
        async with self:
            self._show_to_this_session()
            self.failure = ""
            self.is_on, self.codes_left = status.is_on, status.codes_left
            if not status.is_on:
                self._put_away()
            self._put_secret(user, secret)
            if is_begun and not status.is_on and secret is None:
                self.error = _TOO_OLD
            self.is_loaded = True
        return None

    def _put_away(self) -> None:
        self.codes, self.text_of_codes, self.file_of_codes = [], "", ""

    def _put_secret(self, user: SignedInUser, secret: str | None) -> None:
        self.secret = secret or ""
        self.uri = enrolment_uri(secret, user.email) if secret else ""
        self.qr = qr_code(self.uri) if secret else ""
