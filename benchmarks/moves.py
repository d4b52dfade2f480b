"""The moves that are sent, in an order in which every one of them changes something.

Requests go out in the order of a list, over many connections, and a group's next move is more
requests away than there are connections. So it nearly always finds the one before it done; where
it does not, because one connection was slow for several turns, it is a valid move all the same,
only a place where a swap was meant, or the other way round. None is ever refused. A stream keeps
each character to one connection, so there the order is certain.
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


def dealt(
    inventories: Sequence[Inventory], rng: random.Random, lists: int, groups_each: int
) -> list[list[Move]]:
    """Cycles over many characters, each with ``groups_each`` groups of a character for its own.

    In a cycle each character in turn makes one move, with one of its groups after the other. Loads that
    play on one server with different lists leave each other's items alone.
    """
    order = rng.sample(inventories, len(inventories))
    mixed = [rng.sample(inventory.groups, len(inventory.groups)) for inventory in order]
    return [
        [
            _move(inventory.char_id, groups[turn], number)
            for turn in range(first, first + groups_each)
            for number in range(MOVES_PER_GROUP)
            for inventory, groups in zip(order, mixed, strict=True)
        ]
        for first in range(0, lists * groups_each, groups_each)
    ]


def contended(inventory: Inventory, rng: random.Random) -> list[Move]:
    """A cycle over one character: each of its groups in turn makes one move."""
    groups = rng.sample(inventory.groups, len(inventory.groups))
    return [_move(inventory.char_id, group, number) for number in range(MOVES_PER_GROUP) for group in groups]


def write(path: Path, moves: Sequence[Move]) -> None:
    """Write moves for the load generators: a path, a tab and a body a line."""
    path.write_text("".join(f"{move.path}\t{move.body}\n" for move in moves), "utf-8")


def write_bulk(path: Path, moves: Sequence[Move], each: int) -> None:
    """The same as bodies of ``POST /v1/execute`` with ``each`` requests; what is left over is left out."""
    requests = [
        msgspec.json.encode({"char_id": move.char_id, "commands": [move.command]}).decode() for move in moves
    ]
    bodies = (requests[first : first + each] for first in range(0, len(requests) - each + 1, each))
    lines = (f'/v1/execute\t{{"requests":[{",".join(body)}]}}\n' for body in bodies)
    path.write_text("".join(lines), "utf-8")


def write_reads(path: Path, char_ids: Sequence[str]) -> None:
    """Whole inventories to be read: lines without a body."""
    path.write_text("".join(f"/v1/characters/{char_id}/inventory\t\n" for char_id in char_ids), "utf-8")


def read(path: Path) -> Iterator[tuple[str, str]]:
    """Paths and bodies of a written file."""
    for line in path.read_text("utf-8").splitlines():
        target, _, body = line.partition("\t")
        yield target, body


def _move(char_id: str, group: Group, number: int) -> Move:
    to = group.destinations()[number]
    return Move(char_id, MoveRequest(group.mover.item_id, Destination(to.container, to.slot)))
