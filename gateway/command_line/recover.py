"""``haversack recover``: after PostgreSQL was restored from a backup, before anything serves again."""

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from gateway.configuration.settings import Settings
from gateway.serving.command_servers import add_data_dir, service_settings
from persistence.recover import Standing, recover, standing

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DONE, FAILED = 0, 1


def add_recover_command(commands: "Subparsers") -> None:
    """Add ``recover``; its ``run`` answers the exit status: 1 where it was not done."""
    recovering = commands.add_parser("recover", help="let a restored PostgreSQL count, and drop all sessions")
    recovering.add_argument("--yes", action="store_true", help="do it without asking")
    add_data_dir(recovering)
    recovering.set_defaults(run=_recover)


def _recover(settings: Settings, arguments: argparse.Namespace) -> int:
    with service_settings(settings) as service:
        _say(*_words(asyncio.run(standing(service))))
        if not arguments.yes and not _agreed():
            _say("Nothing was done.")
            return FAILED
        deleted = asyncio.run(recover(service, _tell))
    _say(f"{deleted:,} keys were deleted from Redis. The service may be started.")
    return DONE


def _words(now: Standing) -> list[str]:
    return [
        f"{now.characters:,} characters in PostgreSQL go on from there, with new epochs and incarnations.",
        f"{now.sessions:,} sessions in Redis are deleted, with all that they have not flushed.",
    ]


def _agreed() -> bool:
    """Whether somebody at a terminal says yes; a script has to say it beforehand."""
    if not sys.stdin.isatty():
        _say("Say --yes where nobody can be asked.")
        return False
    sys.stdout.write("Was PostgreSQL restored from a backup, and is everything stopped? Type yes: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() == "yes"


def _tell(characters: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{characters:,} characters")
        sys.stderr.flush()


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
