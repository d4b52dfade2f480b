"""A run: games by the seed, several side by side, until enough is played or the twins differ."""

import secrets
import uuid

from msgspec import Struct
from redis.exceptions import RedisError

from engine.ruleset import Ruleset
from lua.library import Library
from persistence.errors import Unavailable
from persistence.keys import Keys
from persistence.parity.case import Call, Case, Difference
from persistence.parity.commands import Player
from persistence.parity.dice import Dice
from persistence.parity.lockstep import Table, Twins
from persistence.parity.progress import Progress
from persistence.parity.report import Finding, Report
from persistence.parity.server import ended_by_sigterm, server
from persistence.parity.shrink import Shrinker
from persistence.parity.starts import make_start
from persistence.parity.text import case_text
from persistence.parity.wire import Wire
from persistence.parity.world import World, make_world


class Options(Struct, frozen=True):
    """What to play.

    ``ruleset_name`` is what ``ruleset`` was read by; ``redis_url`` None is a server of our own.
    ``whole_every``: of how many calls of a session one is followed by a comparison of its whole
    hash; the last of a game always is, and each while shrinking.
    """

    ruleset: Ruleset
    ruleset_name: str
    steps: int
    seed: int
    sessions: int = 16
    redis_url: str | None = None
    whole_every: int = 4
    label: str = ""


def play(options: Options, *, library: Library | None = None) -> Report:
    """Play and compare; raises ``Unavailable`` or ``EmbeddedError`` when there is no server to play on.

    ``library`` stands in for the mirror of the ruleset. Keys are deleted whatever happens.
    """
    known = library or Library(options.ruleset)
    try:
        with server(options.redis_url) as url, ended_by_sigterm(), Wire(url) as wire:
            table = Table(wire, options.ruleset, known, Keys(f"parity:{secrets.token_hex(6)}:"))
            try:
                return _Run(options, table).run()
            finally:
                # By a connection of its own: on the other one, replies may still be to come.
                with Wire(url) as cleaning:
                    table.clear(cleaning)
    except RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


class _Game:
    """One character's game, from a start to the number of calls that the dice gave it."""

    def __init__(self, number: int, options: Options, twins: Twins) -> None:
        # A game depends on its number alone, not on which others are played beside it.
        dice = Dice(f"{options.seed}:{number}")
        self.number, self.twins = number, twins
        self.world: World = make_world(options.ruleset, dice)
        self.start = make_start(self.world, twins.char_id, dice)
        self.calls: list[Call] = []
        self.length = dice.pick((40, 80, 120, 200))
        self._player = Player(self.world, dice)
        twins.open(self.start, self.world.templates)

    def next_call(self) -> Call:
        prefix = f"{self.number:012x}{len(self.calls):012x}"
        self.calls.append(Call(prefix, tuple(self._player.call(self.twins.session))))
        return self.calls[-1]

    def is_over(self) -> bool:
        return len(self.calls) >= self.length

    def case(self) -> Case:
        return Case(self.start, self.world.templates, tuple(self.calls))


class _Run:
    def __init__(self, options: Options, table: Table) -> None:
        self._options, self._table = options, table
        label = options.label or options.ruleset_name
        self._report = Report(label, options.seed)
        self._progress = Progress(options.steps, f"{label}, seed {options.seed}:")
        self._games = [self._new_game(self._new_twins()) for _ in range(options.sessions)]

    def run(self) -> Report:
        report = self._report
        try:
            while report.steps < self._options.steps:
                if found := self._round():
                    self._progress.end()
                    report.finding = self._shrunk(*found)
                    break
                self._progress.update(report.steps)
                self._begin_new_games()
        finally:
            self._progress.end()
        report.rate = self._progress.rate(report.steps)
        return report

    def _round(self) -> tuple[_Game, Difference] | None:
        """One call of every game; the first difference."""
        table, report = self._table, self._report
        sent = []
        for game in self._games:
            call = game.next_call()
            whole = len(game.calls) % self._options.whole_every == 0 or game.is_over()
            report.hashes += whole
            sent += game.twins.send(call, whole=whole)
        table.wire.send(sent)
        for game in self._games:
            game.twins.judge()
        found = None
        for game in self._games:
            # All replies are read, or the next call would be taken to have these.
            difference = game.twins.receive()
            report.add(game.twins.outcome, [command["op"] for command in game.calls[-1].commands])
            if difference and found is None:
                found = game, difference
        return found

    def _begin_new_games(self) -> None:
        for at, game in enumerate(self._games):
            if game.is_over():
                self._games[at] = self._new_game(game.twins)

    def _new_twins(self) -> Twins:
        return Twins(self._table, str(uuid.uuid4()))

    def _new_game(self, twins: Twins) -> _Game:
        self._report.games += 1
        return _Game(self._report.games, self._options, twins)

    def _shrunk(self, game: _Game, difference: Difference) -> Finding:
        shrinker = Shrinker(self._new_twins(), game.case(), difference)
        case, difference = shrinker.run()
        options = self._options
        vector = case_text(
            options.ruleset,
            case,
            f"{options.label or options.ruleset_name} seed {options.seed} game {game.number}",
            ruleset_name=options.ruleset_name,
        )
        return Finding(game.number, len(game.calls), case, difference, shrinker.tries, vector)
