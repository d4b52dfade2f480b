"""The moves that are sent, in an order in which every one of them changes something.

Requests go out in the order of a list, over many connections, and a group's next move is more
requests away than there are connections. So it nearly always finds the one before it done; where
it does not, because one connection was slow for several turns, it is a valid move all the same,
only a place where a swap was meant, or the other way round. None is ever refused.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.world import MOVES_PER_GROUP, Group, Inventory
from engine.commands import Destination, MoveRequest


class Move(Struct, frozen=True):
    """One move of one character."""

    char_id: str
    command: MoveRequest

    @property
    def path(self) -> str:
        """Where it is posted."""
        return f"/v1/characters/{self.char_id}/inventory/move"

    @property
    def body(self) -> str:
        """What is posted: the command without its tag, which the path has."""
        fields = msgspec.to_builtins(self.command)
        del fields["op"]
        return msgspec.json.encode(fields).decode()


def spread(inventories: Sequence[Inventory], rng: random.Random, groups_each: int) -> list[Move]:
    """A cycle over many characters: each in turn makes one move, ``groups_each`` groups after another."""
    order = rng.sample(inventories, len(inventories))
    chosen = [rng.sample(inventory.groups, groups_each) for inventory in order]
    return [
        _move(inventory.char_id, groups[turn], number)
        for turn in range(groups_each)
        for number in range(MOVES_PER_GROUP)
        for inventory, groups in zip(order, chosen, strict=True)
    ]


def contended(inventory: Inventory, rng: random.Random) -> list[Move]:
    """A cycle over one character: each of its groups in turn makes one move."""
    groups = rng.sample(inventory.groups, len(inventory.groups))
    return [_move(inventory.char_id, group, number) for number in range(MOVES_PER_GROUP) for group in groups]


def write(path: Path, moves: Sequence[Move]) -> None:
    """Write moves for the load generators: a path, a tab and a body a line."""
    path.write_text("".join(f"{move.path}\t{move.body}\n" for move in moves), "utf-8")


def read(path: Path) -> Iterator[tuple[str, str]]:
    """Paths and bodies of a written file."""
    for line in path.read_text("utf-8").splitlines():
        target, _, body = line.partition("\t")
        yield target, body


def _move(char_id: str, group: Group, number: int) -> Move:
    to = group.destinations()[number]
    return Move(char_id, MoveRequest(group.mover.item_id, Destination(to.container, to.slot)))
