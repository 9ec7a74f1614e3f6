"""Liveness, readiness and Prometheus metrics."""

from __future__ import annotations

import hmac
import ipaddress

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from api_routes.identity import bearer, resources_of
from api_routes.problems import documented
from helpninja_app.errors import NotSignedIn, Unavailable
from helpninja_app.readiness import missing_for_readiness
from helpninja_app.version import VERSION

router = APIRouter(tags=["Health"])


class Health(BaseModel):
    status: str
    version: str


# Load balancers ask by HEAD too; the description has it once.
@router.head("/api/health/live", include_in_schema=False)
@router.get("/api/health/live", response_model=Health)
async def live() -> Health:
    """The process answers."""
    return Health(status="live", version=VERSION)


@router.head("/api/health/ready", include_in_schema=False)
@router.get("/api/health/ready", response_model=Health, responses=documented())
async def ready(request: Request) -> Health:
    """The database is there and migrated, the embedder loaded and, in development, the demo searchable."""
    missing = await missing_for_readiness(resources_of(request))
    if missing:
        raise Unavailable("Not ready yet: " + "; ".join(missing) + ".")
    return Health(status="ready", version=VERSION)


@router.get(
    "/metrics",
    response_class=Response,
    responses=documented(401, also={200: {"content": {"text/plain": {}}, "description": "Prometheus text."}}),
)
async def metrics(request: Request) -> Response:
    """Prometheus metrics, for this machine or with the token of HELPNINJA_METRICS_TOKEN."""
    settings = resources_of(request).settings
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    offered = bearer(request)
    if token is not None and offered is not None:
        if not hmac.compare_digest(token.encode(), offered.encode()):
            raise NotSignedIn("This is not the metrics token.")
    elif not _is_local(request):
        raise NotSignedIn("Metrics are only for this machine, or with the metrics token.")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    # A proxy on this machine makes everybody look local, so a forwarded request never is; nor is what a web
    # page asks by a name of its own that leads here (DNS rebinding).
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers or request.client is None:
        return False
    return _is_loopback(request.client.host) and _is_loopback(request.url.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
