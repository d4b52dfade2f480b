"""Functions of the same modules that are on no way of LOAD, APPLY, FLUSH or EVICT, and why.

A test holds that no scenario meets any of them.
"""

from fnmatch import fnmatchcase

ELSEWHERE = {
    "shown to readers: nothing is changed, so nothing can be left half done": (
        "protocol.cold_commands.preview",
        "protocol.command_runner.preview",
        "protocol.command_runner._preview",
        "protocol.given_ids.taken",
        "orchestrator.character",
        "orchestrator.characters",
        "orchestrator.journal",
        "orchestrator.preview",
        "orchestrator.readiness",
        "orchestrator._migrated",
        "orchestrator._verdict",
        "orchestrator.read_session",
        "orchestrator.standing",
        "sessions.session_manager.read_actor",
        "sessions.session_manager.standing",
        "postgres.store.characters",
        "postgres.store.item_ids_taken",
        "postgres.store.journal",
        "postgres.store.ping",
        "postgres.store.pending_migrations",
        "postgres.database.ping",
        "sessions.mirror.is_loaded",
    ),
    "one statement before a character is played for the first time": (
        "orchestrator.create_character",
        "postgres.store.create_character",
    ),
    "an operator's work on a character that is out of play, or on the ledger": (
        "desk.*",
        "postgres.flush_batch.write",
        "ledger.*",
        "sessions.session_manager.discard",
        "postgres.store.release",
    ),
    "something else was put under a session's key by hand": ("sessions.work_queue.leave",),
    "beside everything, cut off at any moment by every stop of a process; scenarios do without it": (
        "events.*",
        "protocol.housekeeping.*",
        "sessions.libraries.*",
        "items.follower.*",
        "items.item_service.*",
        "outbox.*",
    ),
    "nothing is changed: it only looks": ("survey.*",),
    "the same as the parts that it stands in for, with a span around": ("traced.*",),
    "one transaction each, whole or not at all, beside what is played": (
        "items.catalog_content.*",
        "items.catalog_store.import_catalog",
        "items.catalog_store.replace_catalog",
        "items.catalog_store._changes",
        "items.catalog_store._long_gone",
        "items.catalog_store._usage",
        "items.catalog_store._write",
        "items.catalog_versions.*",
        "moving_in.*",
        "postgres.migrations.*",
    ),
}

# Single moments that no process meets.
UNREACHED = {
    ("items.item_gateway.close: await self._poller", "after"): "a task that was cancelled never returns",
    **dict.fromkeys(
        [
            (point, moment)
            for point in (
                "items.item_gateway.refresh: await self._source.changes(Edition())",
                "items.item_gateway.refresh: await self._changed(await self._source.changes(Edition()))",
            )
            for moment in ("before", "after")
        ],
        "rows that do not add up were changed by hand",
    ),
    **dict.fromkeys(
        [
            ("protocol.write_behind._quarantine: await self._work.leave(char_id)", moment)
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
