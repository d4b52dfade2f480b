"""Cases that rules are judged by: every vector, and the steps of seeded games, with what is right.

What is right is what the engine of this tree says, once; a mutant of either language is then held
against that. For a vector it is also what its own line says.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from engine.commands import Command, SortRequest
from engine.engine import InventoryEngine
from engine.facts import Facts
from engine.outcome import Applied, Outcome
from engine.ruleset import Ruleset, load_ruleset
from engine.state import InventorySessionDTO
from persistence.sessions.replies import told_members
from persistence.sessions.session_fields import actor_text, facts_text, fields_of
from tests.mutants.lua_rules import LuaApplied, LuaRefusal, LuaRules
from tests.parity.twins import encode, granted
from tests.parity.world import TEMPLATES, empty_session, random_command
from tests.vectors.vector import Vector, read_vectors

GAMES, STEPS = 6, 250
_encode = msgspec.json.encode


class Differs(AssertionError):
    """Not what is right."""


@dataclass(frozen=True)
class Case:
    """Commands on a session, and what is right; ``vector`` is None for a step of a game.

    ``fields``, ``facts_texts`` and ``commands_text`` are session, templates and commands as Lua has
    them, ``expected`` what is right there.
    """

    name: str
    ruleset: Ruleset
    session: InventorySessionDTO
    commands: tuple[Command, ...]
    templates: dict[str, Facts]
    id_prefix: str
    right: Outcome
    vector: Vector | None
    fields: dict[str, str]
    facts_texts: dict[str, str]
    commands_text: str
    expected: LuaRefusal | LuaApplied

    @property
    def is_mirrored(self) -> bool:
        """Whether Lua judges such commands, too."""
        return not any(isinstance(command, SortRequest) for command in self.commands)

    def check_python(self, engine: InventoryEngine) -> None:
        """Judge by an engine, which may be a mutant; raises whatever it raises, or ``AssertionError``."""
        outcome = engine.apply_batch(
            self.session, self.commands, templates=self.templates, id_prefix=self.id_prefix
        )
        if self.vector is not None:
            self.vector.check(outcome, self.session)
        # What Lua does not judge is held by its vector alone.
        if self.is_mirrored and outcome != self.right:
            raise Differs(f"{outcome}, not {self.right}")

    def check_lua(self, rules: LuaRules) -> None:
        """Judge by Lua rules, which may be mutants; raises whatever they raise, or ``AssertionError``."""
        if not self.is_mirrored:
            return
        answer = rules.execute(self.fields, self.facts_texts, self.id_prefix, self.commands_text)
        if answer != self.expected:
            raise Differs(f"{answer}, not {self.expected}")


def vector_cases(vectors: Sequence[Vector] | None = None) -> list[Case]:
    """Every vector; raises ``AssertionError`` for one that the unaltered rules do not pass."""
    usual, engines, cases = load_ruleset(), {}, []
    for vector in read_vectors() if vectors is None else vectors:
        name = vector.setting.ruleset_name
        if name not in engines:
            engines[name] = InventoryEngine(vector.setting.ruleset(usual))
        ruleset = engines[name].ruleset
        session, known = vector.session(ruleset.hash), vector.setting.templates
        case = _case(
            f"{vector.where} {vector.name}", engines[name], session, vector.batch(), known, 0, vector
        )
        vector.check(case.right, session)
        cases.append(case)
    return cases


def game_cases(games: int = GAMES, steps: int = STEPS) -> Iterator[Case]:
    """The steps of random games on the shipped ruleset, the same ones every time."""
    engine = InventoryEngine(load_ruleset())
    for seed in range(games):
        rng = random.Random(seed)
        session = empty_session(engine.ruleset.hash)
        for step in range(steps):
            size = rng.choice((1, 1, 1, 2, 4))
            batch = encode([random_command(rng, session, index) for index in range(size)])
            case = _case(f"game {seed}, step {step}", engine, session, batch, TEMPLATES, step + 1, None)
            yield case
            if isinstance(case.right, Applied):
                session = case.right.session


def _case(
    name: str,
    engine: InventoryEngine,
    session: InventorySessionDTO,
    commands: tuple[Command, ...],
    known: dict[str, Facts],
    number: int,
    vector: Vector | None,
) -> Case:
    templates = granted(commands, known)
    prefix = f"{number:024x}"
    right = engine.apply_batch(session, commands, templates=templates, id_prefix=prefix)
    fields = _texts(engine.ruleset, session)
    expected: LuaRefusal | LuaApplied
    if isinstance(right, Applied):
        after = _texts(engine.ruleset, right.session)
        altered: dict[str, str | None] = {
            name: text for name, text in after.items() if fields.get(name) != text
        }
        altered |= dict.fromkeys(fields.keys() - after.keys())
        head = {"seq": 1, "durable_seq": 0, "tag": "0.1", "replayed": False}
        told = told_members(right.told)
        body = head | {"changes": right.changes} | told | {"capacity": right.capacity}
        expected = LuaApplied(msgspec.json.decode(_encode(body)), altered)
    else:
        expected = LuaRefusal(str(right.code), right.params, right.op_index)
    texts = {template_id: facts_text(facts).decode() for template_id, facts in templates.items()}
    return Case(
        name,
        engine.ruleset,
        session,
        commands,
        templates,
        prefix,
        right,
        vector,
        fields,
        texts,
        _encode(commands).decode(),
        expected,
    )


def _texts(ruleset: Ruleset, session: InventorySessionDTO) -> dict[str, str]:
    fields = fields_of(ruleset, session) | {"actor": actor_text(ruleset, session.actor)}
    return {name: value.decode() for name, value in fields.items()}
