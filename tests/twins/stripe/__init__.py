"""A twin of Stripe, for tests over real HTTP."""

from tests.twins.stripe.core import Call
from tests.twins.stripe.delivery import Attempt, Delivery, sign
from tests.twins.stripe.server import StripeTwin
from tests.twins.stripe.shapes import API_VERSION

__all__ = ["API_VERSION", "Attempt", "Call", "Delivery", "StripeTwin", "sign"]
