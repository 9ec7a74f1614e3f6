"""Products and prices: what the test puts on sale, and how clients read it."""

from __future__ import annotations

from tests.twins.stripe.core import Core, Interval
from tests.twins.stripe.errors import required
from tests.twins.stripe.shapes import Obj, make_id, new


def add_product(core: Core, name: str, id: str | None = None, *, is_active: bool = True) -> Obj:
    product = new("product", id=id or make_id("prod"), name=name, created=core.now(), updated=core.now())
    product["active"] = is_active
    core.state.products[product["id"]] = product
    return product


def add_price(
    core: Core,
    id: str | None,
    unit_amount: int,
    interval: Interval | None = "month",
    currency: str = "usd",
    *,
    product: str | None = None,
    name: str | None = None,
    is_active: bool = True,
) -> Obj:
    """A price, with a product of its own unless `product` names one; without an interval it is paid once."""
    owner = product or add_product(core, name or id or "Something", is_active=is_active)["id"]
    recurring = {
        "interval": interval,
        "interval_count": 1,
        "meter": None,
        "usage_type": "licensed",
        "trial_period_days": None,
    }
    price = new(
        "price",
        id=id or make_id("price"),
        active=is_active,
        created=core.now(),
        currency=currency,
        product=owner,
        recurring=recurring if interval else None,
        type="recurring" if interval else "one_time",
        unit_amount=unit_amount,
        unit_amount_decimal=str(unit_amount),
    )
    core.state.prices[price["id"]] = price
    return price


def price_of(core: Core, line: Obj, param: str) -> Obj:
    """The price of a line: named, or described on the spot by `price_data`."""
    if "price" in line:
        return core.price(line["price"], f"{param}[price]")
    if "price_data" not in line:
        raise required(f"{param}[price]")
    data = line["price_data"]
    return add_price(
        core,
        None,
        int(data["unit_amount"]),
        data.get("recurring", {}).get("interval"),
        data["currency"],
        product=data.get("product"),
        name=data.get("product_data", {}).get("name"),
        is_active=False,
    )


def name_of(core: Core, price: Obj) -> str:
    """What customers call it: its product's name."""
    name: str = core.state.products[price["product"]]["name"]
    return name


def plan_of(price: Obj) -> Obj | None:
    """The older twin of a recurring price, which subscription items still carry."""
    if price["recurring"] is None:
        return None
    return new(
        "plan",
        id=price["id"],
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        created=price["created"],
        currency=price["currency"],
        interval=price["recurring"]["interval"],
        product=price["product"],
    )


def retrieve_price(core: Core, _: Obj, id: str) -> Obj:
    return core.price(id)


def list_prices(core: Core, params: Obj) -> Obj:
    def keep(price: Obj) -> bool:
        return (
            params.get("active", str(price["active"]).lower()) == str(price["active"]).lower()
            and params.get("product", price["product"]) == price["product"]
            and params.get("type", price["type"]) == price["type"]
            and price["lookup_key"] in params.get("lookup_keys", [price["lookup_key"]])
        )

    return core.page(core.state.prices, params, "/v1/prices", keep)


def retrieve_product(core: Core, _: Obj, id: str) -> Obj:
    return core.find(core.state.products, "product", id)


def list_products(core: Core, params: Obj) -> Obj:
    def keep(product: Obj) -> bool:
        active = str(product["active"]).lower()
        return params.get("active", active) == active and product["id"] in params.get("ids", [product["id"]])

    return core.page(core.state.products, params, "/v1/products", keep)
