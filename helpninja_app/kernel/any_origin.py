"""Makes one build of the front end work on every host and port."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from reflex_base.plugins import Plugin

_BUILT_FOR = re.compile(r"""(["'`])(http|ws)s?://[^/"'`]+(/[^"'`]*)?\1""")


class AnyOriginPlugin(Plugin):
    """Reflex bakes the address of its backend into ``reflex-env-*.js``; the page's own origin replaces it."""

    def post_build(self, **context: Any) -> None:
        """Rewrite the built file. Raises RuntimeError, which fails the build, when there is none."""
        rewrite_addresses(Path(context["static_dir"]) / "assets")


def rewrite_addresses(assets: Path) -> None:
    """Replace each absolute address in ``reflex-env-*.js`` by an expression over ``location.origin``."""
    replaced = 0
    for script in assets.glob("reflex-env-*.js"):
        text, count = _BUILT_FOR.subn(_own_origin, script.read_text("utf-8"))
        script.write_text(text, "utf-8")
        replaced += count
    if not replaced:
        raise RuntimeError(
            f"No backend address in {assets}/reflex-env-*.js: this version of Reflex keeps it elsewhere."
        )


def _own_origin(address: re.Match[str]) -> str:
    _, scheme, path = address.groups()
    origin = "location.origin" if scheme == "http" else 'location.origin.replace("http","ws")'
    return f'({origin}+"{path or ""}")'
