"""The page of a checkout session, where somebody pays."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tests.twins.stripe import checkout, pages
from tests.twins.stripe.core import Core
from tests.twins.stripe.payments import DECLINED
from tests.twins.stripe.shapes import Obj


def target(session: Obj) -> str:
    """Where a browser goes after it paid."""
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


async def show(core: Core, request: Request) -> Response:
    session = core.state.sessions.get(request.path_params["id"])
    if session is None:
        return pages.page("Page not found", pages.paragraph("There is no such session."), status=404)
    if session["status"] == "complete":
        return pages.page("You're all done here", pages.paragraph("This session was completed."))
    if session["status"] == "expired":
        said = pages.paragraph("Your checkout session has expired.")
        return pages.page("Something went wrong", said, status=404)
    return _offer(core, session, None)


def _offer(core: Core, session: Obj, error: str | None) -> Response:
    items = core.state.orders[session["id"]]["items"]
    is_plan = session["mode"] == "subscription"
    rows = [(item["description"], pages.price_text(item["price"], item["quantity"])) for item in items]
    details = session["customer_details"]
    return pages.page(
        "Subscribe" if is_plan else "Pay",
        pages.alert(error),
        pages.table("Your order", rows),
        pages.paragraph(f"Due today: {pages.money(_due(core, session), session['currency'])}"),
        pages.form(
            "Subscribe" if is_plan else "Pay",
            pages.paragraph(details["email"]) if details else pages.email_field("customer@example.com"),
            pages.card_choice(),
        ),
        pages.link("Back", session["cancel_url"]) if session["cancel_url"] else "",
        status=402 if error else 200,
    )


def _due(core: Core, session: Obj) -> int:
    data = core.state.orders[session["id"]]["params"].get("subscription_data", {})
    return 0 if int(data.get("trial_period_days", 0)) else int(session["amount_total"])


async def submit(core: Core, request: Request) -> Response:
    given = await request.form()
    with core.lock:
        session = core.state.sessions.get(request.path_params["id"])
        if session is None or session["status"] == "expired":
            return await show(core, request)
        email = str(given.get("email", "")) or None
        if checkout.complete(core, session, is_good=given.get("card") != "declined", email=email):
            return RedirectResponse(target(session), 303)
        return _offer(core, session, DECLINED)
