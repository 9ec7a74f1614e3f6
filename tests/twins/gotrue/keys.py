"""The keys access tokens are signed with: published, rotated, revoked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import get_algorithm_by_name
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.twins.gotrue.state import Algorithm

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A JWS in compact form with exactly these headers, which libraries would refuse to write."""
    parts = [b64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)]
    message = ".".join(parts)
    return f"{message}.{b64(sign(message.encode()))}"


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda message: hmac.new(secret, message, hashlib.sha256).digest()


@dataclass(frozen=True)
class SigningKey:
    """A key pair, or the shared secret of the legacy way."""

    algorithm: Algorithm
    private: PrivateKey | bytes
    kid: str | None

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.private, bytes):
            return hs256(self.private)(message)
        return get_algorithm_by_name(self.algorithm).sign(message, self.private)

    def is_signature(self, message: bytes, signature: bytes) -> bool:
        if isinstance(self.private, bytes):
            return hmac.compare_digest(hs256(self.private)(message), signature)
        return get_algorithm_by_name(self.algorithm).verify(message, self.private.public_key(), signature)

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        named = {"kid": self.kid} if self.kid else {}
        return compact({"alg": self.algorithm, **named, "typ": "JWT"} | header, claims, self.sign)

    def public_jwk(self) -> dict[str, Any]:
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        elif isinstance(self.private, rsa.RSAPrivateKey):
            public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            raise TypeError("A shared secret has no public half.")
        about = {"alg": self.algorithm, "kid": self.kid, "use": "sig", "key_ops": ["verify"], "ext": True}
        return dict(public) | about

    def public_pem(self) -> bytes:
        assert not isinstance(self.private, bytes)
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def make_key(algorithm: Algorithm = "ES256") -> SigningKey:
    if algorithm == "ES256":
        return SigningKey(algorithm, ec.generate_private_key(ec.SECP256R1()), str(uuid.uuid4()))
    if algorithm == "RS256":
        return SigningKey(algorithm, rsa.generate_private_key(65537, 2048), str(uuid.uuid4()))
    raise ValueError("HS256 has the one shared secret: Settings(algorithm='HS256').")


class KeyRing:
    """The project's keys: one signs, all published ones are trusted, and so is the legacy secret."""

    def __init__(self, algorithm: Algorithm, jwt_secret: str) -> None:
        self.legacy: SigningKey | None = SigningKey("HS256", jwt_secret.encode(), None)
        self.published: list[SigningKey] = []
        self.current = self.legacy if algorithm == "HS256" else self.add_standby(algorithm)

    def add_standby(self, algorithm: Algorithm = "ES256") -> SigningKey:
        """Publishes a key that does not sign yet."""
        key = make_key(algorithm)
        self.published.append(key)
        return key

    def rotate(self, algorithm: Algorithm | None = None) -> SigningKey:
        """A new key signs from now on; the old one stays published and trusted."""
        wanted = algorithm or self.current.algorithm
        self.current = self.add_standby("ES256" if wanted == "HS256" else wanted)
        return self.current

    def promote(self, key: SigningKey) -> None:
        """A standby key signs from now on."""
        self.current = key

    def revoke(self, key: SigningKey) -> None:
        """What this key signed is worth nothing any more. The shared secret can be revoked too."""
        if key is self.current:
            raise ValueError("Rotate first: a project always has a key that signs.")
        if key is self.legacy:
            self.legacy = None
        else:
            self.published.remove(key)

    def jwks(self) -> dict[str, Any]:
        """What everyone may read; never the shared secret."""
        return {"keys": [key.public_jwk() for key in self.published]}

    def named_by(self, header: Mapping[str, Any]) -> SigningKey | None:
        """The key that a token's header may be checked with."""
        if "kid" in header:
            return next((key for key in self.published if key.kid == header["kid"]), None)
        return self.legacy if header.get("alg") == "HS256" else None
