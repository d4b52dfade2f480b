"""What the ledger says to what clients were told."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec

from tests.chaos.records import Attempt, Records
from tests.chaos.stage import Stage
from tests.invariants import violations

# A journal entry's time is in whole milliseconds.
ROUNDING_S = 0.002


@dataclass
class Verdict:
    """``violations`` is empty when all held; the rest are figures."""

    violations: list[str] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    replays: int = 0
    unknown: int = 0
    unknown_done: int = 0
    lost: int = 0
    oldest_lost_s: float = 0.0
    entries: int = 0


async def judge(stage: Stage, records: Records) -> Verdict:
    """All must be flushed, and nothing be playing."""
    verdict = Verdict(list(records.unexpected))
    connection = await asyncpg.connect(stage.postgres.url)
    try:
        ledger = {
            (row["char_id"], row["seq"]): row
            for row in await connection.fetch(
                "SELECT char_id::text, seq, request_id, op_id, changes FROM journal"
            )
        }
        for row in await connection.fetch(
            "SELECT char_id, quarantined FROM characters WHERE quarantined IS NOT NULL"
        ):
            verdict.violations.append(f"{row['char_id']} is quarantined: {row['quarantined']}")
    finally:
        await connection.close()
    verdict.entries = len(ledger)
    _once(ledger, verdict)
    requests = {row["request_id"] for row in ledger.values()}
    tags: dict[tuple[str, str], Attempt] = {}
    by_operation: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for attempt in records.attempts:
        _one(attempt, ledger, requests, records, verdict)
        if attempt.status == 200:
            if attempt.op_id:
                by_operation[attempt.char_id, attempt.op_id].append(attempt)
            if attempt.applied:
                other = tags.setdefault((attempt.char_id, attempt.reply["tag"]), attempt)
                if other is not attempt:
                    verdict.violations.append(f"one tag for two calls: {other} and {attempt}")
    for attempts in by_operation.values():
        _identical(attempts, records, verdict)
    for (char_id, tag), digests in records.readings.items():
        if len(digests) > 1:
            verdict.violations.append(f"{char_id} was read with two contents under the tag {tag}")
    verdict.violations += await violations(stage.valkey.url, stage.postgres.url, stage.ruleset)
    return verdict


def _once(ledger: dict[tuple[str, int], Any], verdict: Verdict) -> None:
    """No request and no operation twice."""
    requests = Counter((char_id, row["request_id"]) for (char_id, _), row in ledger.items())
    operations = Counter((char_id, row["op_id"]) for (char_id, _), row in ledger.items() if row["op_id"])
    for kind, counted in (("request", requests), ("operation", operations)):
        for (char_id, name), count in counted.items():
            if count > 1:
                verdict.violations.append(f"{char_id}: the {kind} {name} was applied {count} times")


def _one(
    attempt: Attempt,
    ledger: dict[tuple[str, int], Any],
    requests: set[str],
    records: Records,
    verdict: Verdict,
) -> None:
    if attempt.refused and attempt.request_id in requests:
        verdict.violations.append(f"said to be not done, and was: {attempt}")
    if attempt.status != 200:
        if not attempt.refused:
            verdict.unknown += 1
            verdict.unknown_done += attempt.request_id in requests
        return
    row = ledger.get((attempt.char_id, attempt.reply["seq"]))
    if not attempt.applied:
        verdict.replays += 1
        if (row is None or row["op_id"] != attempt.op_id) and not _destroyed(attempt, records):
            verdict.violations.append(f"a replay of what is not in the ledger: {attempt}")
        return
    verdict.acknowledged["durable" if attempt.durable else "memory"] += 1
    if row is not None and row["request_id"] == attempt.request_id:
        if msgspec.json.decode(row["changes"]) != _journalled(attempt.reply["changes"], row):
            verdict.violations.append(f"the ledger has other changes than the reply: {attempt}")
    elif attempt.durable:
        verdict.violations.append(f"acknowledged as durable, and lost: {attempt}")
    elif (since := _destroyed(attempt, records)) is None:
        verdict.violations.append(f"acknowledged, and lost: {attempt}")
    else:
        verdict.lost += 1
        verdict.oldest_lost_s = max(verdict.oldest_lost_s, since)


def _journalled(changes: Any, row: Any) -> Any:
    """A reply's changes as the ledger has them, which also tells of the actor."""
    stored = msgspec.json.decode(row["changes"])
    return stored | {name: changes[name] for name in ("changed", "removed")}


def _destroyed(attempt: Attempt, records: Records) -> float | None:
    """How long before Redis lost its data, if PostgreSQL could not have had it by then; else None."""
    ages = [
        max(0.0, one.began - attempt.ended)
        for one in records.destructions
        if attempt.sent <= one.ended and attempt.ended >= one.oldest - ROUNDING_S
    ]
    return min(ages, default=None)


def _identical(attempts: list[Attempt], records: Records, verdict: Verdict) -> None:
    """All answers to one operation are one; done anew it may be only where it went with Redis's data."""
    by_tag: dict[str, set[bytes]] = defaultdict(set)
    for attempt in attempts:
        told = {
            name: value for name, value in attempt.reply.items() if name not in ("replayed", "durable_seq")
        }
        by_tag[attempt.reply["tag"]].add(msgspec.json.encode(told, order="sorted"))
    anew = len(by_tag) > 1 and not records.destructions
    if anew or any(len(shown) > 1 for shown in by_tag.values()):
        verdict.violations.append(f"one operation, several replies: {attempts}")
