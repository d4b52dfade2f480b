"""Each scenario played once to its end: which moments it meets."""

import asyncio
import json
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.crash_points.points import ROOT


@dataclass
class Place:
    """Where a trial happens: servers of its own, or at least a database and a Redis of its own."""

    redis_url: str
    database_url: str


@dataclass
class Life:
    """What is known of a child: what it told, and how it ended."""

    char_ids: list[str]
    ended: int = 0
    failed: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    answered: list[dict[str, Any]] = field(default_factory=list)
    met: dict[tuple[str, str], int] = field(default_factory=dict)


class Nursery:
    """A running ``tests.crash_points.nursery``; one trial at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def open(cls) -> "Nursery":
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.crash_points.nursery",
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=2**24,
            )
        )

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def live(self, place: Place, scenario: str, doom: Sequence[Any] | None = None) -> Life:
        """One child's life; with a ``doom`` (point, moment, how often met) a short one."""
        assert self._process.stdin is not None and self._process.stdout is not None
        life = Life([str(uuid.uuid4()) for _ in range(3)])
        trial = {"scenario": scenario, "doom": doom, "place": vars(place) | {"char_ids": life.char_ids}}
        self._process.stdin.write(json.dumps(trial).encode() + b"\n")
        while line := await self._process.stdout.readline():
            news = json.loads(line)
            if "ended" in news:
                life.ended = news["ended"]
                return life
            self._hear(life, news)
        raise AssertionError("the nursery has died")

    @staticmethod
    def _hear(life: Life, news: dict[str, Any]) -> None:
        if "asked" in news:
            life.asked.append(news["asked"])
        elif "answered" in news:
            life.answered.append(news["answered"])
        elif "met" in news:
            life.met = {(point, moment): times for point, moment, times in news["met"]}
        else:
            life.failed = news["failed"]
