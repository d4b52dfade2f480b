"""Replies: JSON bytes with a status, and entity tags."""

from typing import Final

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web_request import BaseRequest
from multidict import CIMultiDict

# Without it aiohttp tells everybody its version and Python's.
SERVER: Final = "haversack"

_JSON_HEADERS = CIMultiDict({"Content-Type": "application/json", "Server": SERVER})

encode = msgspec.json.Encoder().encode


class JsonReply(web.Response):
    """200 with finished JSON, and perhaps an entity tag; what nearly every request is answered with.

    What a response has beside these is made when somebody asks for it. Where nobody does, ``message``
    is all of it in one piece, which costs a fifth of what headers in a dictionary cost.
    """

    _status = 200
    _reason = "OK"

    def __init__(self, body: bytes, tag: str | None = None) -> None:
        """The base class is told when it is needed."""
        self._body = body
        self._tag = tag
        self.is_plain = True

    @property
    def headers(self) -> "CIMultiDict[str]":
        """The headers, which may be altered."""
        self._be_whole()
        return self._headers

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """As any response, from here on."""
        self._be_whole()
        return await super().prepare(request)

    def force_close(self) -> None:
        """As any response: the connection ends with it."""
        self._be_whole()
        super().force_close()

    @property
    def size(self) -> int:
        """Bytes of the body."""
        assert isinstance(self._body, bytes)
        return len(self._body)

    def message(self) -> bytes:
        """Head and body, for HTTP/1.1 on a connection that stays; the reply counts as sent then."""
        body = self._body
        assert isinstance(body, bytes)
        self._eof_sent = self._keep_alive = True
        self._body_length = len(body)
        tag = b"" if self._tag is None else b'ETag: "%s"\r\n' % self._tag.encode()
        return b"%s%d\r\nDate: %s\r\n%s\r\n%s" % (_HEAD, len(body), _date(), tag, body)

    def _be_whole(self) -> None:
        if self.is_plain:
            self.is_plain = False
            super().__init__(body=self._body, headers=_JSON_HEADERS)
            if self._tag is not None:
                self._headers["ETag"] = f'"{self._tag}"'


_HEAD: Final = (
    f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: {SERVER}\r\nContent-Length: ".encode()
)
_date_text = ""
_date_bytes = b""


def _date() -> bytes:
    global _date_text, _date_bytes
    # The same string for a second.
    text = rfc822_formatted_time()
    if text is not _date_text:
        _date_text, _date_bytes = text, text.encode()
    return _date_bytes


def json_reply(body: bytes, status: int = 200) -> web.Response:
    """A reply whose body is finished JSON."""
    return JsonReply(body) if status == 200 else web.Response(body=body, status=status, headers=_JSON_HEADERS)


def tagged_reply(body: bytes, tag: str) -> web.Response:
    """A reply with its entity tag."""
    return JsonReply(body, tag)


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
