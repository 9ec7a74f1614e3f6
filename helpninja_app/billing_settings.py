"""The settings of Stripe, of the plans' limits, and of who runs the installation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

EmailList = Annotated[frozenset[str], NoDecode]


class BillingSettings(BaseSettings):
    """Read like all settings; without a key of Stripe's there is nobody to pay, and plans do not limit."""

    unlimited: bool | None = Field(
        None,
        alias="HELPNINJA_UNLIMITED",
        description="`0` makes the limits of the plans count, `1` lifts them. Without it they count where"
        " Stripe is configured.",
    )
    stripe_secret_key: SecretStr | None = Field(
        None, alias="STRIPE_SECRET_KEY", description="Takes payments with this account of Stripe's."
    )
    stripe_webhook_secret: SecretStr | None = Field(
        None,
        alias="STRIPE_WEBHOOK_SECRET",
        description="Checks what Stripe sends to `/api/webhooks/stripe`; several with commas while one is"
        " replaced.",
    )
    stripe_api_base: str | None = Field(
        None, alias="STRIPE_API_BASE", description="Another address of Stripe's API, such as a proxy's."
    )
    stripe_price_starter_monthly: str | None = Field(
        None,
        alias="STRIPE_PRICE_STARTER_MONTHLY",
        description="The id of Stripe's price for a month of Starter.",
    )
    stripe_price_starter_yearly: str | None = Field(
        None,
        alias="STRIPE_PRICE_STARTER_YEARLY",
        description="The id of Stripe's price for a year of Starter.",
    )
    stripe_price_pro_monthly: str | None = Field(
        None,
        alias="STRIPE_PRICE_PRO_MONTHLY",
        description="The id of Stripe's price for a month of Pro.",
    )
    stripe_price_pro_yearly: str | None = Field(
        None,
        alias="STRIPE_PRICE_PRO_YEARLY",
        description="The id of Stripe's price for a year of Pro.",
    )
    stripe_price_agency_monthly: str | None = Field(
        None,
        alias="STRIPE_PRICE_AGENCY_MONTHLY",
        description="The id of Stripe's price for a month of Agency.",
    )
    stripe_price_agency_yearly: str | None = Field(
        None,
        alias="STRIPE_PRICE_AGENCY_YEARLY",
        description="The id of Stripe's price for a year of Agency.",
    )
    stripe_price_topup_1000: str | None = Field(
        None, alias="STRIPE_PRICE_TOPUP_1000", description="The id of Stripe's price for 1,000 credits."
    )
    stripe_price_topup_5000: str | None = Field(
        None, alias="STRIPE_PRICE_TOPUP_5000", description="The id of Stripe's price for 5,000 credits."
    )
    cron_secret: SecretStr | None = Field(
        None,
        alias="CRON_SECRET",
        description="Lets a scheduler call `/api/cron/reset-credits`; HelpNinja does the same by itself.",
    )
    operators: EmailList = Field(
        frozenset(),
        alias="HELPNINJA_OPERATORS",
        description="Addresses of those who run this installation, with commas: they see what Stripe sent.",
    )

    @field_validator("operators", mode="before")
    @classmethod
    def _split_addresses(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @property
    def is_unlimited(self) -> bool:
        """Whether plans do not limit: as it is set, and else exactly where nobody can pay."""
        return self.stripe_secret_key is None if self.unlimited is None else self.unlimited

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        listed = self.stripe_webhook_secret.get_secret_value() if self.stripe_webhook_secret else ""
        return tuple(secret.strip() for secret in listed.split(",") if secret.strip())

    @property
    def plan_prices(self) -> dict[tuple[str, str], str]:
        """The ids of Stripe's prices that are set, by plan and interval."""
        listed = {
            ("starter", "month"): self.stripe_price_starter_monthly,
            ("starter", "year"): self.stripe_price_starter_yearly,
            ("pro", "month"): self.stripe_price_pro_monthly,
            ("pro", "year"): self.stripe_price_pro_yearly,
            ("agency", "month"): self.stripe_price_agency_monthly,
            ("agency", "year"): self.stripe_price_agency_yearly,
        }
        return {sold: id for sold, id in listed.items() if id}

    @property
    def pack_prices(self) -> dict[int, str]:
        listed = {1_000: self.stripe_price_topup_1000, 5_000: self.stripe_price_topup_5000}
        return {credits: id for credits, id in listed.items() if id}

    def billing_problems(self) -> list[str]:
        """What of these settings is missing or weak."""
        problems = []
        if self.stripe_webhook_secret is not None and self.stripe_secret_key is None:
            problems.append("STRIPE_SECRET_KEY is missing although STRIPE_WEBHOOK_SECRET is set.")
        if self.stripe_secret_key is not None and not self.stripe_secret_key.get_secret_value().startswith(
            ("sk_", "rk_")
        ):
            problems.append("STRIPE_SECRET_KEY has to be a secret key: it starts with sk_ or rk_.")
        prices = [*self.plan_prices.values(), *self.pack_prices.values()]
        if self.stripe_secret_key is not None and not self.is_unlimited and not prices:
            problems.append(
                "STRIPE_SECRET_KEY is set although nothing has a price, so that nobody can buy what is"
                " limited: set STRIPE_PRICE_STARTER_MONTHLY or another one, or HELPNINJA_UNLIMITED=1."
            )
        if len(prices) != len(set(prices)):
            problems.append("Two of the STRIPE_PRICE_ settings are the same price.")
        return problems
