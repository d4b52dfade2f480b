"""Rubbish at the port, while somebody else is served: the process lives, and answers."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit

import psutil

from gateway.http.problem_codes import PROBLEM_KINDS
from tests.fuzz import right
from tests.fuzz.frames import frames
from tests.fuzz.gauge import GROWTH_DESCRIPTORS_MAX, Gauge
from tests.fuzz.mutations import truncated
from tests.fuzz.rubbish import KINDS
from tests.serving import Serving

AT_ONCE = 16
# Half requests that wait for the server to lose patience.
HALVES_MAX = 32
# What the campaign asks of the server's settings, so that it does so now and then.
SETTINGS = {"HAVERSACK_REQUEST_TIMEOUT_S": "1"}
# How long a connection is listened to after the last byte was sent; most are answered at once.
LISTEN_S = 0.05
# A machine may be slow, but somebody who asks properly is not to wait for ever.
ANSWER_S = 60.0
# How often somebody asks properly, and the process is looked at.
LOOK_S = 0.25
FRAMES, HALF, RIGHT = "frames", "half requests", "right requests"


@dataclass
class Tally:
    """What was sent, by kind, and what came of it, by status."""

    sent: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    served: int = 0

    def count(self, kind: str, answer: bytes) -> None:
        """One connection; of what is answered in a row, every status."""
        self.sent[kind] += 1
        self.answers.update(re.findall(r"HTTP/1\.[01] ([0-9]{3}) ", answer.decode("latin-1")) or ["nothing"])


class RawFuzz:
    """One campaign against one process, the same for the same seed but for the order of connections."""

    def __init__(self, process: Serving, token: str, seed: int) -> None:
        self._process = process
        self._token = token
        self._random = Random(seed)
        address = urlsplit(process.url)
        self._host, self._port = address.hostname or "", address.port or 0
        self._halves: set[asyncio.Task[None]] = set()
        self.gauge = Gauge(psutil.Process(process.process.pid))
        self.tally = Tally()

    async def run(self, more: Callable[[], bool], tell: Callable[["RawFuzz"], None] = lambda _: None) -> None:
        """Connect as long as there is to be ``more``; then everything is looked at."""
        body = {"char_id": right.CHAR_ID, "name": "Bystander"}
        status, answer = await self._ask("POST", "/v1/characters", body)
        assert status in (201, 409), answer
        at_first = self.gauge.process.num_fds()

        async def attack() -> None:
            while more():
                await self._attack()

        attackers = [asyncio.create_task(attack()) for _ in range(AT_ONCE)]
        while not all(task.done() for task in attackers):
            await self._be_served()
            self.gauge.look()
            tell(self)
            await asyncio.wait(attackers, timeout=LOOK_S)
        for task in attackers:
            task.result()
        async with asyncio.timeout(ANSWER_S):
            await asyncio.gather(*self._halves)
        await self._be_served()
        await self._judge(at_first)

    async def _attack(self) -> None:
        random = self._random
        kind = random.choice((*KINDS, FRAMES, HALF, RIGHT))
        if kind == HALF and len(self._halves) < HALVES_MAX:
            half = asyncio.create_task(self._wait_to_be_let_go(truncated(random, self._right())))
            self._halves.add(half)
            half.add_done_callback(self._halves.discard)
        elif kind in KINDS:
            await self._exchange(kind, KINDS[kind](random, self._token))
        elif kind == FRAMES:
            await self._exchange(kind, right.handshake(self._token), frames(random))
        else:
            await self._exchange(kind, self._right() if kind == RIGHT else truncated(random, self._right()))

    def _right(self) -> bytes:
        return right.anyone(self._random, self._token)

    async def _exchange(self, kind: str, sent: bytes, then: bytes = b"") -> None:
        """Send it, read what comes within a moment, and go away in one way or another."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        answer = b""
        with suppress(OSError, asyncio.IncompleteReadError):
            cut = self._random.randrange(len(sent) + 1)
            for part in (sent[:cut], sent[cut:]):
                writer.write(part)
                await writer.drain()
            if then:
                async with asyncio.timeout(ANSWER_S):
                    answer = await reader.readuntil(b"\r\n\r\n")
                writer.write(then)
            if self._random.random() < 0.3:
                writer.write_eof()
            async with asyncio.timeout(LISTEN_S):
                while part := await reader.read(1 << 16):
                    answer += part
        if self._random.random() < 0.5:
            writer.transport.abort()
        else:
            writer.close()
        self.tally.count(kind, answer)

    async def _wait_to_be_let_go(self, sent: bytes) -> None:
        """Send the beginning of a request, and wait for its rest to be waited for no more."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        answer = b""
        with suppress(ConnectionError):
            writer.write(sent)
            async with asyncio.timeout(ANSWER_S):
                answer = await reader.read()
        writer.close()
        self.tally.count(HALF, answer)

    async def _be_served(self) -> None:
        """A command and a look at it, by somebody who knows how to ask."""
        grant = {"template_id": "brown_bread", "quantity": 1, "partial": True}
        path = f"/v1/characters/{right.CHAR_ID}/inventory"
        for asked in (("POST", f"{path}/grant", grant), ("GET", path, None)):
            status, answer = await self._ask(*asked)
            assert status == 200, answer
        self.tally.served += 2

    async def _ask(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        content = b"" if body is None else json.dumps(body).encode()
        line = f"{method} {path} HTTP/1.1\r\n".encode() + right.head(self._token)
        rest = b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(
            content
        )
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            writer.write(line + rest + content)
            answer = await reader.read()
            writer.close()
        return int(answer[9:12]), answer

    async def _judge(self, descriptors_at_first: int) -> None:
        """The process has no fault to tell of, and has let everybody go."""
        assert self._process.process.poll() is None
        log = self._process.log.read_text()
        assert "Traceback" not in log and " ERROR " not in log, log[-5000:]
        assert not [status for status in self.tally.answers if status.startswith("5")], self.tally.answers
        _, metrics = await self._ask("GET", "/metrics", None)
        happened = r'^haversack_requests_total\{code="(\w+)"[^}]*\} (?!0\.0$)'
        counted = set(re.findall(happened, metrics.decode(), re.MULTILINE))
        assert {"OK", "INVALID_REQUEST"} <= counted
        assert not [code for code in counted if code in PROBLEM_KINDS and PROBLEM_KINDS[code].status >= 500]
        # Pools of connections to the servers behind it may have grown.
        descriptors_max = descriptors_at_first + GROWTH_DESCRIPTORS_MAX
        until = time.monotonic() + ANSWER_S
        while self.gauge.process.num_fds() > descriptors_max and time.monotonic() < until:
            await asyncio.sleep(0.05)
        assert self.gauge.process.num_fds() <= descriptors_max
