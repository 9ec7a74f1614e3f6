"""A twin of Supabase's auth server, for tests over real HTTP."""

from tests.twins.gotrue.browsing import click, consent, fragment_of, query_of
from tests.twins.gotrue.forgery import ATTACKS
from tests.twins.gotrue.gate import Call, Fault
from tests.twins.gotrue.keys import KeyRing, SigningKey, make_key
from tests.twins.gotrue.server import Gotrue, running_gotrue
from tests.twins.gotrue.state import Mail, Settings, User

__all__ = [
    "ATTACKS",
    "Call",
    "Fault",
    "Gotrue",
    "KeyRing",
    "Mail",
    "Settings",
    "SigningKey",
    "User",
    "click",
    "consent",
    "fragment_of",
    "make_key",
    "query_of",
    "running_gotrue",
]
