"""Time-based one-time passwords (RFC 6238): secrets, how an authenticator app gets them, and their codes."""

from __future__ import annotations

import hmac
import re
import time

import pyotp
import segno

ISSUER = "HelpNinja"
# What all authenticator apps can do: SHA-1, six digits, half a minute.
STEP_SECONDS = 30
# Clocks go wrong, and people type slowly: one step to both sides, as RFC 6238, 5.2, allows.
_DRIFT = (0, -1, 1)
_CODE = re.compile(r"[0-9]{6}")


def new_secret() -> str:
    """160 random bits, as 32 letters and digits (base32)."""
    return pyotp.random_base32()


def is_totp(code: str) -> bool:
    """Whether ``code`` can be one of an authenticator app, however it is spaced."""
    return _CODE.fullmatch(_plain(code)) is not None


def step_of(secret: str, code: str) -> int | None:
    """The number of the time step whose code this is, now or next to it; ``None`` when it is of none."""
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    present = int(time.time()) // STEP_SECONDS
    given = _plain(code).encode()
    # All are compared, so that the time taken does not tell which one it was.
    found = [
        present + drift
        for drift in _DRIFT
        if hmac.compare_digest(totp.at((present + drift) * STEP_SECONDS).encode(), given)
    ]
    return found[0] if found else None


def enrolment_uri(secret: str, email: str) -> str:
    """``otpauth://totp/…``, which authenticator apps understand."""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=email, issuer_name=ISSUER)


def qr_code(uri: str) -> str:
    """A picture of ``uri`` as a ``data:`` address: an SVG without scripts, black on white in any theme."""
    return segno.make(uri, error="m", micro=False).svg_data_uri(
        omitsize=True, border=4, dark="#000", light="#fff"
    )


def _plain(code: str) -> str:
    return "".join(code.split())
