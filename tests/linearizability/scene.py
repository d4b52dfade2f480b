"""Histories by hand: calls that take effect one after the other, put into the times that a test wants."""

from typing import Any, NamedTuple

from msgspec.structs import replace

from tests.linearizability.history import Answer, Call, Execute, Operation, Read, Reply
from tests.linearizability.model import Model
from tests.linearizability.world import batch


class Exchange(NamedTuple):
    """A call and its answer."""

    call: Call
    answer: Answer

    def at(self, invoked: int, answered: int) -> Operation:
        return Operation(f"client {invoked}", self.call, invoked, answered, self.answer)

    def lost(self, invoked: int) -> Operation:
        """The same with its answer lost."""
        return Operation(f"client {invoked}", self.call, invoked, None, None)

    @property
    def reply(self) -> Reply:
        assert isinstance(self.answer, Reply), self.answer
        return self.answer

    @property
    def made(self) -> str:
        """The id of the first item in the reply."""
        return self.reply.changes.changed[0].item_id


class Scene:
    """A character; ``do`` takes effect, ``ask`` is answered as if it had."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._state = model.start
        self._calls = 0

    def do(self, *commands: dict[str, Any], **terms: Any) -> Exchange:
        return self._take(self._execute(commands, terms), keep=True)

    def ask(self, *commands: dict[str, Any], **terms: Any) -> Exchange:
        return self._take(self._execute(commands, terms), keep=False)

    def again(self, exchange: Exchange) -> Exchange:
        """The same call sent once more."""
        assert isinstance(exchange.call, Execute)
        self._calls += 1
        return self._take(replace(exchange.call, prefixes=(self._prefix(),)), keep=True)

    def read(self) -> Exchange:
        return self._take(Read(), keep=False)

    def _execute(self, commands: tuple[dict[str, Any], ...], terms: dict[str, Any]) -> Execute:
        self._calls += 1
        return Execute(batch(*commands), prefixes=(self._prefix(),), **terms)

    def _prefix(self) -> str:
        return f"{self._calls:012x}800080000000"

    def _take(self, call: Call, *, keep: bool) -> Exchange:
        *_, (after, answer) = self._model.outcomes(self._state, call)
        if isinstance(answer, Reply) and not answer.replayed:
            answer = replace(answer, durable_seq=0)
        (after,) = self._model.step(self._state, call, answer)
        if keep:
            self._state = after
        return Exchange(call, answer)
