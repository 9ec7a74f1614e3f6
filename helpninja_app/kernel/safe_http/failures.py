"""Says in a person's words why another server gave no usable answer."""

from __future__ import annotations

import ssl
import time
from collections.abc import Generator
from contextlib import contextmanager

import httpcore2

from helpninja_app.errors import FetchFailed, InputRefused
from helpninja_app.kernel.safe_http.messages import Head

# What a later try may find changed: overload, a restart, a gateway without its server (RFC 9110, RFC 6585).
_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})


def failed_by_status(head: Head, host: str) -> FetchFailed:
    """The failure for an answer that is not the page."""
    return FetchFailed(
        f"{host} answered {head.status_phrase}.",
        remote_status=head.status,
        retryable=head.status in _RETRYABLE,
        retry_after=head.retry_after(time.time()),
    )


@contextmanager
def told_as_fetch_failed(host: str, *, connect: float, read: float) -> Generator[None]:
    """Translate the transport's exceptions; ``connect`` and ``read`` are its time limits in seconds."""
    try:
        yield
    except (httpcore2.ConnectTimeout, httpcore2.PoolTimeout) as error:
        raise FetchFailed(
            f"{host} could not be reached within {connect:g} seconds.", retryable=True
        ) from error
    except httpcore2.TimeoutException as error:
        raise FetchFailed(f"{host} was silent for {read:g} seconds.", retryable=True) from error
    except httpcore2.ConnectError as error:
        raise _connect_failure(host, error) from error
    except httpcore2.LocalProtocolError as error:
        raise InputRefused("The request has headers that HTTP does not allow.") from error
    except httpcore2.RemoteProtocolError as error:
        raise _protocol_failure(host, str(error)) from error
    except httpcore2.NetworkError as error:
        raise FetchFailed(f"The connection to {host} broke.", retryable=True) from error


def _connect_failure(host: str, error: httpcore2.ConnectError) -> FetchFailed:
    # The pool raises ``from None``, which leaves what TLS had to say as context only.
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FetchFailed(f"{host} has no valid certificate: {cause.verify_message.rstrip('.')}.")
    if cause is not None:
        return FetchFailed(f"No secure connection to {host} could be made.")
    return FetchFailed(f"{host} could not be reached.", retryable=True)


def _protocol_failure(host: str, message: str) -> FetchFailed:
    if "peer closed connection" in message:
        return FetchFailed(f"{host} broke off in the middle of its answer.", retryable=True)
    if "disconnected" in message:
        return FetchFailed(f"{host} closed the connection without an answer.", retryable=True)
    return FetchFailed(f"{host} did not answer in valid HTTP.")
