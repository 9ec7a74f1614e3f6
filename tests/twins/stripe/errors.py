"""Stripe's errors, in the JSON that its libraries read."""

from __future__ import annotations

from starlette.responses import JSONResponse

from tests.twins.stripe.shapes import Obj


class StripeError(Exception):
    """An answer that is no success; `type`, `code` and `param` are what Stripe's libraries tell apart."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.type = message, status, type
        self.code, self.param, self.decline_code = code, param, decline_code

    def body(self) -> Obj:
        named = {
            "type": self.type,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "decline_code": self.decline_code,
        }
        return {"error": {name: value for name, value in named.items() if value is not None}}

    def answer(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status)


def missing(kind: str, id: str, *, param: str = "id", status: int = 404) -> StripeError:
    return StripeError(f"No such {kind}: '{id}'", status=status, code="resource_missing", param=param)


def required(param: str) -> StripeError:
    return StripeError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown(param: str) -> StripeError:
    return StripeError(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)


def declined() -> StripeError:
    return StripeError(
        "Your card was declined.",
        status=402,
        type="card_error",
        code="card_declined",
        decline_code="generic_decline",
    )
