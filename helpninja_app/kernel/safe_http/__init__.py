"""HTTP for addresses that somebody else names: public addresses only, capped in time and size."""

from helpninja_app.kernel.safe_http.client import SafeHttp, Timeouts
from helpninja_app.kernel.safe_http.messages import Fetched, Head
from helpninja_app.kernel.safe_http.network import Resolver
from helpninja_app.kernel.safe_http.targets import Target, parse_target

__all__ = ["Fetched", "Head", "Resolver", "SafeHttp", "Target", "Timeouts", "parse_target"]
