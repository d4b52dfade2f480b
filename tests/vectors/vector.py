"""Vectors: cases of the rules as lines of text, ``name | before | commands | after``.

Before: items ``a=potion*4@bag:0`` (an alias of one letter, a template, a quantity, a place; after it
``!`` bound, ``^`` locked, ``~`` held) and the actor,
``level=5 class=mage strength=3 state=in_combat``; what is not said is as in ``world.ACTOR``.

Commands, one or more with ``;`` between: ``equip a [slot]``, ``unequip a [place]``,
``move a place [*n]``, ``grant template*n [container] [!] [+partial] [+overflow] [as X]``,
``consume a*n`` or ``consume template*n``, ``use a``, ``drop a [*n]``, ``lock a``, ``unlock a``,
``sort container``, ``set_actor level=5 strength=3 +state -state``. A place is ``bag`` or ``bag:3``.
``@0`` is the first item that command 0 made; ``as X`` grants the item with the id of alias X. A
command may also stand as JSON, ``{"op": "grant", …}``, where a letter for an ``item_id`` is an alias.

After: a refusal, ``CODE [key=value …]``, whose keys are checked as far as they are told; or all that
came of it: ``a@bag:1``, ``a*3@bag:0``, new items as ``+potion*2@bag:1`` or, the alias told, too,
``+X=potion*2@bag:1``, ``-a`` for one that went, ``level=5`` for the actor, ``effect=potion`` and
``not_placed=3``, where several commands tell something each with its index, ``0:effect=potion``;
``none`` when nothing changed, ``...`` beside what is told when more did.

A line ``ruleset: NAME`` begins a world of its own: what follows is judged by that ruleset, a shipped
one or a file of this folder, there are no templates but those of lines ``template ID {facts without
the id}``, and an actor of whom nothing is said has level 1 and nothing else. `haversack parity` prints
differences in this form.
"""

import json
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import msgspec

from engine.commands import Command
from engine.engine import InventoryEngine
from engine.facts import Facts
from engine.outcome import Outcome
from engine.ruleset import Ruleset
from engine.shipped import read_ruleset
from engine.state import Actor, InventorySessionDTO
from tests.parity.twins import encode, granted
from tests.parity.world import ACTOR, CHAR_ID, TEMPLATES
from tests.vectors.command_text import read_command
from tests.vectors.item_text import read_actor, read_item
from tests.vectors.outcome_text import check_outcome

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Setting:
    """What vectors are judged by: a ruleset (None: the tests' own), an actor, the catalog."""

    ruleset_name: str | None = None
    actor: Actor = ACTOR
    templates: dict[str, Facts] = field(default_factory=lambda: TEMPLATES)

    def ruleset(self, usual: Ruleset) -> Ruleset:
        """The ruleset that the vector names, else the usual one."""
        return usual if self.ruleset_name is None else _ruleset(self.ruleset_name)

    def with_template(self, line: str) -> "Setting":
        """The setting with one more template, as told by ``template ID {facts}``."""
        _, template_id, facts = line.split(maxsplit=2)
        template_id = template_id.removesuffix(":")
        known = msgspec.convert(json.loads(facts) | {"template_id": template_id}, Facts)
        return replace(self, templates=self.templates | {template_id: known})


@cache
def _ruleset(name: str) -> Ruleset:
    here = FOLDER / name
    return read_ruleset(str(here) if here.is_file() else name)


@dataclass(frozen=True)
class Vector:
    """One case; ``where`` is file and line."""

    where: str
    name: str
    before: str
    commands: str
    after: str
    setting: Setting = Setting()

    def session(self, ruleset_hash: str) -> InventorySessionDTO:
        """The session that ``before`` describes."""
        words = self.before.split()
        items = [read_item(word) for word in words if "@" in word]
        found = InventorySessionDTO(
            CHAR_ID,
            0,
            ruleset_hash,
            read_actor(self.setting.actor, [word for word in words if "@" not in word]),
            {item.item_id: item for item in items},
            {item.template_id: self.setting.templates[item.template_id] for item in items},
        )
        places = {(item.place.container, item.place.slot) for item in items}
        assert len(items) == len(found.items) == len(places), f"{self.where}: an alias or place stands twice"
        return found

    def batch(self) -> tuple[Command, ...]:
        """The commands, by way of JSON."""
        return encode([read_command(text.strip()) for text in self.commands.split(";")])

    def check(self, outcome: Outcome, before: InventorySessionDTO) -> None:
        """Compare with ``after``; raises AssertionError."""
        try:
            check_outcome(self.after, outcome, before)
        except AssertionError as error:
            raise AssertionError(f"{self.where} {self.name}: {error}") from None


def read_vectors(pattern: str = "*.txt") -> list[Vector]:
    """The vectors of this folder's files, by file and line."""
    found = []
    for path in sorted(FOLDER.glob(pattern)):
        found += parse_vectors(path.read_text("utf-8"), path.name)
    return found


def parse_vectors(text: str, name: str) -> list[Vector]:
    """The vectors of one text, which ``name`` stands for in what is told of them."""
    found, setting = [], Setting()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if "|" in line:
            title, before, commands, after = (part.strip() for part in line.split("|"))
            found.append(Vector(f"{name}:{number}", title, before, commands, after, setting))
        elif line.startswith("ruleset"):
            setting = Setting(line.split()[1], Actor(), {})
        else:
            setting = setting.with_template(line)
    return found


def judge(vector: Vector, engine: InventoryEngine) -> Outcome:
    """What Python says."""
    session, batch = vector.session(engine.ruleset.hash), vector.batch()
    return engine.apply_batch(session, batch, templates=granted(batch, vector.setting.templates))
