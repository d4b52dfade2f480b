"""The invariants of docs/protocol.md, checked over everything that Redis and PostgreSQL hold."""

from engine.ruleset import Ruleset
from persistence.audit import audit
from persistence.service import ServiceSettings


async def violations(redis_url: str, database_url: str, ruleset: Ruleset) -> list[str]:
    """What does not hold, a sentence each; empty when all is well. Nothing may be playing.

    The characters must have begun without items, so that their state is the replay of their ledger.
    """
    report = await audit(ServiceSettings(redis_url, database_url), ruleset)
    # At rest, everything settles, and no session is behind.
    restless = [str(note) for note in report.notes if note.kind in ("not settled", "behind")]
    return [f"{one.invariant}: {one}" for one in report.violations] + restless
