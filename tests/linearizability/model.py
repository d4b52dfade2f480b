"""The sequential specification: one character, played by the engine, one call after the other."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from engine.commands import GrantRequest
from engine.engine import InventoryEngine
from engine.facts import Facts
from engine.outcome import Applied
from engine.refusals import Refusal
from engine.ruleset import Ruleset
from engine.state import Actor, InventorySessionDTO
from persistence.records import TagMismatch
from tests.linearizability.history import (
    Answer,
    Call,
    Execute,
    IdTaken,
    Inventory,
    Read,
    Reply,
    Standing,
)

# The durable_seq of a reply that nobody has seen yet.
UNSEEN = -1


class State(NamedTuple):
    """A character between two calls.

    ``done``: operation ids with the call that was carried out under them and its reply.
    ``incarnation``: the highest that an answer has shown; a load may raise it at any time.
    ``taken``: prefixes that were chosen where several were possible.
    """

    session: InventorySessionDTO
    done: dict[str, tuple[Execute, Reply]]
    incarnation: int
    taken: frozenset[str]

    def key(self) -> tuple[Any, ...]:
        """Equal for states that no call can tell apart."""
        actor = self.session.actor
        return (
            self.session.seq,
            frozenset(self.session.items.values()),
            (actor.level, actor.class_, actor.states, frozenset(actor.attributes.items())),
            frozenset(
                (op_id, call.prefixes, reply.seq, reply.durable_seq, reply.tag)
                for op_id, (call, reply) in self.done.items()
            ),
            self.incarnation,
            self.taken,
        )


class Model:
    """Which answers a call may get in a state, and the state that it leaves.

    With ``shows_seq`` False, the seqs and tags of answers are not looked at, so that the order has to be
    found from items and refusals alone. durable_seq is only bounded, since flushes are not calls; but a
    repeat must show the one of the first reply.
    """

    def __init__(
        self, ruleset: Ruleset, templates: Mapping[str, Facts], actor: Actor, *, shows_seq: bool = True
    ) -> None:
        self._engine = InventoryEngine(ruleset)
        self._templates = templates
        self._shows_seq = shows_seq
        self.start = State(InventorySessionDTO("", 0, ruleset.hash, actor, {}, {}), {}, 0, frozenset())

    def step(self, state: State, call: Call, answer: Answer | None) -> Iterator[State]:
        """The states that may follow if ``call`` takes effect now and is answered so; None: in any way."""
        for after, given in self.outcomes(state, call):
            if answer is None:
                yield after
            elif not self._shows_seq:
                if _agree(given, answer):
                    yield after
            elif (
                _agree(given, answer)
                and _seqs_agree(given, answer, call)
                and (learned := _learn(after, call, answer)) is not None
            ):
                yield learned

    def outcomes(self, state: State, call: Call) -> Iterator[tuple[State, Answer]]:
        """All that a call may come to in a state."""
        session = state.session
        tag = f"{state.incarnation}.{session.seq}"
        match call:
            case Read():
                yield state, Inventory(session.seq, tag, session.actor, session.items)
            case Execute(op_id=op_id) if op_id in state.done:
                before, reply = state.done[op_id]
                repeated = before.commands == call.commands
                yield state, replace(reply, replayed=True) if repeated else IdTaken()
            case Execute(if_match=expected) if expected:
                yield state, TagMismatch(tag)
                incarnation, seq = map(int, expected.split("."))
                if seq == session.seq and incarnation >= state.incarnation:
                    # The incarnation may have been raised to this one; then the two are the same.
                    yield from self._judged(state._replace(incarnation=incarnation), call)
            case Execute():
                yield from self._judged(state, call)
            case _:
                yield state, Standing(session.seq, 0)

    def _judged(self, state: State, call: Execute) -> Iterator[tuple[State, Answer]]:
        session, tag = state.session, f"{state.incarnation}.{state.session.seq + 1}"
        for prefix in call.prefixes:
            if prefix in state.taken or any(item_id.startswith(prefix) for item_id in session.items):
                continue
            outcome = self._engine.apply_batch(
                session, call.commands, templates=self._granted(call), id_prefix=prefix
            )
            if isinstance(outcome, Refusal):
                yield state, outcome
                return
            reply = _reply(outcome, tag)
            done = state.done
            if call.op_id:
                done = done | {call.op_id: (replace(call, prefixes=(prefix,)), reply)}
            taken = state.taken | {prefix} if len(call.prefixes) > 1 else state.taken
            yield State(outcome.session, done, state.incarnation, taken), reply

    def _granted(self, call: Execute) -> dict[str, Facts]:
        wanted = [command.template_id for command in call.commands if isinstance(command, GrantRequest)]
        return {name: self._templates[name] for name in wanted if name in self._templates}


def _reply(applied: Applied, tag: str) -> Reply:
    told = applied.told
    alone = told[0] if len(told) == 1 else None
    return Reply(
        applied.session.seq,
        UNSEEN,
        tag,
        False,
        applied.changes,
        applied.capacity,
        not_placed=alone.not_placed if alone else None,
        effect=alone.effect if alone else None,
        told=() if alone else told,
    )


def _agree(given: Answer, answer: Answer) -> bool:
    """Whether they are the same but for seqs."""
    match given, answer:
        case Reply(), Reply():
            return replace(given, seq=answer.seq, tag=answer.tag, durable_seq=answer.durable_seq) == answer
        case Inventory(), Inventory():
            return given.actor == answer.actor and given.items == answer.items
        case (Standing(), Standing()) | (TagMismatch(), TagMismatch()):
            return True
    return given == answer


def _seqs_agree(given: Answer, answer: Answer, call: Call) -> bool:
    match given, answer:
        case Reply(), Reply():
            if given.seq != answer.seq or seq_of(answer.tag) != answer.seq:
                return False
            if isinstance(call, Execute) and call.durable:
                return answer.durable_seq == answer.seq
            if given.durable_seq != UNSEEN:
                return (answer.durable_seq, answer.tag) == (given.durable_seq, given.tag)
            return 0 <= answer.durable_seq < answer.seq
        case Inventory(), Inventory():
            return given.seq == answer.seq == seq_of(answer.tag)
        case Standing(), Standing():
            return given.seq == answer.seq and 0 <= answer.durable_seq <= answer.seq
        case TagMismatch(), TagMismatch():
            expected = call.if_match if isinstance(call, Execute) else ""
            return seq_of(given.tag) == seq_of(answer.tag) and answer.tag != expected
    return True


def _learn(state: State, call: Call, answer: Answer) -> State | None:
    """The state with what only the answer could tell; None where it tells of a past incarnation."""
    if isinstance(answer, Reply) and isinstance(call, Execute) and call.op_id and not call.durable:
        carried_out, reply = state.done[call.op_id]
        if reply.durable_seq == UNSEEN:
            first = replace(answer, replayed=False)
            state = state._replace(done=state.done | {call.op_id: (carried_out, first)})
    match answer:
        case Reply(replayed=False, tag=tag) | Inventory(tag=tag) | TagMismatch(tag=tag):
            incarnation = int(tag.split(".")[0])
            if incarnation < state.incarnation:
                return None
            if incarnation > state.incarnation:
                state = state._replace(incarnation=incarnation)
    return state


def seq_of(tag: str) -> int:
    """The second half of a tag."""
    return int(tag.split(".")[1])
