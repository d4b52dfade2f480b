"""What makes a well-formed request one that is answered: ids that exist, items that suit, unused keys.

No schema can say who exists and what they carry. Whoever generates requests from the schemas alone is
told ``404`` all the time, and never sees what lies behind.
"""

import json
import urllib.request
from collections.abc import Iterator
from itertools import count
from typing import Any

from tests.serving import TOKEN

# The first is the one that the document's own examples speak of. To the last anything may happen.
CHARACTERS = [f"0a1b2c3d-4e5f-4a6b-8c7d-0000000000{number:02}" for number in range(1, 4)]
# They are there to be erased.
DOOMED = [f"0a1b2c3d-4e5f-4a6b-8c7d-0000000002{number:02}" for number in range(12)]
STOCK = {"steel_longsword": 1, "iron_sword": 1, "brown_bread": 20, "gold_coin": 300, "iron_ore": 40}
# What a command is tried on; all others are on the sword.
SUITABLE = {
    "equip": "steel_longsword",
    "unequip": "steel_longsword",
    "use": "brown_bread",
    "consume": "brown_bread",
    "drop": "iron_ore",
}

Items = dict[str, dict[str, str]]


def stock(url: str) -> Items:
    """Make the characters, give them something; ids of items by character and template."""
    actor = {"level": 20, "class": "warrior", "attributes": {"strength": 30}}
    for char_id in (*CHARACTERS, *DOOMED):
        _post(url, "/v1/characters", {"char_id": char_id, "name": "Tested", "actor": actor})
    return {
        char_id: {name: _granted(url, char_id, name, quantity) for name, quantity in STOCK.items()}
        for char_id in CHARACTERS
    }


def spare(parts: dict[str, str], body: Any) -> None:
    """Have what is not put right do its harm to one character only."""
    requests = body.get("requests", ()) if isinstance(body, dict) else ()
    for named in (parts, *requests):
        if named.get("char_id") in CHARACTERS:
            named["char_id"] = CHARACTERS[-1]


class RightData:
    """Puts right what was generated; ``url`` is where the service is, ``items`` what ``stock`` has made."""

    def __init__(self, url: str, items: Items) -> None:
        self._url = url
        self._items = items
        self._doomed = iter(DOOMED)
        self._numbers: Iterator[int] = count(1)

    def path(self, operation: str, parts: dict[str, str]) -> None:
        """Name a character, an item and a template that there are."""
        if "char_id" in parts:
            if operation == "erase_character":
                parts["char_id"] = next(self._doomed, DOOMED[-1])
            elif operation == "change_character":
                parts["char_id"] = CHARACTERS[-1]
            else:
                parts["char_id"] = self._known(parts["char_id"])
        if "item_id" in parts:
            parts["item_id"] = self._items[parts["char_id"]]["iron_sword"]
        if "template_id" in parts:
            parts["template_id"] = "iron_sword"

    def headers(self, headers: dict[str, str]) -> None:
        """Ask for no tag, and use no operation id again."""
        if "If-Match" in headers:
            headers["If-Match"] = "*"
        if "Idempotency-Key" in headers:
            headers["Idempotency-Key"] = self._new("key")

    def body(self, operation: str, char_id: str, body: dict[str, Any]) -> None:
        """Of a command, a batch of them, or requests for many characters."""
        if operation == "create_character" and "char_id" in body:
            body["char_id"] = f"0a1b2c3d-4e5f-4a6b-8c7d-1{next(self._numbers):011}"
        for request in body.get("requests", ()):
            request["char_id"] = self._known(request["char_id"])
            self.body("execute", request["char_id"], request)
        for command in body.get("commands", ()):
            self._command(command["op"], char_id, command)
        if char_id and "commands" not in body:
            self._command(operation, char_id, body)

    def _command(self, op: str, char_id: str, command: dict[str, Any]) -> None:
        """Have it do a little of what can be done, and see to it that it can."""
        if op == "set_actor":
            command.clear()
            command.update(op=op, level=20)
            return
        items = self._items[char_id]
        suitable = SUITABLE.get(op, "iron_sword")
        if op in ("drop", "use", "consume"):
            items[suitable] = _granted(self._url, char_id, suitable, 1)
        if op == "unequip":
            path = f"/v1/characters/{char_id}/inventory/equip"
            _post(self._url, path, {"item_id": items[suitable], "slot": "main_hand"})
        if op == "grant":
            command.pop("item_id", None)
            command.pop("container", None)
        elif command.get("item_id") is not None:
            command["item_id"] = items[suitable]
        if command.get("template_id") is not None:
            command["template_id"] = "brown_bread"
        if "quantity" in command:
            command["quantity"] = 1
        if command.get("slot") is not None:
            command["slot"] = "main_hand"
        if command.get("to") is not None:
            command["to"] = {"container": "bag"}
        if "container" in command:
            command["container"] = "bag"

    def _known(self, char_id: str) -> str:
        others = CHARACTERS[:-1]
        return char_id if char_id in others else others[next(self._numbers) % len(others)]

    def _new(self, kind: str) -> str:
        return f"{kind} {next(self._numbers)}"


def _granted(url: str, char_id: str, template_id: str, quantity: int) -> str:
    """Give a character so many more; the id of the item that they are, or the first of them."""
    grant = {"template_id": template_id, "quantity": quantity}
    reply = _post(url, f"/v1/characters/{char_id}/inventory/grant", grant)
    item_id: str = reply["changes"]["changed"][0]["item_id"]
    return item_id


def _post(url: str, path: str, body: Any) -> Any:
    request = urllib.request.Request(
        url + path,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)
