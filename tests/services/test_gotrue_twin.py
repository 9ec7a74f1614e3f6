"""Supabase's real client gets from the twin what it gets from GoTrue: sign-up, sessions, links, providers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from supabase_auth import AsyncMemoryStorage
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError

from tests.services.supabase_clients import code_of, open_auth
from tests.twins.gotrue import Gotrue, click, consent, fragment_of, query_of, running_gotrue

PASSWORD = "correct horse 7"
BACK = "http://127.0.0.1:3000/auth/callback"


@pytest.fixture
def gotrue() -> Iterator[Gotrue]:
    with running_gotrue() as running:
        yield running


async def test_a_sign_up_waits_for_its_mail_and_its_code_is_exchanged(gotrue: Gotrue) -> None:
    async with open_auth(gotrue) as auth:
        made = await auth.sign_up(
            {"email": "Ada@example.com", "password": PASSWORD, "options": {"email_redirect_to": BACK}}
        )
        assert made.session is None
        assert made.user
        assert made.user.email == "ada@example.com"
        with pytest.raises(AuthApiError) as refused:
            await auth.sign_in_with_password({"email": "ada@example.com", "password": PASSWORD})
        assert code_of(refused.value) == (400, "email_not_confirmed")
        back = await click(gotrue.last_mail("ada@example.com", "signup"))
        assert back.startswith(f"{BACK}?code=")
        signed_in = await auth.exchange_code_for_session({"auth_code": query_of(back)["code"]})
    assert signed_in.session
    assert signed_in.session.user.email_confirmed_at
    assert [identity.provider for identity in signed_in.session.user.identities or []] == ["email"]


async def test_a_taken_address_looks_like_a_new_one_and_no_mail_is_sent(gotrue: Gotrue) -> None:
    known = gotrue.add_user("ada@example.com")
    async with open_auth(gotrue) as auth:
        made = await auth.sign_up({"email": "ada@example.com", "password": "another horse 8"})
    assert made.user
    assert made.user.id != known.id
    assert made.user.identities == []
    assert not gotrue.mails
    assert known.password == PASSWORD


async def test_with_autoconfirm_a_sign_up_is_a_session_and_a_taken_address_an_error(gotrue: Gotrue) -> None:
    gotrue.settings.autoconfirm = True
    async with open_auth(gotrue) as auth:
        made = await auth.sign_up({"email": "ada@example.com", "password": PASSWORD})
        assert made.session
        with pytest.raises(AuthApiError) as refused:
            await auth.sign_up({"email": "ada@example.com", "password": PASSWORD})
    assert code_of(refused.value) == (422, "user_already_exists")


async def test_a_closed_project_and_a_weak_password_are_refused(gotrue: Gotrue) -> None:
    gotrue.settings.pwned_passwords = frozenset({"12345"})
    async with open_auth(gotrue) as auth:
        with pytest.raises(AuthWeakPasswordError) as weak:
            await auth.sign_up({"email": "ada@example.com", "password": "12345"})
        gotrue.settings.disable_signup = True
        with pytest.raises(AuthApiError) as closed:
            await auth.sign_up({"email": "ada@example.com", "password": PASSWORD})
    assert weak.value.reasons == ["length", "pwned"]
    assert code_of(closed.value) == (422, "signup_disabled")


async def test_wrong_and_unknown_credentials_get_the_same_answer(gotrue: Gotrue) -> None:
    gotrue.add_user("ada@example.com")
    async with open_auth(gotrue) as auth:
        answers = []
        for email, password in (("ada@example.com", "wrong"), ("nobody@example.com", PASSWORD)):
            with pytest.raises(AuthApiError) as refused:
                await auth.sign_in_with_password({"email": email, "password": password})
            answers.append((code_of(refused.value), refused.value.message))
    assert answers == [((400, "invalid_credentials"), "Invalid login credentials")] * 2


async def test_a_refresh_token_is_rotated_and_its_predecessor_still_finds_the_successor(
    gotrue: Gotrue,
) -> None:
    first = gotrue.sign_in(gotrue.add_user("ada@example.com"))
    async with open_auth(gotrue) as auth:
        second = (await auth.refresh_session(first["refresh_token"])).session
        assert second
        assert second.refresh_token != first["refresh_token"]
        gotrue.advance(3600)
        again = (await auth.refresh_session(first["refresh_token"])).session
    assert again
    assert again.refresh_token == second.refresh_token


async def test_reuse_after_the_interval_ends_the_whole_chain(gotrue: Gotrue) -> None:
    first = gotrue.sign_in(gotrue.add_user("ada@example.com"))["refresh_token"]
    async with open_auth(gotrue) as auth:
        second = await auth.refresh_session(first)
        assert second.session
        third = await auth.refresh_session(second.session.refresh_token)
        assert third.session
        within = await auth.refresh_session(first)
        assert within.session
        gotrue.advance(11)
        with pytest.raises(AuthApiError) as reused:
            await auth.refresh_session(second.session.refresh_token)
        assert code_of(reused.value) == (400, "refresh_token_already_used")
        # GoTrue's interval counts for what was revoked just now, too.
        gotrue.advance(11)
        with pytest.raises(AuthApiError) as newest:
            await auth.refresh_session(within.session.refresh_token)
        with pytest.raises(AuthApiError) as unknown:
            await auth.refresh_session("0123456789ab")
    assert code_of(newest.value) == (400, "refresh_token_already_used")
    assert code_of(unknown.value) == (400, "refresh_token_not_found")


async def test_a_magic_link_is_for_one_click_and_for_the_client_that_asked(gotrue: Gotrue) -> None:
    gotrue.add_user("ada@example.com")
    storage = AsyncMemoryStorage()
    async with open_auth(gotrue, storage=storage) as auth:
        await auth.sign_in_with_otp({"email": "ada@example.com", "options": {"email_redirect_to": BACK}})
    mail = gotrue.last_mail("ada@example.com", "magiclink")
    code = query_of(await click(mail))["code"]
    spent = query_of(await click(mail))
    assert (spent["error"], spent["error_code"]) == ("access_denied", "otp_expired")
    async with open_auth(gotrue) as stranger:
        with pytest.raises(AuthApiError) as refused:
            await stranger.exchange_code_for_session({"auth_code": code, "code_verifier": "x" * 64})
    assert code_of(refused.value) == (400, "bad_code_verifier")
    async with open_auth(gotrue, storage=storage) as auth:
        signed_in = await auth.exchange_code_for_session({"auth_code": code})
        assert signed_in.session
        claims = await auth.get_claims(signed_in.session.access_token)
        assert claims
        assert claims["claims"]["amr"][0]["method"] == "magiclink"
        with pytest.raises(AuthApiError) as again:
            await auth.exchange_code_for_session({"auth_code": code, "code_verifier": "x" * 64})
    assert code_of(again.value) == (404, "flow_state_not_found")


async def test_a_magic_link_makes_a_person_only_where_it_may(gotrue: Gotrue) -> None:
    async with open_auth(gotrue) as auth:
        with pytest.raises(AuthApiError) as refused:
            await auth.sign_in_with_otp(
                {"email": "new@example.com", "options": {"should_create_user": False}}
            )
        assert code_of(refused.value) == (422, "otp_disabled")
        await auth.sign_in_with_otp({"email": "new@example.com"})
        mail = gotrue.last_mail("new@example.com", "signup")
        typed = await auth.verify_otp({"email": "new@example.com", "token": mail.token, "type": "email"})
    assert typed.session


async def test_a_link_is_over_after_its_lifetime(gotrue: Gotrue) -> None:
    gotrue.add_user("ada@example.com")
    async with open_auth(gotrue) as auth:
        await auth.reset_password_for_email("ada@example.com", {"redirect_to": BACK})
        mail = gotrue.last_mail("ada@example.com", "recovery")
        gotrue.advance(3601)
        with pytest.raises(AuthApiError) as refused:
            await auth.verify_otp({"token_hash": mail.token_hash, "type": "recovery"})
    assert code_of(refused.value) == (403, "otp_expired")


async def test_a_password_is_recovered_and_other_sessions_end(gotrue: Gotrue) -> None:
    elsewhere = gotrue.sign_in(gotrue.add_user("ada@example.com"))
    async with open_auth(gotrue) as auth:
        await auth.reset_password_for_email("nobody@example.com", {"redirect_to": BACK})
        assert not gotrue.mails
        await auth.reset_password_for_email("ada@example.com", {"redirect_to": BACK})
        mail = gotrue.last_mail("ada@example.com", "recovery")
        await auth.verify_otp({"token_hash": mail.token_hash, "type": "recovery"})
        with pytest.raises(AuthApiError) as same:
            await auth.update_user({"password": PASSWORD})
        assert code_of(same.value) == (422, "same_password")
        await auth.update_user({"password": "a newer horse 8"})
        with pytest.raises(AuthApiError) as ended:
            await auth.get_user(elsewhere["access_token"])
        assert code_of(ended.value) == (403, "session_not_found")
        assert (
            await auth.sign_in_with_password({"email": "ada@example.com", "password": "a newer horse 8"})
        ).session


async def test_a_flow_of_recovery_is_over_five_minutes_after_it_began(gotrue: Gotrue) -> None:
    gotrue.add_user("ada@example.com")
    async with open_auth(gotrue) as auth:
        await auth.reset_password_for_email("ada@example.com", {"redirect_to": BACK})
        gotrue.advance(301)
        code = query_of(await click(gotrue.last_mail("ada@example.com")))["code"]
        with pytest.raises(AuthApiError) as refused:
            await auth.exchange_code_for_session({"auth_code": code})
    assert code_of(refused.value) == (422, "flow_state_expired")


async def test_a_link_without_a_challenge_ends_in_a_fragment(gotrue: Gotrue) -> None:
    gotrue.add_user("ada@example.com", is_confirmed=False)
    async with open_auth(gotrue) as auth:
        await auth.resend({"type": "signup", "email": "ada@example.com"})
        fragment = fragment_of(await click(gotrue.last_mail("ada@example.com", "signup")))
        assert fragment["type"] == "signup"
        assert await auth.get_user(fragment["access_token"])


async def test_a_provider_is_asked_and_its_answer_exchanged(gotrue: Gotrue) -> None:
    async with open_auth(gotrue) as auth:
        start = await auth.sign_in_with_oauth({"provider": "google", "options": {"redirect_to": BACK}})
        back = await consent(start.url, "robin@example.com")
        assert back.startswith(f"{BACK}?code=")
        signed_in = await auth.exchange_code_for_session({"auth_code": query_of(back)["code"]})
    assert signed_in.session
    assert signed_in.session.provider_token
    assert signed_in.session.user.app_metadata == {"provider": "google", "providers": ["google"]}
    assert signed_in.session.user.user_metadata["full_name"] == "Robin Example"


async def test_a_refusal_at_the_provider_comes_back_as_an_error(gotrue: Gotrue) -> None:
    async with open_auth(gotrue) as auth:
        start = await auth.sign_in_with_oauth({"provider": "github", "options": {"redirect_to": BACK}})
    told = query_of(await consent(start.url, is_denied=True))
    assert told["error"] == "access_denied"
    assert told["error_description"] == "The user denied the request"


async def test_a_provider_that_is_off_or_unknown_is_refused_in_words(gotrue: Gotrue) -> None:
    async with httpx.AsyncClient() as browser:
        for provider in ("apple", "nonsense"):
            answer = await browser.get(f"{gotrue.issuer}/authorize?provider={provider}")
            assert answer.status_code == 400
            assert answer.json()["error_code"] == "validation_failed"


async def test_a_verified_address_joins_the_account_and_an_unverified_one_does_not(gotrue: Gotrue) -> None:
    known = gotrue.add_user("ada@example.com")
    async with open_auth(gotrue) as auth:
        for is_verified in (False, True):
            start = await auth.sign_in_with_oauth({"provider": "google", "options": {"redirect_to": BACK}})
            query = query_of(await consent(start.url, "ada@example.com", is_verified=is_verified))
            if not is_verified:
                assert query["error_code"] == "provider_email_needs_verification"
                gotrue.forget(next(user for user in gotrue.users.values() if user.id != known.id))
        joined = await auth.exchange_code_for_session({"auth_code": query["code"]})
    assert joined.user
    assert joined.user.id == known.id
    assert joined.user.app_metadata["providers"] == ["email", "google"]


async def test_whoever_signed_up_with_anothers_address_loses_their_way_in(gotrue: Gotrue) -> None:
    squatter = gotrue.add_user("ada@example.com", is_confirmed=False)
    async with open_auth(gotrue) as auth:
        start = await auth.sign_in_with_oauth({"provider": "google", "options": {"redirect_to": BACK}})
        await consent(start.url, "ada@example.com")
    assert squatter.password is None
    assert [identity.provider for identity in squatter.identities] == ["google"]


@pytest.mark.parametrize(("scope", "left"), [("global", 0), ("local", 2), ("others", 1)])
async def test_a_sign_out_ends_what_its_scope_says(gotrue: Gotrue, scope: str, left: int) -> None:
    user = gotrue.add_user("ada@example.com")
    tokens = [gotrue.sign_in(user)["access_token"] for _ in range(3)]
    async with open_auth(gotrue) as auth:
        await auth.admin.sign_out(tokens[0], scope)  # type: ignore[arg-type]
    assert len(gotrue.sessions) == left


async def test_a_new_address_is_confirmed_at_both_ends(gotrue: Gotrue) -> None:
    gotrue.add_user("ada@example.com")
    async with open_auth(gotrue) as auth:
        await auth.sign_in_with_password({"email": "ada@example.com", "password": PASSWORD})
        await auth.update_user({"email": "lovelace@example.com"}, {"email_redirect_to": BACK})
        half = await click(gotrue.last_mail("ada@example.com", "email_change"))
        assert query_of(half)["message"].startswith("Confirmation link accepted.")
        assert query_of(await click(gotrue.last_mail("lovelace@example.com", "email_change")))["code"]
    assert gotrue.user("lovelace@example.com")


async def test_the_service_role_manages_people_and_nobody_else_does(gotrue: Gotrue) -> None:
    async with open_auth(gotrue, key=gotrue.service_role_key) as auth:
        made = await auth.admin.create_user({"email": "ada@example.com", "email_confirm": True})
        assert [user.id for user in await auth.admin.list_users()] == [made.user.id]
        link = await auth.admin.generate_link({"type": "magiclink", "email": "ada@example.com"})
        assert not gotrue.mails
        session = await auth.verify_otp({"token_hash": link.properties.hashed_token, "type": "magiclink"})
        assert session.session
    async with open_auth(gotrue, key=gotrue.secret_key) as auth:
        await auth.admin.update_user_by_id(made.user.id, {"ban_duration": "24h"})
        await auth.admin.invite_user_by_email("guest@example.com", {"redirect_to": BACK})
        await auth.admin.delete_user(made.user.id)
        assert [user.email for user in await auth.admin.list_users()] == ["guest@example.com"]
    async with open_auth(gotrue) as auth:
        with pytest.raises(AuthApiError) as refused:
            await auth.admin.list_users()
    assert code_of(refused.value) == (403, "not_admin")


async def test_a_redirect_leads_only_where_the_project_allows(gotrue: Gotrue) -> None:
    gotrue.settings.site_url = "https://app.helpninja.test"
    gotrue.settings.redirect_urls = ("https://*.preview.test/**",)
    for asked, led in (
        ("https://app.helpninja.test/deep?a=1", "https://app.helpninja.test/deep?a=1"),
        ("https://one.preview.test/a/b", "https://one.preview.test/a/b"),
        ("https://one.two.preview.test/", "https://app.helpninja.test"),
        ("https://evil.test/", "https://app.helpninja.test"),
        ("http://2130706433/", "https://app.helpninja.test"),
    ):
        async with open_auth(gotrue) as auth:
            await auth.sign_in_with_otp({"email": "ada@example.com", "options": {"email_redirect_to": asked}})
        assert gotrue.last_mail("ada@example.com").redirect_to == led
