"""``haversack parity``: random games on the Python engine and on the mirror, all of it compared."""

import argparse
import secrets
from typing import TYPE_CHECKING

from engine.shipped import read_ruleset
from gateway.command_line.saying import say
from persistence.parity.run import Options, play

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DIFFERENT = 1
STEPS, SESSIONS = 100_000, 16


def add_parity_command(commands: "Subparsers") -> None:
    """Add ``parity``; its ``run`` answers the exit status, and asks for no settings."""
    playing = commands.add_parser("parity", help="play random games on both copies of the rules, and compare")
    playing.add_argument("--steps", type=_positive, default=STEPS, help=f"commands to play ({STEPS})")
    playing.add_argument("--seed", type=int, help="what the games are made from (a random number)")
    playing.add_argument("--ruleset", default="haversack", help="a shipped one's name, or a path (haversack)")
    playing.add_argument(
        "--sessions", type=_positive, default=SESSIONS, help=f"games side by side ({SESSIONS})"
    )
    playing.add_argument(
        "--redis", metavar="URL", help="a server to play on (an embedded one, for this alone)"
    )
    playing.set_defaults(run=_parity, environ={})


def _parity(_: object, arguments: argparse.Namespace) -> int:
    options = Options(
        ruleset=read_ruleset(arguments.ruleset),
        ruleset_name=arguments.ruleset,
        steps=arguments.steps,
        seed=secrets.randbelow(2**32) if arguments.seed is None else arguments.seed,
        sessions=arguments.sessions,
        redis_url=arguments.redis,
    )
    report = play(options)
    say(*report.lines())
    return DIFFERENT if report.finding else 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on is needed")
    return number
