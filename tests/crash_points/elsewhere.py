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
    "beside everything, cut off at any moment by every stop of a process; scenarios do without it": (
        "housekeeping.*",
    ),
    "one transaction each, by hand or before a process serves": (
        "catalog_store.import_catalog",
        "catalog_store._refuse_vanishing",
        "catalog_store._replace",
        "migrations.*",
    ),
}

# Single moments that no process meets.
UNREACHED = {
    ("item_gateway.close: await self._poller", "after"): "a task that was cancelled never returns",
}


def elsewhere(scope: str) -> str | None:
    """Why a function, as ``module.name``, takes no part; None when it does."""
    for reason, patterns in ELSEWHERE.items():
        if any(fnmatchcase(scope, pattern) or scope.startswith(f"{pattern}.") for pattern in patterns):
            return reason
    return None
