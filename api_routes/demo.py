"""The demo shop and its help centre at ``/demo``, in development only."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from api_routes.identity import resources_of
from helpninja_app.demo.workspace import SITE
from helpninja_app.errors import NotFound
from helpninja_app.kernel.proxies import own_origin

router = APIRouter(include_in_schema=False)

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".pdf": "application/pdf",
}
_NAME = re.compile(r"[a-z0-9-]+\.(html|md|css|pdf)")


@router.get("/demo")
@router.get("/demo/")
async def shop(request: Request) -> FileResponse:
    """The shop's page with the widget on it."""
    return _file(request, SITE / "shop.html")


@router.get("/demo/help")
@router.get("/demo/help/")
async def help_centre(request: Request) -> RedirectResponse:
    _refuse_in_production(request)
    return RedirectResponse("/demo/help/index.html")


@router.get("/demo/help/sitemap.xml")
async def sitemap(request: Request) -> Response:
    """The sitemap with the origin it was asked at."""
    _refuse_in_production(request)
    origin = own_origin(request.scope, resources_of(request).settings)
    filled = (SITE / "sitemap.xml").read_text().replace("{origin}", origin)
    return Response(filled, media_type="application/xml")


@router.get("/demo/help/{name}")
async def page(request: Request, name: str) -> FileResponse:
    if not _NAME.fullmatch(name):
        raise NotFound()
    return _file(request, SITE / "help" / name)


def _file(request: Request, path: Path) -> FileResponse:
    _refuse_in_production(request)
    if not path.is_file():
        raise NotFound()
    return FileResponse(
        path, media_type=MEDIA_TYPES[path.suffix], headers={"cache-control": "public, max-age=60"}
    )


def _refuse_in_production(request: Request) -> None:
    if not resources_of(request).settings.is_development:
        raise NotFound()
