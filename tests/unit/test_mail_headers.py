"""Mails as they are written: what people wrote never becomes a header, an address or a line of its own."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from hypothesis import example, given
from hypothesis import strategies as st

from helpninja_app.kernel.mail import Mail, written

HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Type",
    "Content-Transfer-Encoding",
    "MIME-Version",
}


def _sent(mail: Mail, sender: str = "HelpNinja <help@example.com>") -> EmailMessage:
    return message_from_bytes(written(mail, sender).as_bytes(), _class=EmailMessage, policy=policy.default)


@given(st.text(), st.text(), st.text())
@example("a\r\nBcc: everybody@example.com", "x\nReply-To: thief@example.com", "")
@example('"Shop" <thief@example.com>,', "=?utf-8?q?a=0ABcc:_b?=", "a, b@example.com")
@example("", ";\U00018cd6\xa1", "")
def test_no_text_adds_a_header_or_an_address(subject: str, name: str, body: str) -> None:
    safe = body.encode("utf-8", "replace").decode()
    message = _sent(Mail("reader@example.com", subject, safe, sender_name=name))
    assert set(message.keys()) == HEADERS
    assert [each.addr_spec for each in message["From"].addresses] == ["help@example.com"]
    assert [each.addr_spec for each in message["To"].addresses] == ["reader@example.com"]


def test_a_thread_is_named_as_rfc_5322_has_it() -> None:
    mail = Mail(
        "reader@example.com",
        "Re: boots",
        "Yes.",
        message_id="<3@shop.example>",
        references=("<1@shop.example>", "<2@shop.example>"),
        reply_to="reply+abc@in.example.com",
    )
    message = _sent(mail)
    assert message["Message-ID"] == "<3@shop.example>"
    assert message["In-Reply-To"] == "<2@shop.example>"
    assert message["References"] == "<1@shop.example> <2@shop.example>"
    assert message["Reply-To"].addresses[0].addr_spec == "reply+abc@in.example.com"


def test_a_mail_with_html_has_both() -> None:
    message = _sent(Mail("reader@example.com", "Boots", "Plain.", html="<p>Rich.</p>"))
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_a_name_of_its_own_stands_before_the_address() -> None:
    message = _sent(Mail("reader@example.com", "Boots", "Yes.", sender_name="Käse & Söhne"))
    assert message["From"].addresses[0].display_name == "Käse & Söhne"
