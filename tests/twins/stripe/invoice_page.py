"""The page of an invoice, and its PDF."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tests.twins.stripe import pages, subscriptions
from tests.twins.stripe.core import Core
from tests.twins.stripe.payments import DECLINED
from tests.twins.stripe.shapes import Obj


def _find(core: Core, request: Request) -> Obj | None:
    found = core.state.invoices.get(request.path_params["id"])
    return found if found and found["number"] else None


def _not_found() -> Response:
    return pages.page("Page not found", pages.paragraph("There is no such invoice."), status=404)


async def show(core: Core, request: Request) -> Response:
    invoice = _find(core, request)
    return _page(invoice, None) if invoice else _not_found()


async def submit(core: Core, request: Request) -> Response:
    """Pays an open invoice with the card that is chosen."""
    given = await request.form()
    with core.lock:
        invoice = _find(core, request)
        if invoice is None:
            return _not_found()
        if invoice["status"] != "open":
            return _page(invoice, None)
        core.cards[invoice["customer"]] = "declining" if given.get("card") == "declined" else "good"
        return _page(invoice, None if subscriptions.collect(core, invoice) else DECLINED)


def _page(invoice: Obj, error: str | None) -> Response:
    rows = [
        (line["description"], pages.money(line["amount"], line["currency"]))
        for line in invoice["lines"]["data"]
    ]
    return pages.page(
        f"Invoice {invoice['number']}",
        pages.alert(error),
        pages.paragraph(f"{invoice['status'].capitalize()}, {pages.day(invoice['created'])}"),
        pages.table("Lines", [*rows, ("Total", pages.money(invoice["total"], invoice["currency"]))]),
        pages.form("Pay invoice", pages.card_choice()) if invoice["status"] == "open" else "",
        pages.link("Download invoice", invoice["invoice_pdf"]),
        status=402 if error else 200,
    )


async def show_pdf(core: Core, request: Request) -> Response:
    invoice = _find(core, request)
    if invoice is None:
        return _not_found()
    name = f'attachment; filename="Invoice-{invoice["number"]}.pdf"'
    lines = [
        f"Invoice {invoice['number']}",
        f"{invoice['status'].capitalize()}, {pages.day(invoice['created'])}",
        *(
            f"{one['description']}: {pages.money(one['amount'], one['currency'])}"
            for one in invoice["lines"]["data"]
        ),
        f"Total: {pages.money(invoice['total'], invoice['currency'])}",
    ]
    return Response(pdf(lines), media_type="application/pdf", headers={"Content-Disposition": name})


def pdf(lines: list[str]) -> bytes:
    """One page of lines in Helvetica (PDF 1.4, ISO 32000-1)."""
    drawn = b"BT /F1 12 Tf 16 TL 72 770 Td\n"
    for line in lines:
        safe = line.encode("cp1252", "replace")
        for special in (b"\\", b"(", b")"):
            safe = safe.replace(special, b"\\" + special)
        drawn += b"(" + safe + b") Tj T*\n"
    drawn += b"ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
        b" /Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (count, table, count, len(out))
    )
