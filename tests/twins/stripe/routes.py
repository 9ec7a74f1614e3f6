"""Which path is which endpoint, and which parameters the SDK knows for it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import stripe
from starlette.requests import Request
from starlette.responses import Response
from stripe import params
from stripe.params import billing_portal as portal_params
from stripe.params import checkout as checkout_params

from tests.twins.stripe import (
    catalogue,
    checkout,
    checkout_page,
    customers,
    events,
    invoice_page,
    invoices,
    payments,
    portal,
    portal_page,
    schedules,
    subscriptions,
)
from tests.twins.stripe.api import Door, Endpoint
from tests.twins.stripe.core import Core

Page = Callable[[Core, Request], Awaitable[Response]]
ENDPOINTS: tuple[tuple[str, str, Endpoint, type], ...] = (
    ("POST", "customers", customers.create, params.CustomerCreateParams),
    ("GET", "customers", customers.list_customers, params.CustomerListParams),
    ("GET", "customers/search", customers.search, params.CustomerSearchParams),
    ("GET", "customers/{id}", customers.retrieve, params.CustomerRetrieveParams),
    ("POST", "customers/{id}", customers.update, params.CustomerUpdateParams),
    ("DELETE", "customers/{id}", customers.delete, params.CustomerDeleteParams),
    ("GET", "products", catalogue.list_products, params.ProductListParams),
    ("GET", "products/{id}", catalogue.retrieve_product, params.ProductRetrieveParams),
    ("GET", "prices", catalogue.list_prices, params.PriceListParams),
    ("GET", "prices/{id}", catalogue.retrieve_price, params.PriceRetrieveParams),
    ("POST", "checkout/sessions", checkout.create, checkout_params.SessionCreateParams),
    ("GET", "checkout/sessions", checkout.list_sessions, checkout_params.SessionListParams),
    ("GET", "checkout/sessions/{id}", checkout.retrieve, checkout_params.SessionRetrieveParams),
    (
        "GET",
        "checkout/sessions/{id}/line_items",
        checkout.list_items,
        checkout_params.SessionListLineItemsParams,
    ),
    ("POST", "checkout/sessions/{id}/expire", checkout.expire, checkout_params.SessionExpireParams),
    ("POST", "billing_portal/sessions", portal.create_session, portal_params.SessionCreateParams),
    (
        "POST",
        "billing_portal/configurations",
        portal.create_configuration,
        portal_params.ConfigurationCreateParams,
    ),
    (
        "GET",
        "billing_portal/configurations",
        portal.list_configurations,
        portal_params.ConfigurationListParams,
    ),
    (
        "GET",
        "billing_portal/configurations/{id}",
        portal.retrieve_configuration,
        portal_params.ConfigurationRetrieveParams,
    ),
    (
        "POST",
        "billing_portal/configurations/{id}",
        portal.update_configuration,
        portal_params.ConfigurationUpdateParams,
    ),
    ("POST", "subscriptions", subscriptions.create, params.SubscriptionCreateParams),
    ("GET", "subscriptions", subscriptions.list_subscriptions, params.SubscriptionListParams),
    ("GET", "subscriptions/{id}", subscriptions.retrieve, params.SubscriptionRetrieveParams),
    ("POST", "subscriptions/{id}", subscriptions.update, params.SubscriptionUpdateParams),
    ("DELETE", "subscriptions/{id}", subscriptions.cancel, params.SubscriptionCancelParams),
    ("GET", "subscription_schedules/{id}", schedules.retrieve, params.SubscriptionScheduleRetrieveParams),
    (
        "POST",
        "subscription_schedules/{id}/release",
        schedules.release,
        params.SubscriptionScheduleReleaseParams,
    ),
    ("GET", "invoices", invoices.list_invoices, params.InvoiceListParams),
    ("GET", "invoices/{id}", invoices.retrieve, params.InvoiceRetrieveParams),
    ("POST", "invoices/{id}/pay", subscriptions.pay_invoice, params.InvoicePayParams),
    ("POST", "invoices/{id}/void", invoices.void_open, params.InvoiceVoidInvoiceParams),
    ("GET", "invoice_payments", invoices.list_payments, params.InvoicePaymentListParams),
    ("GET", "payment_intents", payments.list_intents, params.PaymentIntentListParams),
    ("GET", "payment_intents/{id}", payments.retrieve_intent, params.PaymentIntentRetrieveParams),
    ("GET", "charges", payments.list_charges, params.ChargeListParams),
    ("GET", "charges/{id}", payments.retrieve_charge, params.ChargeRetrieveParams),
    ("POST", "refunds", payments.create_refund, params.RefundCreateParams),
    ("GET", "refunds", payments.list_refunds, params.RefundListParams),
    ("GET", "refunds/{id}", payments.retrieve_refund, params.RefundRetrieveParams),
    ("GET", "disputes", payments.list_disputes, params.DisputeListParams),
    ("GET", "disputes/{id}", payments.retrieve_dispute, params.DisputeRetrieveParams),
    ("GET", "events", events.list_events, params.EventListParams),
    ("GET", "events/{id}", events.retrieve, params.EventRetrieveParams),
)
PAGES: tuple[tuple[str, str, Page], ...] = (
    ("GET", "/c/pay/{id}", checkout_page.show),
    ("POST", "/c/pay/{id}", checkout_page.submit),
    ("GET", "/p/session/{secret}", portal_page.show),
    ("POST", "/p/session/{secret}", portal_page.submit),
    ("GET", "/i/{id}", invoice_page.show),
    ("POST", "/i/{id}", invoice_page.submit),
    ("GET", "/i/{id}/pdf", invoice_page.show_pdf),
)
# Headers of a call, which the SDK's parameter types list as well.
OPTIONS = frozenset(stripe.RequestOptions.__annotations__)


def doors() -> list[Door]:
    made = []
    for method, path, endpoint, known in ENDPOINTS:
        pattern = re.compile("/v1/" + path.replace("{id}", r"(?P<id>[^/]+)"))
        made.append(Door(method, pattern, endpoint, frozenset(known.__annotations__) - OPTIONS | {"expand"}))
    return made
