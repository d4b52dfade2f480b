"""Rows of PostgreSQL as structs of the rules, and back."""

import msgspec

from engine.outcome import Changes
from engine.ruleset import Ruleset
from engine.state import Actor, Item, Place, SlotKey
from persistence.postgres.database import Row
from persistence.records import CharacterHead, JournalEntry, Operation

_actor = msgspec.json.Decoder(Actor).decode
_changes = msgspec.json.Decoder(Changes).decode
# Inventories have the same places, so few are read anew; what they may be is no bound, since they are text.
_PLACES_KEPT = 20_000


class Slots:
    """Slots in PostgreSQL are text; in containers that are indexed they are integers.

    Which containers are indexed is the ruleset's word. Text stays text in a container that the
    ruleset does not know (any more), and where it is not an index as this program writes one,
    so that what an older ruleset left is kept and shown, and written back unaltered.
    """

    def __init__(self, ruleset: Ruleset) -> None:
        """Note the indexed containers of ``ruleset``."""
        containers = ruleset.containers.items()
        self._indexed = frozenset(name for name, entry in containers if entry.kind != "purse")
        self._places: dict[tuple[str, str], Place] = {}

    def key(self, container: str, slot: str) -> SlotKey:
        """The slot as the rules know it."""
        # Fifteen digits are beyond any index, and longer text need not be turned into a number.
        if container in self._indexed and slot.isascii() and slot.isdigit() and len(slot) <= 15:
            index = int(slot)
            return index if str(index) == slot else slot
        return slot

    def item(self, row: Row) -> Item:
        """An item out of a row of ``items_of``."""
        place = self._places.get((row["container"], row["slot"])) or self._place(row)
        return Item(
            row["item_id"].hex,
            row["template_id"],
            row["quantity"],
            place,
            row["bound"],
            row["locked"],
            row["held"],
        )

    def _place(self, row: Row) -> Place:
        container, slot = row["container"], row["slot"]
        if len(self._places) >= _PLACES_KEPT:
            self._places.clear()
        place = self._places[container, slot] = Place(container, self.key(container, slot))
        return place


def head(row: Row) -> CharacterHead:
    """A character's head; ``char_id`` is the uuid in lower case with dashes."""
    return CharacterHead(
        char_id=str(row["char_id"]),
        name=row["name"],
        actor=_actor(row["actor"]),
        epoch=row["epoch"],
        open=row["open"],
        incarnation=row["incarnation"],
        seq=row["seq"],
        created_at=row["created_at"],
    )


def entry(row: Row) -> JournalEntry:
    """A journal entry; its commands are JSON as PostgreSQL spells it, not as it was sent."""
    return JournalEntry(
        seq=row["seq"],
        at=row["at"],
        by=row["by"],
        request_id=row["request_id"],
        op_id=row["op_id"],
        commands=msgspec.Raw(row["commands"]),
        changes=_changes(row["changes"]),
    )


def operation(row: Row) -> Operation:
    """An operation that was done."""
    return Operation(row["slot"], row["op_id"], row["seq"], row["payload_hash"], row["reply"])


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: no NUL, and nothing that UTF-8 has no spelling for."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
