"""One blocking connection on which many calls are under way at once; replies come as they were sent."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

Part = bytes | str | int
# A server that is silent for longer has lost the run.
TIMEOUT_S = 60.0


class Wire:
    """A connection of redis-py below its client, which would repeat what was lost and costs more time."""

    def __init__(self, url: str) -> None:
        """``url``: redis://, rediss:// or unix://; raises ``redis.exceptions.ConnectionError``."""
        self._client = redis.Redis.from_url(
            url, protocol=2, socket_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )
        self._connection = self._client.connection_pool.get_connection()

    def send(self, commands: Sequence[Sequence[Part]]) -> None:
        """Send commands in one write; as many replies must be received."""
        packed = self._connection.pack_commands(commands)  # type: ignore[no-untyped-call]
        self._connection.send_packed_command(packed)  # type: ignore[no-untyped-call]

    def receive(self) -> Any:  # noqa: ANN401 - as Redis has it
        """The next reply; an error reply as a value."""
        try:
            return self._connection.read_response()
        except ResponseError as error:
            return error

    def call(self, *command: Part) -> Any:  # noqa: ANN401 - as Redis has it
        """Send one command and wait for its reply; raises ``ResponseError``."""
        self.send([command])
        reply = self.receive()
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self) -> None:
        """Close the connection, whatever is under way on it."""
        self._connection.disconnect()  # type: ignore[no-untyped-call]
        self._client.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
