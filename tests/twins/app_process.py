"""Serves the whole application at the port that is given, and says first what Reflex registered in it."""

from __future__ import annotations

import json
import sys
from typing import Any

import uvicorn

from helpninja_app.helpninja_app import app


def main(port: int) -> None:
    served: Any = app()
    parts: Any = app._api
    registered = {
        "routes": {route.path: sorted(getattr(route, "methods", None) or ()) for route in parts.routes},
        "events": sorted(app._registration_context.event_handlers),
        "messages": [name for name in dir(app.event_namespace) if name.startswith("on_")],
    }
    sys.stdout.write(f"{json.dumps(registered)}\n")
    sys.stdout.flush()
    # Nobody reads what is logged, and a pipe that is full would stop us.
    sys.stdout = sys.stderr
    uvicorn.run(served, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
