"""Calls: attempts at a request until it is answered, and the answer as its type."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from haversack_client.conditions import Terms
from haversack_client.repeating import Timing, until_answered
from haversack_client.transport import Transport, decoded
from haversack_client.transport_errors import Answer
from haversack_client.windows import Windows

T = TypeVar("T")

encode = msgspec.json.Encoder().encode


class Caller:
    """What everything that calls the service shares."""

    def __init__(self, transport: Transport, timing: Timing) -> None:
        """``windows``: places of all operations that have a key."""
        self.transport = transport
        self.timing = timing
        self.windows = Windows()

    async def read(
        self,
        reply: type[T],
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        timeout_s: float | None = None,
    ) -> T:
        """Ask for what may be asked for any number of times."""
        answer = await self.ask(method, path, query=query, timeout_s=timeout_s)
        return decoded(decoder_of(reply), answer.body)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """The answer itself, of what may be asked for any number of times."""

        async def attempt(left_s: float) -> Answer:
            return await self.transport.exchange(
                method,
                path,
                query=query,
                body=body,
                headers=headers,
                timeout_s=min(left_s, self.timing.attempt_timeout_s),
            )

        return await until_answered(attempt, self.timing, self.timing.ends(timeout_s))

    async def change(
        self, reply: type[T], method: str, path: str, body: bytes, char_id: str, terms: Terms
    ) -> T:
        """Have something done to a character, once."""
        headers = terms.headers()
        ends = self.timing.ends(terms.timeout_s)

        async def attempt(left_s: float) -> T:
            timeout_s = min(left_s, self.timing.attempt_timeout_s)
            answer = await self.transport.exchange(
                method, path, body=body, headers=headers, timeout_s=timeout_s
            )
            return decoded(decoder_of(reply), answer.body)

        async with self.windows.place(char_id, ends):
            return await until_answered(
                attempt, self.timing, ends, repeats=terms.repeats, changes=True, key=terms.key
            )


# A decoder compiles its type, so each is made once.
_decoders: dict[Any, "msgspec.json.Decoder[Any]"] = {}


def decoder_of(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """The decoder of a type."""
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind)
    decoder: msgspec.json.Decoder[T] = _decoders[kind]
    return decoder
