"""How the hosted pages look: plain accessible HTML without scripts, with everything escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from starlette.responses import HTMLResponse

from tests.twins.stripe.shapes import Obj

STYLE = (
    "body{font:1rem/1.5 sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;color:#1a1f36}"
    "button{font:inherit;padding:.5rem 1rem;margin:.5rem .5rem .5rem 0}"
    "[role=alert]{color:#8a1124;font-weight:bold}table{border-collapse:collapse}"
    "th,td{text-align:left;padding:.25rem 1rem .25rem 0}"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"


def page(title: str, *parts: str, status: int = 200) -> HTMLResponse:
    """A page of parts that are HTML already."""
    said = escape(title)
    body = "\n".join(parts)
    return HTMLResponse(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{said}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main>\n<h1>{said}</h1>\n{body}\n</main></body></html>\n",
        status,
        {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"},
    )


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def alert(text: str | None) -> str:
    return f'<p role="alert">{escape(text)}</p>' if text else ""


def link(text: str, url: str) -> str:
    return f'<p><a href="{escape(url)}">{escape(text)}</a></p>'


def form(button: str, *fields: str, action: str = "") -> str:
    """A form that posts to the page's own address; `action` tells the buttons of a page apart."""
    inside = "\n".join(fields)
    return (
        f'<form method="post">{inside}\n'
        f'<button type="submit" name="action" value="{escape(action)}">{escape(button)}</button></form>'
    )


def card_choice() -> str:
    return (
        "<fieldset><legend>Card</legend>"
        '<label><input type="radio" name="card" value="good" checked> Visa 4242, is accepted</label><br>'
        '<label><input type="radio" name="card" value="declined"> Visa 0002, is declined</label>'
        "</fieldset>"
    )


def choice(name: str, options: list[tuple[str, str]]) -> str:
    inside = "".join(f'<option value="{escape(value)}">{escape(said)}</option>' for value, said in options)
    return f'<select name="{escape(name)}" aria-label="{escape(name.capitalize())}">{inside}</select>'


def email_field(value: str) -> str:
    return f'<p><label>Email <input type="email" name="email" required value="{escape(value)}"></label></p>'


def table(caption: str, rows: list[tuple[str, str]]) -> str:
    inside = "".join(f'<tr><th scope="row">{escape(a)}</th><td>{escape(b)}</td></tr>' for a, b in rows)
    return f"<table><caption>{escape(caption)}</caption>{inside}</table>"


def money(amount: int, currency: str) -> str:
    sign = "-" if amount < 0 else ""
    shown = f"{abs(amount) / 100:,.2f}"
    return f"{sign}${shown}" if currency == "usd" else f"{sign}{shown} {currency.upper()}"


def price_text(price: Obj, quantity: int = 1) -> str:
    amount = money(price["unit_amount"] * quantity, price["currency"])
    return f"{amount} per {price['recurring']['interval']}" if price["recurring"] else amount


def day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d %B %Y}"
