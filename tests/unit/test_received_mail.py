"""What of a mail is new, and who wrote it, whatever wrote the mail."""

from __future__ import annotations

import time
from contextlib import suppress
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpninja_app.conversations.received_mail import MAX_TEXT, newest, read_head, read_mail
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


HEAD = b"From: a@b.c\n"
NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(200))
LONG = {
    "HTML that opens its tags again": HEAD
    + b"Content-Type: text/html\n\n"
    + "".join(f"<font a{n}><p>" for n in range(4_000)).encode(),
    "HTML within HTML": HEAD + b"Content-Type: text/html\n\n" + b"<div>" * 40_000,
    "tags without an end": HEAD + b"Content-Type: text/html\n\n" + b"<a <!--<!-<script" * 40_000,
    "a charset that takes squares": HEAD
    + b"Content-Type: text/plain; charset=punycode\n\nx-"
    + b"a" * 400_000,
    "parts within parts": HEAD + NESTED + b"\n" + b"a\n" * 500_000,
    "many parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 300_000,
    "a long field": HEAD + b"Content-Type: text/plain" + b";" * 200_000 + b"\n\nx",
    "a long head": HEAD + b"x:\n" * 1_000_000 + b"\nx",
}


@pytest.mark.parametrize("raw", LONG.values(), ids=LONG)
def test_no_mail_takes_long_to_read(raw: bytes) -> None:
    began = time.process_time()
    with suppress(Invalid):
        assert len(read_mail(raw, ours=OURS).text) <= MAX_TEXT
    assert time.process_time() - began < 2


@pytest.mark.parametrize("kind", ["parts within parts", "many parts", "a long field", "a long head"])
def test_what_has_too_much_of_something_is_refused_in_words(kind: str) -> None:
    with pytest.raises(Invalid, match="cannot be read: "):
        read_mail(LONG[kind], ours=OURS)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a\nb<p>c", "a b\nc"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ('<a title="x > y">link</a> <!-- no --> more', "link more"),
        ("1 < 2 &lt; 3 & 4", "1 < 2 < 3 & 4"),
        ('Yes<div class="gmail_quote"><div>old</div>old</div>!', "Yes\n!"),
        ("<b>Y</b>es<blockquote><blockquote>x</blockquote>y</blockquote>", "Yes"),
        ("<TITLE>no</TITLE>Yes<script>'<p>'", "Yes"),
        ("Yes<a", "Yes"),
    ],
)
def test_html_is_read_as_it_is_shown(html: str, expected: str) -> None:
    assert read_mail(HEAD + b"Content-Type: text/html\n\n" + html.encode(), ours=OURS).text == expected


@pytest.mark.parametrize(
    "charset", ["iso-8859-1", "windows-1252", "latin-1", "utf-8", "UTF8", "koi8-r", "gb2312"]
)
def test_the_charsets_people_write_in_are_read(charset: str) -> None:
    words = "Привет" if charset.startswith(("koi8", "gb")) else "Grüße"
    raw = HEAD + f"Content-Type: text/plain; charset={charset}\n\n".encode() + words.encode(charset)
    assert read_mail(raw, ours=OURS).text == words


@pytest.mark.parametrize(
    "sender",
    [
        "From: =?utf-8?q?=3Cagent=40shop.com=3E?=",
        "From: agent@shop.com\nFrom: eve@evil.example",
        "From: agent@shop.com, eve@evil.example",
        "From: agent@shop.com <eve@evil.example>",
        "From: agent@shop.c\0om",
        "From: eve@evil.example" + " " * 5_000 + "x",
    ],
)
def test_who_is_not_named_by_one_address_is_refused(sender: str) -> None:
    with pytest.raises(Invalid):
        read_head(f"{sender}\n\nHello".encode())


@pytest.mark.parametrize("name", ["=?utf-8?q?x_=3Cagent=40shop.com=3E=2C?=", '"agent@shop.com"', "=?x?q?y?="])
def test_a_name_is_never_an_address(name: str) -> None:
    assert read_head(f"From: {name} <eve@evil.example>\n\nHello".encode()).sender == "eve@evil.example"


def test_a_name_is_decoded() -> None:
    assert read_head(b"From: =?utf-8?q?J=C3=BCrgen=2C_Dr=2E?= <a@b.c>\n\n").sender_name == "Jürgen, Dr."


@pytest.mark.parametrize(
    ("results", "is_doubted"),
    [
        ("", False),
        ("Authentication-Results: mx; spf=pass; dmarc=pass", False),
        ("Authentication-Results: mx; spf=softfail; dmarc=none", False),
        ("Authentication-Results: mx;\n spf=fail smtp.mailfrom=x", True),
        ("Authentication-Results: mx; dkim=pass; DMARC = Fail", True),
        ("Authentication-Results: mx; dmarc=pass\nAuthentication-Results: far; dmarc=fail", False),
    ],
)
def test_a_sender_whom_the_server_doubts_is_known(results: str, is_doubted: bool) -> None:
    head = "\n".join(line for line in ("From: a@b.c", results) if line)
    assert read_head(f"{head}\n\nHello".encode()).is_doubted is is_doubted


def test_a_mail_within_the_mail_is_a_file() -> None:
    inner, outer = EmailMessage(), mail()
    inner["From"] = "cfo@shop.example"
    inner.set_content("For us only.")
    outer.set_content("<p>See below.</p>", subtype="html")
    outer.make_mixed()
    outer.add_attachment(inner)
    found = read_mail(outer.as_bytes(), ours=OURS)
    assert (found.text, found.attachments) == ("See below.", 1)


def test_mails_of_a_digest_are_files() -> None:
    raw = HEAD + b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nFrom: x@y.z\n\nSecret\n--b--\n"
    found = read_mail(raw, ours=OURS)
    assert (found.text, found.attachments) == ("", 1)


def test_the_usual_parts_within_parts_are_read() -> None:
    message = mail()
    message.add_alternative("<p>Grüße</p>", subtype="html")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="a.png")
    found = read_mail(message.as_bytes().replace(b"\n", b"\r\n"), ours=OURS)
    assert (found.text, found.attachments) == ("Grüße aus Köln", 1)
