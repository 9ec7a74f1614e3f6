"""What of a mail is new, and who wrote it, whatever wrote the mail."""

from __future__ import annotations

import time
from contextlib import suppress
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpninja_app.conversations.received_mail import MAX_TEXT, newest, read_mail
from helpninja_app.errors import Invalid

OURS = ("help@shop.example", "reply+")
ANSWERS = {
    "Gmail": ("Yes.\n\nOn Mon, 3 Nov 2026 at 10:00, Shop <help@shop.example> wrote:\n> Do you?\n", "Yes."),
    "Gmail, wrapped": (
        "Ja.\nGruß\n\nAm Mo., 3. Nov. 2026 um 10:00 Uhr schrieb Shop\n<help@shop.example>:\n\n> x\n",
        "Ja.\nGruß",
    ),
    "another sender": ("Oui.\n\nLe lun. 3 nov. 2026 à 10:00, Shop a écrit :\n\n> x", "Oui."),
    "Japanese": ("はい。\n\n2026年11月3日(月) 10:00 Shop <a@b.c>:\n> x\n", "はい。"),
    "Arabic": ("نعم.\n\nفي الاثنين، ٣ نوفمبر ٢٠٢٦ في ١٠:٠٠ كتب Shop:\n> x", "نعم."),
    "Outlook": ("Yes.\r\n\r\n-----Original Message-----\r\nFrom: Shop", "Yes."),
    "Outlook, German": ("Größe 44.\n\nVon: Shop <help@shop.example>\nGesendet: Montag", "Größe 44."),
    "a signature": ("Yes.\n-- \nAda", "Yes."),
    "a list": ("I want\n- one\n- two", "I want\n- one\n- two"),
    "a time of its own": ("I will come at 10:30.\n\n> When?", "I will come at 10:30."),
    "a colon of its own": ("Ship it to:\n\n> where?", "Ship it to:"),
    "answers below each line": ("> Size?\n44\n> Colour?\nred", "44\nred"),
    "nothing new": ("> Size?\n> Colour?", ""),
}


@pytest.mark.parametrize(("mail", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_what_is_new_of_a_mail_is_found(mail: str, expected: str) -> None:
    assert newest(mail, OURS) == expected


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert newest(text, OURS) == newest(newest(text, OURS), OURS) or ">" in text or "-" in text


@pytest.mark.parametrize(
    "part", ["On ", "On Mon, ", "\n", ">", "> \n", "10:00\n", "From: a\n", " ", "\t \xa0", ":\n", "a"]
)
def test_no_text_takes_long_to_read(part: str) -> None:
    began = time.process_time()
    newest((part * 1_000_000)[:1_000_000], OURS)
    assert time.process_time() - began < 2


def mail(**changes: str) -> EmailMessage:
    message = EmailMessage()
    headers = {"From": "Ada <Ada@Example.com>", "To": "x@y.example", "Message-ID": "<1@example.com>"}
    for name, value in (headers | {name.replace("_", "-"): value for name, value in changes.items()}).items():
        message[name] = value
    message.set_content("Grüße aus Köln")
    return message


def test_sender_recipients_and_text_are_read() -> None:
    found = read_mail(mail(Cc="Z <z@y.example>").as_bytes(), ours=OURS, envelope=("e@y.example",))
    assert (found.sender, found.sender_name, found.message_id) == (
        "ada@example.com",
        "Ada",
        "<1@example.com>",
    )
    assert found.recipients == ("e@y.example", "x@y.example", "z@y.example")
    assert (found.text, found.attachments, found.is_automatic) == ("Grüße aus Köln", 0, False)


def test_html_is_read_where_there_is_no_text() -> None:
    message = mail()
    message.set_content(
        "<style>p{}</style><p>First &amp; last</p><div>line<br>two</div><blockquote>old</blockquote>"
        "<script>steal()</script>",
        subtype="html",
    )
    assert read_mail(message.as_bytes(), ours=OURS).text == "First & last\nline\ntwo"


def test_files_are_counted_and_not_read() -> None:
    message = mail()
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="order.pdf")
    message.add_attachment("not what they said", filename="note.txt")
    found = read_mail(message.as_bytes(), ours=OURS)
    assert (found.attachments, found.text) == (2, "Grüße aus Köln")


@pytest.mark.parametrize(
    "header",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"X_Auto_Response_Suppress": "All"},
        {"Return_Path": "<>"},
    ],
    ids=str,
)
def test_what_nobody_wrote_is_known(header: dict[str, str]) -> None:
    assert read_mail(mail(**header).as_bytes(), ours=OURS).is_automatic


def test_what_somebody_wrote_is_not_called_automatic() -> None:
    assert not read_mail(mail(Auto_Submitted="no").as_bytes(), ours=OURS).is_automatic


@pytest.mark.parametrize("raw", [b"", b"\0\xff" * 100, b"Subject: x\n\nnobody wrote this"], ids=range(3))
def test_what_is_no_mail_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        read_mail(raw, ours=OURS)


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.c\nContent-Type: text/plain; charset=nonsense\n\nHello",
        b"From: a@b.c\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n!!!",
        b"From: =?nonsense?q?x?= <a@b.c>\n\nHello",
        b"From: a@b.c\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nHello\0\xed\xa0\x80\n",
        b"From: a@b.c\n\n" + b"word " * 100_000,
    ],
    ids=range(5),
)
def test_what_is_broken_is_refused_or_read(raw: bytes) -> None:
    try:
        found = read_mail(raw, ours=OURS)
    except Invalid:
        return
    assert len(found.text) <= MAX_TEXT
    assert "\0" not in found.text
    found.text.encode()


def test_parts_within_parts_without_end_are_refused_or_read() -> None:
    deep = b"From: a@b.c\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000)
    )
    began = time.process_time()
    with suppress(Invalid):
        assert read_mail(deep, ours=OURS).text == ""
    assert time.process_time() - began < 10
