"""Whatever visitors and models write, no channel takes it for a mention, a link or a header."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator
from email import message_from_bytes, policy
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpninja_app.integrations.channels.discord import discord_message
from helpninja_app.integrations.channels.mail import escalation_mail
from helpninja_app.integrations.channels.slack import slack_message
from helpninja_app.integrations.channels.teams import teams_message
from helpninja_app.integrations.channels.webhook import as_json, webhook_message
from helpninja_app.integrations.texts import cleaned, escaped_within, size
from helpninja_app.kernel.mail import written
from tests.packets import packet, packet_of

LINK = packet().link
HEADERS = {
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "list-id",
    "auto-submitted",
    "mime-version",
    "content-type",
}
ATTACKS = (
    "<!channel> <!here> <@U123> <#C1|general> <https://evil.example|Open>",
    "@everyone @here <@&1> <#2> <t:1> [Open](https://evil.example) **x** `y` ||z||",
    "# Title\n> quote\n- list\n1. one\n-# small\nhttps://evil.example",
    "<at>Everyone</at> [a](javascript:x) ![i](https://evil.example/i.png)",
    "x\r\nBcc: everyone@evil.example\r\n\r\nbody",
    "=?utf-8?q?=0D=0ABcc:_x@evil.example?=",
    "<img src=x onerror=alert(1)><a href='https://evil.example'>Open</a>",
    "\u202egnp.exe\u2066 \x00\x1b[31m \ud800 \u2028next",
    "&lt;!channel&gt; &amp;#64;everyone \\@everyone \\\\@everyone",
)
texts = st.one_of(
    st.text(st.characters(codec=None), max_size=300),
    st.lists(st.one_of(st.sampled_from(ATTACKS), st.text("<>@!|\\`*_~[]()#:&;/ \nae", max_size=40))).map(
        "".join
    ),
)


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _strings(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)
    elif isinstance(value, str):
        yield key, value


@given(texts)
def test_slack_is_shown_no_control_sequence_but_our_own_link(text: str) -> None:
    message = slack_message(packet_of(text), {})
    marked_up = [
        block["text"] for block in message["blocks"] if block.get("text", {}).get("type") == "mrkdwn"
    ]
    assert [found["text"] for found in marked_up] == [f"<{LINK}|Open the conversation>"]
    others = [found for _, found in _strings(message) if found != marked_up[0]["text"]]
    assert not any("<" in found or ">" in found for found in others)
    assert all(re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt);)*", found, re.S) for found in others)


def test_slack_is_told_to_unfurl_nothing_and_to_link_no_names() -> None:
    message = slack_message(packet(), {})
    assert (message["unfurl_links"], message["unfurl_media"]) == (False, False)
    assert (message["parse"], message["link_names"], message["mrkdwn"]) == ("none", False, False)


@given(texts)
def test_discord_is_shown_no_punctuation_that_is_not_escaped(text: str) -> None:
    [embed] = discord_message(packet_of(text))["embeds"]
    written_by_them = [embed["description"], *(given["value"] for given in embed["fields"])]
    for found in written_by_them:
        if found in {"42 %", "-"}:
            continue
        # As Discord's own reader: a backslash takes the sign after it out of all mark-up.
        bare = re.sub(r"\\[^0-9A-Za-z\s]", "", found)
        assert not set(bare) & set(string.punctuation)
        assert not re.search("@(everyone|here)", found, re.I)


def test_discord_may_ping_nobody() -> None:
    message = discord_message(packet())
    assert message["allowed_mentions"] == {"parse": []}
    assert "content" not in message


@given(texts)
def test_teams_is_shown_no_markdown_no_mention_and_one_link(text: str) -> None:
    card = teams_message(packet_of(text))["attachments"][0]["content"]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    runs = [run for block in card["body"] for run in block["inlines"]]
    assert {run["type"] for run in runs} == {"TextRun"}
    assert not any("selectAction" in run for run in runs)
    assert not any(re.search("<[a-z/]", run["text"], re.I) for run in runs)
    assert "entities" not in card["msteams"]
    assert [action["url"] for action in card["actions"]] == [LINK]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]


@given(texts)
def test_a_mail_has_our_headers_and_our_link_alone(text: str) -> None:
    mail = escalation_mail(packet_of(text), {"to": "team@example.com", "subject_prefix": text})
    raw = written(mail, "HelpNinja <help@example.com>").as_bytes()
    message = message_from_bytes(raw, policy=policy.default)
    assert {name.lower() for name in message} == HEADERS
    assert len(message) == len(HEADERS)
    assert message["to"] == "team@example.com"
    page = _Links()
    page.feed(mail.html)
    assert page.links == [LINK]
    allowed = {"html", "body", "h1", "h2", "table", "tr", "th", "td", "p", "br", "a"}
    assert set(page.tags) <= allowed


@given(texts)
def test_a_webhook_is_sent_what_was_written(text: str) -> None:
    data = json.loads(as_json(webhook_message(packet_of(text))))["data"]
    sendable = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert data["question"] == sendable


@given(texts, st.integers(1, 60))
def test_what_is_cut_is_within_its_limit_and_ends_between_escapes(text: str, limit: int) -> None:
    escapes = {"<": "&lt;", "&": "&amp;"}
    found = escaped_within(text, limit, lambda character: escapes.get(character, character))
    assert size(found) <= limit
    assert re.fullmatch(r"(?:[^&<]|&(?:lt|amp);)*", found, re.S)
    restored = found.removesuffix("…").replace("&lt;", "<").replace("&amp;", "&")
    assert cleaned(text).startswith(restored) or cleaned(text) == found


def test_a_cut_does_not_part_a_letter_from_its_accent() -> None:
    assert escaped_within("ae\u0301\u0302xyz", 4) == "a…"
    assert escaped_within("👩\u200d👩xyz", 4) == "…"


@pytest.mark.parametrize("text", ["\u202e", "\u2066", "\x00", "\x1b", "\u200f"])
def test_what_turns_or_hides_text_is_taken_out(text: str) -> None:
    assert cleaned(f"a{text}b") == "ab"


@pytest.mark.parametrize("to", ["a@b.test\r\nBcc: c@d.test", "nobody", "", "<script>@x.test", "a b@c.test"])
def test_a_mail_goes_to_addresses_only(to: str) -> None:
    with pytest.raises(ValueError, match="address"):
        escalation_mail(packet(), {"to": to})


def test_a_mail_has_a_thread_of_its_conversation_and_an_id_of_its_delivery() -> None:
    mail = escalation_mail(packet(reply_to="reply+1@help.example"), {"to": "team@example.com"})
    assert mail.references == (packet().thread_id,)
    assert mail.message_id == f"<{packet().delivery_id}@help.example>"
    assert mail.reply_to == "reply+1@help.example"
    assert mail.subject.startswith("[Bean Shop] The bot is not sure of its answer: Can I return")


def test_a_line_of_a_visitor_does_not_look_like_one_of_ours() -> None:
    text = escalation_mail(
        packet(question="hi\nOpen the conversation:\nhttps://evil.example"), {"to": "t@example.com"}
    ).text
    assert "\n    Open the conversation:" in text
    assert text.count("\nOpen the conversation:") == 1
