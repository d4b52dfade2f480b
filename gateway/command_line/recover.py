"""``haversack recover``: after PostgreSQL was restored from a backup, before anything serves again."""

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Final

from gateway.command_line.agreement import agreed
from gateway.command_line.counting import counted
from gateway.command_line.saying import say
from gateway.configuration.settings import Settings
from gateway.serving.command_servers import add_data_dir, service_settings
from persistence.recover import Standing, recover, standing

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DONE, FAILED = 0, 1
_QUESTION: Final = "Was PostgreSQL restored from a backup, and is everything stopped?"


def add_recover_command(commands: "Subparsers") -> None:
    """Add ``recover``; its ``run`` answers the exit status: 1 where it was not done."""
    recovering = commands.add_parser("recover", help="let a restored PostgreSQL count, and drop all sessions")
    recovering.add_argument("--yes", action="store_true", help="do it without asking")
    add_data_dir(recovering)
    recovering.set_defaults(run=_recover)


def _recover(settings: Settings, arguments: argparse.Namespace) -> int:
    with service_settings(settings) as service:
        say(*_words(asyncio.run(standing(service))))
        if not arguments.yes and not agreed(_QUESTION):
            say("Nothing was done.")
            return FAILED
        deleted = asyncio.run(recover(service, _tell))
    say(f"{counted(deleted, 'key')} deleted from Redis. The service may be started.")
    return DONE


def _words(now: Standing) -> list[str]:
    return [
        f"In PostgreSQL: {counted(now.characters, 'character')}, to go on with new epochs and incarnations.",
        f"In Redis: {counted(now.sessions, 'session')}, to be deleted with all that is not flushed.",
    ]


def _tell(characters: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{counted(characters, 'character')}")
        sys.stderr.flush()
