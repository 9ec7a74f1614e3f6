"""How the crawler names itself to websites."""

from helpninja_app.version import VERSION

PRODUCT = "HelpNinjaBot"
"""The name that robots.txt and robots marks address us by (RFC 9309, 2.2.1)."""

USER_AGENT = f"{PRODUCT}/{VERSION} (+https://github.com/helpninja/helpninja)"
