"""Reads the demo's files; nothing is read before it is asked for."""

from collections.abc import Iterable
from importlib.resources import files

import msgspec
from msgspec import Struct

from engine.commands import Batch
from engine.state import Actor


class DemoCharacter(Struct, frozen=True, forbid_unknown_fields=True):
    """A character to create, and the batches of commands that, applied in order, fill its bags.

    ``char_id`` is a UUID with dashes, in lower case; ``actor`` is who it is from the start. In
    a batch "@n" names the first item made by the batch's own command n.
    """

    char_id: str
    name: str
    actor: Actor
    batches: tuple[Batch, ...]


class _CharactersFile(Struct, frozen=True, forbid_unknown_fields=True):
    characters: tuple[DemoCharacter, ...]


def demo_catalog() -> Iterable[bytes]:
    """The catalog, a template a line: ``{"facts": {…}, "data": {…}}``, without the line ends.

    Ascending by ``template_id``, bytewise. ``data`` has name, description, icon (a word for a
    picture, such as "sword"), stats (integers by name), price (in copper coins) and category.
    """
    return _read("catalog.jsonl").splitlines()


def demo_characters() -> list[DemoCharacter]:
    """The characters, their commands decoded as strictly as those of a call."""
    return list(msgspec.json.decode(_read("characters.json"), type=_CharactersFile).characters)


def _read(name: str) -> bytes:
    return files("persistence.demo").joinpath(name).read_bytes()
