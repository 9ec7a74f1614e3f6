"""Billing: buying plans and credits, Stripe's portal, invoices, and the history of credits."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.credit_file import history_lines
from api_routes.identity import resources_of, staff_caller, staff_with
from api_routes.problems import documented
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.customers import find_customer
from helpninja_app.billing.history import credit_history
from helpninja_app.billing.models import EntryKind
from helpninja_app.billing.plans import Interval, PackSize, PaidPlanName
from helpninja_app.errors import NotFound

router = APIRouter(tags=["Billing"])


class CheckoutBody(Body):
    """A plan; the workspace is the caller's without ``tenantId``."""

    tenantId: str | None = Field(None, max_length=200)
    plan: PaidPlanName
    interval: Interval = "month"


class TopUpBody(Body):
    """``pack`` is how many credits."""

    tenantId: str | None = Field(None, max_length=200)
    pack: PackSize


class PortalBody(Body):
    tenantId: str | None = Field(None, max_length=200)


class Link(BaseModel):
    url: str = Field(description="A page of Stripe's, to send the browser to.")


class InvoiceInfo(BaseModel):
    id: str
    number: str
    amount: int = Field(description="In the currency's minor unit.")
    currency: str
    status: str | None
    date: str
    invoiceUrl: str | None
    pdfUrl: str | None
    description: str | None


class InvoiceList(BaseModel):
    invoices: list[InvoiceInfo]


class CreditTransaction(BaseModel):
    id: str
    transaction_type: EntryKind
    amount: int
    balance_after: int
    description: str
    created_at: str


class CreditHistory(BaseModel):
    transactions: list[CreditTransaction]
    total: int
    limit: int
    offset: int


@router.post(
    "/api/billing/checkout",
    response_model=Link,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=json_body(CheckoutBody),
)
async def checkout(request: Request) -> Link:
    """A page that takes the payment of a plan; where one is paid for, a page that confirms the change."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.MANAGE_BILLING)
    wanted = body.parse(CheckoutBody)
    cashier = resources_of(request).cashier(caller)
    return Link(url=await cashier.buy_plan(wanted.plan, wanted.interval))


@router.post(
    "/api/billing/top-up",
    response_model=Link,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=json_body(TopUpBody),
)
async def top_up(request: Request) -> Link:
    """A page that takes the payment of credits; they are there once Stripe says that it is paid."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.MANAGE_BILLING)
    wanted = body.parse(TopUpBody)
    return Link(url=await resources_of(request).cashier(caller).buy_pack(wanted.pack))


@router.post(
    "/api/billing/portal",
    response_model=Link,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=json_body(PortalBody, is_optional=True),
)
async def portal(request: Request) -> Link:
    """Stripe's portal, for cards, addresses and invoices; 409 as long as nothing was bought."""
    body = await read_json(request, is_optional=True)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.MANAGE_BILLING)
    body.parse(PortalBody)
    return Link(url=await resources_of(request).cashier(caller).portal_link())


@router.get(
    "/api/billing/invoices",
    response_model=InvoiceList,
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def invoices(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.MANAGE_BILLING))],
    customerId: Annotated[str | None, Query(max_length=200)] = None,
) -> InvoiceList:
    """The workspace's invoices, newest first; none before anything was bought."""
    resources = resources_of(request)
    if customerId is not None:
        async with resources.database.unit_of_work(caller.scope) as session:
            if await find_customer(session, caller.workspace.id) != customerId:
                raise NotFound("This is not a customer of this workspace.")
    found = await resources.cashier(caller).invoices()
    return InvoiceList(
        invoices=[
            InvoiceInfo(
                id=each.id,
                number=each.number,
                amount=each.amount,
                currency=each.currency,
                status=each.status or None,
                date=each.created_at.isoformat(),
                invoiceUrl=each.url or None,
                pdfUrl=each.pdf or None,
                description=each.description or None,
            )
            for each in found
        ]
    )


@router.get(
    "/api/billing/credit-history",
    response_model=CreditHistory,
    responses=documented(401, 403, 404, 422, 429),
)
async def history(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.MANAGE_BILLING))],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    type: EntryKind | None = None,
) -> CreditHistory:
    """What changed the workspace's credits, newest first."""
    kinds = (type,) if type else ()
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        entries, total = await credit_history(
            session, caller.workspace.id, kinds=kinds, limit=limit, offset=offset
        )
    return CreditHistory(
        transactions=[
            CreditTransaction(
                id=str(each.id),
                transaction_type=each.kind,
                amount=each.amount,
                balance_after=each.balance_after,
                description=each.description,
                created_at=each.created_at.isoformat(),
            )
            for each in entries
        ],
        total=total,
        limit=limit,
        offset=offset,
    )


@router.get(
    "/api/billing/credit-history.csv",
    response_class=StreamingResponse,
    responses=documented(
        401,
        403,
        404,
        422,
        429,
        also={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "All of it."}},
    ),
)
async def history_file(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.MANAGE_BILLING))],
    type: EntryKind | None = None,
) -> StreamingResponse:
    """The whole history of the workspace's credits as a file, newest first, however long it is."""
    return StreamingResponse(
        history_lines(resources_of(request).database, caller, (type,) if type else ()),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="credits-{caller.workspace.slug}.csv"',
            "x-content-type-options": "nosniff",
            "cache-control": "private, no-store",
        },
    )
