"""Tokens that must not be believed: every way a JWT is forged that a verifier has to know."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from tests.twins.gotrue.core import Core
from tests.twins.gotrue.keys import SigningKey, compact, make_key
from tests.twins.gotrue.state import Session, User
from tests.twins.gotrue.tokens import claims_of

# Each of these is a token for a person of the project that a verifier has to refuse.
ATTACKS = (
    "alg none",
    "alg None in mixed case",
    "signature removed",
    "claims changed after signing",
    "HS256 with the public key's PEM",
    "HS256 with the public key's JWK coordinate",
    "HS256 with an empty secret",
    "HS256 with a guessed secret",
    "unknown kid",
    "no kid",
    "another key under a known kid",
    "embedded jwk",
    "jku of another host",
    "x5u of another host",
    "kid that is a path",
    "crit header nobody knows",
    "issuer of another project",
    "audience of something else",
    "no expiry",
    "expired",
    "not yet valid",
    "no subject",
)


def forge(
    core: Core,
    user: User | None = None,
    *,
    claims: Mapping[str, Any] | None = None,
    without: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
    key: SigningKey | bytes | None = None,
) -> str:
    """An access token with anything changed; as it stands without arguments, it is genuine.

    `user` is any person of the project, or nobody the project knows. `key` is a key pair, or bytes for HS256
    with them as the secret; `header` goes over the headers that belong to the key.
    """
    person = user or User("nobody@example.com", core.clock.now())
    session = next((each for each in core.sessions.values() if each.user_id == person.id), None)
    session = session or Session(person.id, [("password", core.clock.seconds())], core.clock.now())
    said = claims_of(core, person, session) | dict(claims or {})
    said = {name: value for name, value in said.items() if name not in without}
    signer = core.keys.current if key is None else key
    if isinstance(signer, bytes):
        signer = SigningKey("HS256", signer, core.keys.current.kid)
    own = {"kid": signer.kid} if signer.kid else {}
    heading = {"alg": signer.algorithm, **own, "typ": "JWT"} | dict(header or {})
    heading = {name: value for name, value in heading.items() if value is not None}
    unsigned = str(heading.get("alg", "")).lower() == "none"
    return compact(heading, said, _nothing if unsigned else signer.sign)


def attack(core: Core, name: str, user: User, *, hostile: SigningKey) -> str:
    """The forged token of that name; `hostile` is the key pair whose public half the attacker serves."""
    now, kid = core.clock.seconds(), core.keys.current.kid
    served = f"{core.url}/hostile/jwks.json"
    genuine = forge(core, user)
    heading, said, signature = genuine.split(".")
    admin = {"role": "service_role"}
    mine = {"kid": hostile.kid}
    made = {
        "alg none": lambda: forge(core, user, header={"alg": "none"}),
        "alg None in mixed case": lambda: forge(core, user, header={"alg": "nOnE"}),
        "signature removed": lambda: f"{heading}.{said}.",
        "claims changed after signing": lambda: (
            f"{heading}.{forge(core, user, claims=admin).split('.')[1]}.{signature}"
        ),
        "HS256 with the public key's PEM": lambda: forge(core, user, key=_public(core).public_pem()),
        "HS256 with the public key's JWK coordinate": lambda: forge(core, user, key=_coordinate(core)),
        "HS256 with an empty secret": lambda: forge(core, user, key=b""),
        "HS256 with a guessed secret": lambda: forge(core, user, key=b"secret", header={"kid": None}),
        "unknown kid": lambda: forge(core, user, key=hostile),
        "no kid": lambda: forge(core, user, key=hostile, header={"kid": None}),
        "another key under a known kid": lambda: forge(core, user, key=hostile, header={"kid": kid}),
        "embedded jwk": lambda: forge(core, user, key=hostile, header={**mine, "jwk": hostile.public_jwk()}),
        "jku of another host": lambda: forge(core, user, key=hostile, header={**mine, "jku": served}),
        "x5u of another host": lambda: forge(core, user, key=hostile, header={**mine, "x5u": served}),
        "kid that is a path": lambda: forge(core, user, key=b"", header={"kid": "../../../../dev/null"}),
        "crit header nobody knows": lambda: forge(core, user, header={"crit": ["exp2"], "exp2": now}),
        "issuer of another project": lambda: forge(
            core, user, claims={"iss": "https://another.supabase.co/auth/v1"}
        ),
        "audience of something else": lambda: forge(core, user, claims={"aud": "something-else"}),
        "no expiry": lambda: forge(core, user, without=["exp"]),
        "expired": lambda: forge(core, user, claims={"iat": now - 7200, "exp": now - 3600}),
        "not yet valid": lambda: forge(core, user, claims={"nbf": now + 3600}),
        "no subject": lambda: forge(core, user, without=["sub"]),
    }
    return made[name]()


def hostile_key(core: Core) -> SigningKey:
    """An attacker's key pair of the kind the project uses."""
    algorithm = core.keys.current.algorithm
    made = make_key("ES256" if algorithm == "HS256" else algorithm)
    return SigningKey(made.algorithm, made.private, str(uuid.uuid4()))


def _public(core: Core) -> SigningKey:
    """A key with a public half; a project with only a shared secret has none to confuse anyone with."""
    return core.keys.published[-1] if core.keys.published else hostile_key(core)


def _coordinate(core: Core) -> bytes:
    jwk = _public(core).public_jwk()
    return str(jwk.get("x") or jwk["n"]).encode()


def _nothing(_: bytes) -> bytes:
    return b""
