"""What becomes of a packet at a server that takes it, and at one that does all else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from helpninja_app.integrations.sending import DeliveryFailed, send
from helpninja_app.integrations.signatures import new_secret
from helpninja_app.kernel.safe_http import SafeHttp, Timeouts
from helpninja_app.kernel.safe_http import client as safe_http_client
from tests.mailbox import Mailbox
from tests.packets import packet, packet_of
from tests.twins.webhook_peer import (
    SECRET,
    Fault,
    WebhookPeer,
    reset,
    silence,
    status,
    taken_and_broken_off,
    taken_with_a_slow_body,
    taken_with_an_endless_body,
    teams_says_it_failed,
)

PROVIDERS = ("slack", "teams", "discord", "webhook")
LONG = "<@everyone> \\ & " * 3000


@pytest.fixture
async def peer() -> AsyncIterator[WebhookPeer]:
    async with WebhookPeer() as peer:
        yield peer


@pytest.fixture
async def http(peer: WebhookPeer) -> AsyncIterator[SafeHttp]:
    timeouts = Timeouts(connect=4, read=3, total=4)
    async with SafeHttp(
        user_agent="test", allowed_private_hosts=frozenset({peer.site.host}), timeouts=timeouts
    ) as http:
        yield http


def credentials(provider: str, peer: WebhookPeer) -> Mapping[str, str]:
    if provider == "webhook":
        return {"url": f"{peer.site.url}/hook", "secret": SECRET}
    return {"webhook_url": f"{peer.site.url}/{provider}"}


async def _send(provider: str, peer: WebhookPeer, http: SafeHttp, **changes: Any) -> None:
    await send(provider, credentials(provider, peer), packet(**changes), http=http, mailer=Mailbox())


async def _failure(provider: str, peer: WebhookPeer, http: SafeHttp) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed:
        await _send(provider, peer, http)
    # The path of a webhook is its secret.
    assert f"/{provider}" not in failed.value.detail
    return failed.value


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_packet_is_taken_once(provider: str, peer: WebhookPeer, http: SafeHttp) -> None:
    await _send(provider, peer, http)
    assert len(peer.taken) == 1
    assert peer.taken[0][0].headers["user-agent"].startswith("HelpNinja-Webhooks/")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("text", [LONG, "語" * 30_000, "👩" * 20_000, '"' * 30_000, ""])
async def test_a_packet_of_any_length_keeps_the_limits_of_the_channel(
    provider: str, text: str, peer: WebhookPeer, http: SafeHttp
) -> None:
    await send(provider, credentials(provider, peer), packet_of(text), http=http, mailer=Mailbox())
    assert len(peer.taken) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "fault",
    [
        status("500 Internal Server Error"),
        status("503 Service Unavailable"),
        status("408 Request Timeout"),
        status("429 Too Many Requests"),
        reset,
        silence,
    ],
)
async def test_what_may_pass_is_to_be_tried_again(
    provider: str, fault: Fault, peer: WebhookPeer, http: SafeHttp
) -> None:
    peer.faults = [fault]
    assert not (await _failure(provider, peer, http)).is_final
    assert len(peer.requests) == 1
    await _send(provider, peer, http)
    assert len(peer.taken) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_as_long_as_the_other_side_asks_is_waited(
    provider: str, peer: WebhookPeer, http: SafeHttp
) -> None:
    peer.faults = [status("429 Too Many Requests", retry_after="123")]
    assert (await _failure(provider, peer, http)).retry_after == 123


async def test_nobody_can_ask_to_wait_for_ever(peer: WebhookPeer, http: SafeHttp) -> None:
    peer.faults = [status("503 Service Unavailable", retry_after="999999999")]
    assert (await _failure("slack", peer, http)).retry_after == 24 * 3600


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("line", ["404 Not Found", "410 Gone"])
async def test_an_address_that_is_gone_is_given_up(
    provider: str, line: str, peer: WebhookPeer, http: SafeHttp
) -> None:
    peer.faults = [status(line)]
    failure = await _failure(provider, peer, http)
    assert failure.is_final
    assert "any more" in failure.detail


@pytest.mark.parametrize("provider", ["slack", "teams", "discord"])
@pytest.mark.parametrize("line", ["400 Bad Request", "401 Unauthorized", "403 Forbidden"])
async def test_what_a_channel_refuses_it_will_refuse_again(
    provider: str, line: str, peer: WebhookPeer, http: SafeHttp
) -> None:
    peer.faults = [status(line)]
    assert (await _failure(provider, peer, http)).is_final


async def test_a_customer_who_cannot_verify_yet_may_set_it_right(peer: WebhookPeer, http: SafeHttp) -> None:
    peer.secret = new_secret()
    assert not (await _failure("webhook", peer, http)).is_final
    peer.secret = SECRET
    await _send("webhook", peer, http)
    first, second = peer.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == str(packet().delivery_id)


async def test_a_redirect_is_not_followed(peer: WebhookPeer, http: SafeHttp) -> None:
    peer.faults = [status("307 Temporary Redirect", location="/hook")]
    assert "leads elsewhere" in (await _failure("slack", peer, http)).detail
    assert len(peer.requests) == 1


@pytest.mark.parametrize("fault", [taken_with_a_slow_body, taken_with_an_endless_body, taken_and_broken_off])
async def test_what_was_taken_is_not_sent_again_for_the_sake_of_its_answer(
    fault: Fault, peer: WebhookPeer, http: SafeHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_http_client, "BEGINNING_SECONDS", 0.3)
    peer.faults = [fault]
    async with asyncio.timeout(30):
        await _send("slack", peer, http)
    assert len(peer.requests) == 1


async def test_teams_that_says_yes_and_means_no_is_tried_again(peer: WebhookPeer, http: SafeHttp) -> None:
    peer.faults = [teams_says_it_failed]
    failure = await _failure("teams", peer, http)
    assert not failure.is_final
    assert "429" in failure.detail


async def test_a_server_that_is_not_there_is_tried_again(http: SafeHttp, peer: WebhookPeer) -> None:
    await peer.site.__aexit__()
    assert not (await _failure("slack", peer, http)).is_final


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://127.0.0.1:1/x",
        "https://[::1]/x",
        "https://metadata.internal/",
        "http://public.example/hook",
        "file:///etc/passwd",
        "https://user:password@example.com/",
    ],
)
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_private_and_plain_addresses_are_not_posted_to(provider: str, url: str, http: SafeHttp) -> None:
    with pytest.raises(DeliveryFailed) as failed:
        await send(
            provider,
            {"webhook_url": url, "url": url, "secret": SECRET},
            packet(),
            http=http,
            mailer=Mailbox(),
        )
    assert failed.value.is_final


@pytest.mark.parametrize(
    ("provider", "given", "said"),
    [
        ("slack", {}, "webhook_url"),
        ("email", {}, "to"),
        ("webhook", {"url": "https://example.com"}, "secret"),
        ("webhook", {"url": "https://example.com", "secret": "whsec_?"}, "secret"),
        ("pager", {}, "not known"),
    ],
)
async def test_a_destination_that_is_not_whole_is_given_up(
    provider: str, given: dict[str, str], said: str, http: SafeHttp
) -> None:
    with pytest.raises(DeliveryFailed, match=said) as failed:
        await send(provider, given, packet(), http=http, mailer=Mailbox())
    assert failed.value.is_final
