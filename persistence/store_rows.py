"""Rows of PostgreSQL as structs of the rules, and back."""

import msgspec

from engine.outcome import Changes
from engine.ruleset import Ruleset
from engine.state import Actor, Item, Place, SlotKey
from persistence.database import Row
from persistence.records import CharacterHead, JournalEntry, Operation

_actor = msgspec.json.Decoder(Actor).decode
_changes = msgspec.json.Decoder(Changes).decode


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

    def key(self, container: str, slot: str) -> SlotKey:
        """The slot as the rules know it."""
        # Fifteen digits are beyond any index, and longer text need not be turned into a number.
        if container in self._indexed and slot.isascii() and slot.isdigit() and len(slot) <= 15:
            index = int(slot)
            return index if str(index) == slot else slot
        return slot

    def item(self, row: Row) -> Item:
        """An item out of a row of ``items_of``."""
        container = row["container"]
        return Item(
            item_id=row["item_id"].hex,
            template_id=row["template_id"],
            quantity=row["quantity"],
            place=Place(container, self.key(container, row["slot"])),
            bound=row["bound"],
            locked=row["locked"],
            held=row["held"],
        )


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
