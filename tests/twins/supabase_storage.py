"""A server that stands in for Supabase Storage: its buckets and objects over real HTTP, and faults on demand.

Its answers are those of supabase/storage: what it refuses has status 400, with the real status in the body.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from urllib.parse import unquote

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser

from tests.loopback_site import LoopbackSite, Request, answer

Kind = Literal["down", "slow", "reset", "lost", "truncated", "odd"]
PREFIX = "/storage/v1/"
SERVICE_ROLE_KEY = "eyJhbGciOiJIUzI1NiJ9.c2VydmljZV9yb2xlLWlzLXNlY3JldA.c2lnbmF0dXJlLWlzLXNlY3JldA"
SECRET_KEY = "sb_secret_2Nx8vQe0t4BzKq71hLw"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next call that ``label`` (method and path) begins with or is empty for.

    ``down`` answers 503 as a gateway does, ``slow`` never answers, ``reset`` cuts the connection before
    anything happened, ``lost`` does the work and then cuts it, ``truncated`` sends half the answer, ``odd``
    answers 200 with a page.
    """

    kind: Kind
    label: str = ""


@dataclass
class Bucket:
    is_public: bool = False
    objects: dict[str, bytes] = field(default_factory=dict)


class Refused(Exception):
    def __init__(self, status: int, error: str, message: str) -> None:
        self.body = {"statusCode": str(status), "error": error, "message": message}
        super().__init__(message)


NO_BUCKET = (404, "Bucket not found", "Bucket not found")
NO_OBJECT = (404, "not_found", "Object not found")
EXISTS = (409, "Duplicate", "The resource already exists")


@dataclass
class SupabaseStorage:
    """``faults`` are met one after the other; ``calls`` are method and path of what arrived."""

    key: str = SERVICE_ROLE_KEY
    size_limit: int = 50_000_000
    buckets: dict[str, Bucket] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self.site = LoopbackSite(otherwise=self._handle)
        await self.site.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.site.__aexit__(*error)

    @property
    def url(self) -> str:
        return self.site.url

    def fail(self, kind: Kind, label: str = "", times: int = 1) -> None:
        self.faults += [Fault(kind, label)] * times

    async def _handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        label = f"{request.method} {unquote(request.path).removeprefix(PREFIX)}"
        self.calls.append(label)
        fault = next((each for each in self.faults if label.startswith(each.label)), None)
        if fault is not None:
            self.faults.remove(fault)
        kind = fault.kind if fault else None
        if kind == "slow":
            await asyncio.sleep(60)
        if kind == "reset":
            _cut(writer)
            return
        # The connection ends with its answer: a client never meets one that is just being closed.
        if kind in ("down", "odd"):
            status = "503 Service Unavailable" if kind == "down" else "200 OK"
            writer.write(answer("<h1>A gateway</h1>", status=status, connection="close"))
            return
        given = await self._answer(request, label)
        if kind == "lost":
            _cut(writer)
        else:
            writer.write(given[: -len(given) // 3] if kind == "truncated" else given)

    async def _answer(self, request: Request, label: str) -> bytes:
        try:
            self._check_key(request.headers)
            found = await self._work(request, label)
        except Refused as error:
            return _json(error.body, status="400 Bad Request")
        if isinstance(found, bytes):
            return answer(found, content_type="application/octet-stream", connection="close")
        return _json(found)

    def _check_key(self, headers: dict[str, str]) -> None:
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        expected = "" if self.key.startswith("sb_") else self.key
        if headers.get("apikey") != self.key or bearer != expected:
            raise Refused(403, "Unauthorized", "Invalid Compact JWS")

    async def _work(self, request: Request, label: str) -> Any:
        method, _, path = label.partition(" ")
        doors: tuple[tuple[str, str, Callable[[Request, str], Awaitable[Any]]], ...] = (
            ("POST", "object/list/", self._list),
            ("GET", "object/authenticated/", self._download),
            ("POST", "object/", self._upload),
            ("DELETE", "object/", self._remove),
            ("GET", "bucket/", self._show_bucket),
            ("POST", "bucket", self._make_bucket),
        )
        for verb, prefix, door in doors:
            if method == verb and path.startswith(prefix):
                return await door(request, path.removeprefix(prefix))
        raise Refused(404, "Not Found", f"Route {label} not found")

    async def _show_bucket(self, _request: Request, name: str) -> Any:
        bucket, moment = self._bucket(name), "2026-01-01T00:00:00.000Z"
        return {
            "id": name,
            "name": name,
            "owner": "",
            "public": bucket.is_public,
            "file_size_limit": None,
            "allowed_mime_types": None,
            "created_at": moment,
            "updated_at": moment,
        }

    async def _make_bucket(self, request: Request, _path: str) -> Any:
        asked = json.loads(request.body)
        if asked["id"] in self.buckets:
            raise Refused(*EXISTS)
        self.buckets[asked["id"]] = Bucket(is_public=asked.get("public", False))
        return {"name": asked["id"]}

    async def _upload(self, request: Request, path: str) -> Any:
        name, _, key = path.partition("/")
        bucket = self._bucket(name)
        if key in bucket.objects and request.headers.get("x-upsert") != "true":
            raise Refused(*EXISTS)
        content = await _file_of(request)
        if len(content) > self.size_limit:
            raise Refused(413, "Payload too large", "The object exceeded the maximum allowed size")
        bucket.objects[key] = content
        return {"Key": path, "Id": "0190c0de-0000-7000-8000-000000000000"}

    async def _download(self, _request: Request, path: str) -> Any:
        name, _, key = path.partition("/")
        objects = self.buckets[name].objects if name in self.buckets else {}
        if key not in objects:
            raise Refused(*NO_OBJECT)
        return objects[key]

    async def _remove(self, request: Request, name: str) -> Any:
        objects = self._bucket(name).objects
        asked = [key for key in json.loads(request.body)["prefixes"] if key in objects]
        for key in asked:
            del objects[key]
        return [{"name": key} for key in asked]

    async def _list(self, request: Request, name: str) -> Any:
        asked = json.loads(request.body)
        prefix = f"{asked['prefix']}/"
        names = sorted(key.removeprefix(prefix) for key in self._bucket(name).objects if prefix in key)
        return [{"name": each, "id": each} for each in names[: asked["limit"]]]

    def _bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise Refused(*NO_BUCKET)
        return self.buckets[name]


async def _file_of(request: Request) -> bytes:
    async def body() -> AsyncIterator[bytes]:
        yield request.body

    form = await MultiPartParser(Headers(request.headers), body()).parse()  # type: ignore[arg-type]
    try:
        file = form["file"]
        assert isinstance(file, UploadFile)
        return await file.read()
    finally:
        await form.close()


def _json(body: object, *, status: str = "200 OK") -> bytes:
    return answer(json.dumps(body), status=status, content_type="application/json", connection="close")


def _cut(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
