"""Reads request bodies: bounded, also when they are packed."""

from __future__ import annotations

import zlib

from starlette.requests import ClientDisconnect, Request

from evalloop.web.answers import Refused

JSON_TYPES = ("", "application/json", "text/plain")
LINE_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")


async def read_body(request: Request, limit: int) -> bytes:
    """The body, unpacked; Refused (413) beyond ``limit`` bytes, 415 for a packing that is not gzip, 400 if broken."""
    packed = await _received(request, limit)
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        return packed
    if coding != "gzip":
        raise Refused(415, f"content-encoding {coding[:40]} is not read", "use gzip, or send the body as it is")
    return _unpacked(packed, limit)


async def _received(request: Request, limit: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
    except ClientDisconnect:
        raise Refused(400, "the body broke off", "send the same batch again") from None
    return b"".join(parts)


def _unpacked(packed: bytes, limit: int) -> bytes:
    unpack = zlib.decompressobj(wbits=31)
    try:
        body = unpack.decompress(packed, limit + 1)
    except zlib.error as error:
        raise Refused(400, f"not valid gzip: {error}", "pack the whole body with gzip") from None
    if len(body) > limit:
        raise _too_large(limit)
    if not unpack.eof or unpack.unused_data:
        raise Refused(400, "the gzip data breaks off or goes on after its end", "pack the whole body with gzip, once")
    return body


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the body is larger than {limit:,} bytes", "send smaller batches")


def content_type(request: Request, allowed: tuple[str, ...]) -> str:
    """The media type without its parameters; Refused (415) when it is none of these."""
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in allowed:
        raise Refused(415, f"content-type {found[:80]} is not read", f"use one of: {', '.join(filter(None, allowed))}")
    return found
