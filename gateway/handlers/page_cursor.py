"""Cursors of pages: what was listed and where the last item shown stood, as opaque text.

A cursor names a place between keys and no item, so it holds while items come and go. It is not
signed: whoever makes one up may only begin where he likes.
"""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
from msgspec import Struct

from gateway.http.page_sorts import Position
from gateway.http.problems import invalid


class Listing(Struct, frozen=True, array_like=True):
    """What a page is a page of. ``sort`` with its minus, if any; None where nothing is filtered."""

    char_id: str
    container: str
    sort: str
    section: str | None
    category: str | None


class _Cursor(Struct, frozen=True, array_like=True):
    listing: Listing
    last: Position


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Cursor).decode


def encode_cursor(listing: Listing, last: Position) -> str:
    """The cursor that goes on after ``last``: base64url without padding, a checksum in front."""
    payload = _encode(_Cursor(listing, last))
    return urlsafe_b64encode(zlib.crc32(payload).to_bytes(4) + payload).rstrip(b"=").decode()


def decode_cursor(text: str, listing: Listing) -> Position:
    """Where the page before ended; 400 naming ``cursor`` for a damaged one, or one of another listing."""
    try:
        cursor = _decode(urlsafe_b64decode(text + "=" * (-len(text) % 4))[4:])
    except ValueError:  # of base64, of UTF-8 and of msgpack
        raise invalid("cursor", "expected the cursor of an earlier page") from None
    # Base64 and msgpack have several spellings of one thing, and none of them proves the checksum;
    # what was made here is what making it again gives.
    if encode_cursor(cursor.listing, cursor.last) != text:
        raise invalid("cursor", "expected the cursor of an earlier page, unaltered")
    if cursor.listing != listing:
        raise invalid("cursor", "made for another character, container, section, category or sort")
    return cursor.last
