"""What the page of the prices says of payments here, as the billing page does."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from helpninja_app.screens.pricing.state import payments_in_words
from helpninja_app.settings import Settings


@pytest.mark.parametrize(
    ("stripe_key", "unlimited", "said"),
    [
        ("sk_test_1", None, ""),
        ("sk_test_1", False, ""),
        ("sk_test_1", True, "Nothing is limited on this installation, whatever the plan."),
        (None, None, "This installation takes no payments: nothing is limited here"),
        (None, True, "This installation takes no payments: nothing is limited here"),
        (None, False, "No payments are set up on this installation, so plans cannot be bought here."),
    ],
)
def test_only_where_no_stripe_is_set_up_it_says_that_no_payments_are_taken(
    stripe_key: str | None, unlimited: bool | None, said: str
) -> None:
    key = SecretStr(stripe_key) if stripe_key else None
    settings = Settings.model_construct(stripe_secret_key=key, unlimited=unlimited)
    words = payments_in_words(settings)
    assert words.startswith(said)
    assert (words == "") is (said == "")
