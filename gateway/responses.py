"""Replies: JSON bytes with a status, and entity tags."""

from typing import Final

import msgspec
from aiohttp import web
from multidict import CIMultiDict

# Without it aiohttp tells everybody its version and Python's.
SERVER: Final = "haversack"

# Copied for every reply, which costs less than setting the headers one by one.
_JSON_HEADERS = CIMultiDict({"Content-Type": "application/json", "Server": SERVER})

encode = msgspec.json.Encoder().encode


def json_reply(body: bytes, status: int = 200) -> web.Response:
    """A reply whose body is finished JSON."""
    return web.Response(body=body, status=status, headers=_JSON_HEADERS)


def tagged_reply(body: bytes, tag: str) -> web.Response:
    """A reply with its entity tag."""
    response = json_reply(body)
    response.headers["ETag"] = f'"{tag}"'
    return response


def not_modified(request: web.Request, tag: str) -> web.Response | None:
    """304 when the caller says by ``If-None-Match`` that it has what ``tag`` names, else None.

    Compared weakly, after RFC 9110, 13.1.2: ``W/`` makes no difference.
    """
    known = request.headers.getall("If-None-Match", ())
    for candidate in ",".join(known).split(","):
        candidate = candidate.strip()
        if candidate == "*" or candidate.removeprefix("W/") == f'"{tag}"':
            return web.Response(status=304, headers={"ETag": f'"{tag}"', "Server": SERVER})
    return None
