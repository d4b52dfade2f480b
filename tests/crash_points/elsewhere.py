"""Functions of the same modules that are on no way of LOAD, APPLY, FLUSH or EVICT, and why.

A test holds that no scenario meets any of them.
"""

from fnmatch import fnmatchcase

ELSEWHERE = {
    "shown to readers: nothing is changed, so nothing can be left half done": (
        "cold_commands.preview",
        "command_runner.preview",
        "command_runner._preview",
        "orchestrator.character",
        "orchestrator.characters",
        "orchestrator.journal",
        "orchestrator.preview",
        "orchestrator.readiness",
        "orchestrator._migrated",
        "orchestrator._verdict",
        "orchestrator.read_session",
        "orchestrator.standing",
        "session_manager.read_actor",
        "session_manager.standing",
        "store.characters",
        "store.item_ids_taken",
        "store.journal",
        "store.ping",
        "store.pending_migrations",
        "database.ping",
        "mirror.is_loaded",
    ),
    "one statement before a character is played for the first time": (
        "orchestrator.create_character",
        "store.create_character",
    ),
    "an operator's work on a character that is out of play, or on the ledger": (
        "desk.*",
        "flush_batch.write",
        "ledger.*",
        "session_manager.discard",
        "store.release",
    ),
    "something else was put under a session's key by hand": ("work_queue.leave",),
    "beside everything, cut off at any moment by every stop of a process; scenarios do without it": (
        "events.*",
        "housekeeping.*",
        "libraries.*",
        "items.follower.*",
        "items.item_service.*",
        "outbox.*",
    ),
    "nothing is changed: it only looks": ("survey.*",),
    "the same as the parts that it stands in for, with a span around": ("traced.*",),
    "one transaction each, whole or not at all, beside what is played": (
        "catalog_content.*",
        "catalog_store.import_catalog",
        "catalog_store.replace_catalog",
        "catalog_store._changes",
        "catalog_store._long_gone",
        "catalog_store._usage",
        "catalog_store._write",
        "catalog_versions.*",
        "moving_in.*",
        "migrations.*",
    ),
}

# Single moments that no process meets.
UNREACHED = {
    ("item_gateway.close: await self._poller", "after"): "a task that was cancelled never returns",
    **dict.fromkeys(
        [
            (point, moment)
            for point in (
                "item_gateway.refresh: await self._source.changes(Edition())",
                "item_gateway.refresh: await self._changed(await self._source.changes(Edition()))",
            )
            for moment in ("before", "after")
        ],
        "rows that do not add up were changed by hand",
    ),
    **dict.fromkeys(
        [
            ("write_behind._quarantine: await self._work.leave(char_id)", moment)
            for moment in ("before", "after")
        ],
        "something else was put under a session's key by hand",
    ),
}


def elsewhere(scope: str) -> str | None:
    """Why a function, as ``module.name``, takes no part; None when it does."""
    for reason, patterns in ELSEWHERE.items():
        if any(fnmatchcase(scope, pattern) or scope.startswith(f"{pattern}.") for pattern in patterns):
            return reason
    return None
