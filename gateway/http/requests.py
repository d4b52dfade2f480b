"""Strict reading of requests: path, query, headers and JSON bodies.

Whatever is not understood is refused with the path to it, never ignored: a misspelt
``dry_run`` must not execute, and a condition that is not kept must not look kept.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeVar
from uuid import UUID

import msgspec
from aiohttp import hdrs, web

from gateway.http.problems import Problem, invalid

BODY_BYTES_MAX: Final = 256 * 1024
LIMIT_MAX: Final = 500
LIMIT_DEFAULT: Final = 100

T = TypeVar("T")

_BODY: Final = web.RequestKey("body", bytes)

_CHAR_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CHAR_ID_LOOSE = re.compile(r"(?i:[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_LIMIT = re.compile(r"[1-9][0-9]{0,2}")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DECODE_PATH = re.compile(r" - at `(?:key` in `)?\$([^`]*)`\Z")
_DECODE_FIELD = re.compile(r"(?:missing required|contains unknown) field `(.*)`\Z", re.DOTALL)
_OP_INDEX = re.compile(r"commands\[([0-9]+)\]")


def char_id(request: web.Request) -> str:
    """The character in the path: a UUID in lower case with dashes, however it was spelled."""
    return normal_char_id(request.match_info["char_id"], "char_id")


def normal_char_id(text: str, path: str) -> str:
    """A UUID in lower case with dashes; 400 naming ``path`` for anything else."""
    if _CHAR_ID.fullmatch(text):
        return text
    if _CHAR_ID_LOOSE.fullmatch(text):
        return str(UUID(text))
    raise invalid(path, "expected a UUID")


def plain(request: web.Request, *parameters: str) -> Mapping[str, str]:
    """The query of a call that takes no conditions; only ``parameters`` may be there, each once.

    The headers that promise something of a command are refused here, because nothing would
    keep the promise.
    """
    for name in ("Idempotency-Key", "If-Match", "Inventory-Durability"):
        if name in request.headers:
            raise invalid(name, "this call does not take the header")
    return query(request, *parameters)


def query(request: web.Request, *parameters: str) -> Mapping[str, str]:
    """The query parameters; 400 for one that is not among ``parameters``, or is there twice."""
    if not request.rel_url.raw_query_string:
        return {}
    found: dict[str, str] = {}
    for name, value in request.query.items():
        if name not in parameters:
            raise invalid(name, "this call has no such query parameter")
        if name in found:
            raise invalid(name, "given twice")
        found[name] = value
    return found


def limit(found: Mapping[str, str]) -> int:
    """The ``limit`` of a list, 1 to 500, or the default."""
    text = found.get("limit")
    if text is None:
        return LIMIT_DEFAULT
    if not _LIMIT.fullmatch(text) or int(text) > LIMIT_MAX:
        raise invalid("limit", f"expected a number from 1 to {LIMIT_MAX}")
    return int(text)


def printable(text: str, path: str, length_max: int) -> str:
    """Text for people, at most ``length_max`` characters, none of them a control or half a pair."""
    if len(text) > length_max:
        raise invalid(path, f"expected at most {length_max} characters")
    if _UNPRINTABLE.search(text):
        raise invalid(path, "has a character that cannot be shown")
    return text


def header(request: web.Request, name: str) -> str | None:
    """A header that may be there once."""
    values = request.headers.getall(name, ())
    if len(values) > 1:
        raise invalid(name, "given twice")
    return values[0] if values else None


async def json_body(request: web.Request) -> bytes:
    """The body, which must say that it is JSON. It can be read again by a repeated handler."""
    if request.headers.get("Content-Type") != "application/json":
        _check_media_type(request)
    if hdrs.CONTENT_ENCODING in request.headers:
        check_unpacked(request)
    content = request.content
    if content.at_eof():
        again: bytes = request.get(_BODY, b"")
        return again
    # A short body has come with its head; to take it as it lies there saves a third of reading it.
    body = content.read_nowait() if content.is_eof() else await request.read()
    if len(body) > BODY_BYTES_MAX:
        raise Problem("BODY_TOO_LARGE")
    request[_BODY] = body
    return body


async def no_body(request: web.Request) -> None:
    """400 for a body on a call that takes none; an empty object is none, as some clients always send it."""
    if request.can_read_body and (await request.read()).strip() not in (b"", b"{}"):
        raise invalid("$", "this call takes no body")


def decoded(
    decoder: msgspec.json.Decoder[T] | msgspec.msgpack.Decoder[T], body: bytes | msgspec.Raw, within: str = ""
) -> T:
    """The body as its type. Where a key stands twice in an object, the last one counts.

    400 says the path to what is wrong, which begins with ``within``, and the index of the command it
    is in, if in one.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _invalid_field(str(error), within) from None
    except msgspec.DecodeError as error:
        raise invalid("$", str(error) if body else "a JSON body is needed") from None
    except UnicodeDecodeError:
        raise invalid("$", "the body is not UTF-8") from None
    except RecursionError:
        raise invalid("$", "nested too deeply") from None


def _invalid_field(message: str, within: str) -> Problem:
    at = _DECODE_PATH.search(message)
    path = ""
    if at:
        message = message[: at.start()]
        path = at[1].removeprefix(".")
    if field := _DECODE_FIELD.search(message):
        path = f"{path}.{field[1]}" if path else field[1]
    op_index = _OP_INDEX.match(path)
    # "requests[3]." and "commands" make one path; the whole of what is within has none of its own.
    path = within + path if path else within.removesuffix(".")
    return invalid(path or "$", message, op_index=int(op_index[1]) if op_index else None)


def _check_media_type(request: web.Request) -> None:
    # Without a body there is no type to be wrong; decoding then asks for a body.
    if not request.can_read_body and "Content-Type" not in request.headers:
        return
    if len(request.headers.getall("Content-Type", ())) == 1 and request.content_type == "application/json":
        charset = request.charset
        if charset is None or charset.lower() in ("utf-8", "utf8"):
            return
    raise Problem("UNSUPPORTED_MEDIA_TYPE")


def check_unpacked(request: web.Request) -> None:
    """415 for a body with a content coding: nothing is unpacked here."""
    if header(request, "Content-Encoding") not in (None, "identity"):
        raise Problem("UNSUPPORTED_MEDIA_TYPE", "Bodies are sent unpacked, without a Content-Encoding.")
