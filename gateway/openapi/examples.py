"""An example of each operation: what is sent, and what comes back."""

from typing import Any, Final

from gateway.handlers.pages import ContainerPage
from gateway.http.operation import Operation
from gateway.openapi.catalog_examples import CATALOG_EXAMPLES
from gateway.openapi.example_parts import (
    ACTOR,
    BREAD,
    BREAD_DATA,
    BREAD_ID,
    CAPACITY,
    CHAR,
    COINS,
    FACTS,
    RULESET,
    SWORD,
    SWORD_DATA,
    SWORD_ID,
    WEIGHT,
    Example,
)

_CHARACTER: Final = {
    "char_id": CHAR,
    "name": "Wanderer",
    "actor": ACTOR,
    "live": True,
    "seq": 3,
    "durable_seq": 3,
    "created_at": 1767225600000,
}
_SESSION: Final = {"char_id": CHAR, "live": True, "seq": 3, "durable_seq": 3, "epoch": 1}


def _reply(*changed: Any, removed: tuple[str, ...] = (), **told: Any) -> Any:  # noqa: ANN401 - JSON
    return {
        "seq": 4,
        "durable_seq": 3,
        "tag": "0.4",
        "replayed": False,
        "changes": {"changed": list(changed), "removed": list(removed)},
        **told,
        "capacity": {**CAPACITY, "weight": WEIGHT},
    }


def _command(reply: Any, **body: Any) -> Example:  # noqa: ANN401 - JSON
    return Example(body=body, reply=reply)


EXAMPLES: Final[dict[str, Example]] = {
    **CATALOG_EXAMPLES,
    "alive": Example(reply={"status": "ok"}),
    "ready": Example(
        reply={
            "status": "ok",
            "checks": {"redis": "ok", "library": "ok", "postgresql": "ok", "migrations": "ok"},
        }
    ),
    "find_characters": Example(reply={"characters": [_CHARACTER], "cursor": None}),
    "create_character": Example(
        body={
            "char_id": CHAR,
            "name": "Wanderer",
            "actor": {"level": 3, "attributes": {}},
        },
        reply={**_CHARACTER, "live": False, "seq": 0, "durable_seq": 0},
    ),
    "read_character": Example(reply=_CHARACTER),
    "change_character": Example(body={"level": 8}, reply={**_CHARACTER, "actor": {**ACTOR, "level": 8}}),
    "export_character": Example(
        reply={
            "char_id": CHAR,
            "name": "Wanderer",
            "created_at": 1767225600000,
            "imported_at": None,
            "exported_at": 1767225700000,
            "seq": 1,
            "quarantined": None,
            "actor": ACTOR,
            "items": [{**BREAD, "name": "Brown Bread"}],
            "ledger": [],
            "baselines": [],
            "operations": [],
            "incidents": [],
            "granted_ids": [],
            "unflushed": [],
            "set_aside": [],
            "complete": True,
        }
    ),
    "load_session": Example(reply=_SESSION),
    "evict_session": Example(reply={**_SESSION, "live": False}),
    "save_session": Example(reply=_SESSION),
    "read_inventory": Example(
        reply={
            "char_id": CHAR,
            "seq": 3,
            "durable_seq": 3,
            "tag": "0.3",
            "ruleset": RULESET,
            "catalog": 1,
            "actor": ACTOR,
            "items": [SWORD, BREAD],
            "capacity": {**CAPACITY, "weight": WEIGHT},
        }
    ),
    "read_equipment": Example(reply={"slots": {"head": None, "main_hand": SWORD}}),
    "read_wallet": Example(reply={"items": [COINS], "cursor": None, "total": 1}),
    "read_capacity": Example(reply={**CAPACITY, "weight": WEIGHT}),
    "read_stats": Example(reply={"stats": {"attack": 9}}),
    "read_journal": Example(
        reply={
            "entries": [
                {
                    "seq": 1,
                    "at": 1767225600000,
                    "by": "service",
                    "request_id": "",
                    "op_id": "quest 17",
                    "commands": [{"op": "grant", "template_id": "brown_bread", "quantity": 3}],
                    "changes": {"changed": [BREAD], "removed": []},
                }
            ],
            "cursor": None,
        }
    ),
    "read_item": Example(
        reply={
            "item": {**SWORD, "data": SWORD_DATA},
            "facts": FACTS,
            "slot": "main_hand",
            "worn": [],
            "stats": {"attack": 9},
        }
    ),
    "equip": _command(_reply(SWORD), item_id=SWORD_ID, slot="main_hand"),
    "unequip": _command(
        _reply({**SWORD, "place": {"container": "bag", "slot": 3}}),
        item_id=SWORD_ID,
        to={"container": "bag", "slot": 3},
    ),
    "move": _command(_reply(BREAD), item_id=BREAD_ID, to={"container": "bag", "slot": 0}),
    "grant": _command(
        _reply(BREAD, not_placed=2), template_id="brown_bread", quantity=5, container="bag", partial=True
    ),
    "consume": _command(_reply({**BREAD, "quantity": 1}), template_id="brown_bread", quantity=2),
    "use": _command(
        _reply({**BREAD, "quantity": 2}, effect={"template_id": "brown_bread"}), item_id=BREAD_ID
    ),
    "drop": _command(_reply(removed=(BREAD_ID,)), item_id=BREAD_ID),
    "lock": _command(_reply({**SWORD, "locked": True}), item_id=SWORD_ID),
    "unlock": _command(_reply(SWORD), item_id=SWORD_ID),
    "sort": _command(_reply(BREAD), container="bag"),
    "execute": _command(
        _reply(BREAD),
        commands=[
            {"op": "grant", "template_id": "brown_bread", "quantity": 3},
            {"op": "move", "item_id": "@0", "to": {"container": "bag", "slot": 0}},
        ],
    ),
    "execute_many": Example(
        body={
            "requests": [
                {
                    "char_id": CHAR,
                    "commands": [{"op": "grant", "template_id": "brown_bread", "quantity": 3}],
                    "idempotency_key": "quest 17",
                }
            ]
        },
        reply={"replies": [_reply(BREAD)]},
    ),
}

_PAGE: Final = Example(reply={"items": [{**BREAD, "data": BREAD_DATA}], "cursor": None, "total": 1})


def example_of(operation: Operation) -> Example:
    """The example of an operation; all pages of containers have the same."""
    return EXAMPLES.get(operation.name, _PAGE if operation.reply is ContainerPage else Example())
