"""Receives a multipart upload: streamed to disk, bounded, with its other fields."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api_routes.bodies import body_chunks, is_storable_text
from helpninja_app.billing.plans import Plan, file_too_large
from helpninja_app.errors import BadRequest, FileRefused, Unavailable, UnsupportedMediaType
from helpninja_app.kernel.database import new_id
from helpninja_app.knowledge.uploads import Upload

MAX_FIELDS = 8
MAX_FIELD_BYTES = 4_000
# Boundaries and headers of the parts, beside the file itself.
OVERHEAD_BYTES = 64_000
MAX_FILENAME = 255


@asynccontextmanager
async def receive_upload(
    request: Request, folder: Path, plan: Plan
) -> AsyncIterator[tuple[Upload, dict[str, str]]]:
    """The one file of a multipart request in ``folder``, and the other fields; removed again if not taken.

    Raises ``FileRefused`` (400) for a missing file or one over the plan's size, ``Unavailable`` when the
    disk is full.
    """
    form = await _parse(request, plan)
    path = folder / str(new_id())
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise FileRefused("Send the file as the part called file.")
        size = file.size or 0
        if size > plan.upload_bytes:
            raise file_too_large(plan, size)
        await asyncio.to_thread(_write, file, path)
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        yield Upload(path, clean_filename(file.filename or ""), file.content_type, size), fields
    finally:
        await form.close()
        path.unlink(missing_ok=True)


def clean_filename(name: str) -> str:
    """The last part of a name, without control characters, at most 255 characters with its ending kept."""
    last = PurePosixPath(PureWindowsPath(name).name).name
    shown = "".join(character for character in last if character.isprintable()).strip()
    if not shown or not is_storable_text(shown):
        raise FileRefused("The file needs a name.")
    if len(shown) > MAX_FILENAME:
        ending = PurePosixPath(shown).suffix[:20]
        shown = shown[: MAX_FILENAME - len(ending)] + ending
    return shown


async def _parse(request: Request, plan: Plan) -> FormData:
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/form-data"):
        raise UnsupportedMediaType("Send the file as multipart/form-data.")
    declared = request.headers.get("content-length", "")
    # More digits than any size has are not worth reading.
    size = int(declared[:19]) if declared.isdigit() else None
    if size is not None and size > plan.upload_bytes + OVERHEAD_BYTES:
        raise file_too_large(plan, size)
    parser = MultiPartParser(
        request.headers,
        _bounded(request, plan.upload_bytes + OVERHEAD_BYTES, file_too_large(plan, None)),
        max_files=1,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise BadRequest(f"The upload could not be read: {error.message}") from error
    except (KeyError, ValueError, LookupError) as error:
        raise BadRequest("The upload could not be read: it is not valid multipart/form-data.") from error
    except OSError as error:
        raise Unavailable("The file could not be stored: there is no space left.") from error


async def _bounded(request: Request, limit: int, refusal: FileRefused) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in body_chunks(request):
        size += len(chunk)
        if size > limit:
            raise refusal
        yield chunk


def _write(file: UploadFile, path: Path) -> None:
    try:
        file.file.seek(0)
        with path.open("xb") as target:
            path.chmod(0o600)
            shutil.copyfileobj(file.file, target)
    except OSError as error:
        raise Unavailable("The file could not be stored: there is no space left.") from error
