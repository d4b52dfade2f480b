"""``haversack outbox …``: how far the delivery of changes is, and what an operator can do about it."""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import msgspec

from gateway.command_line import character_arguments
from gateway.command_line.agreement import agreed
from gateway.command_line.character_words import moment
from gateway.command_line.counting import counted
from gateway.command_line.saying import say
from gateway.configuration.settings import Settings
from gateway.configuration.urls import redacted
from gateway.serving.command_servers import add_data_dir, database
from persistence.outbox.status import OutboxStatus, forget, outbox_status, skip
from persistence.postgres.database import Database

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DONE, FAILED = 0, 1
# A statement that goes through all characters may take this long; nobody waits for it.
STATEMENT_TIMEOUT_S = 600.0
# Of a receiver that is away, or wants to be asked later, nothing is stored: it may be well a moment later.
_WHY = 'Where that lasts, the log of the processes that serve says why: "the outbox waits …".'

T = TypeVar("T")


def add_outbox_commands(commands: "Subparsers") -> None:
    """Add ``outbox`` with its own commands; their ``run`` answers the exit status.

    1: of ``status``, where changes are refused; of ``forget``, where nobody has said yes to it.
    """
    outbox = commands.add_parser("outbox", help="changes that are delivered to other systems")
    ours = outbox.add_subparsers(required=True, metavar="COMMAND")
    telling = ours.add_parser("status", help="tell how far delivery is, and what is refused")
    telling.add_argument("--json", action="store_true", help="one JSON document")
    add_data_dir(telling)
    telling.set_defaults(run=_status)
    skipping = ours.add_parser("skip", help="let what a character has now count as delivered")
    skipping.add_argument("char_id", type=character_arguments.char_id, metavar="ID", help="the character")
    add_data_dir(skipping)
    skipping.set_defaults(run=_skip)
    forgetting = ours.add_parser("forget", help="deliver nothing of what there is now, and begin anew or not")
    forgetting.add_argument("--yes", action="store_true", help="do it without asking")
    add_data_dir(forgetting)
    forgetting.set_defaults(run=_forget)


def _status(settings: Settings, arguments: argparse.Namespace) -> int:
    found = _asked(settings, outbox_status)
    if arguments.json:
        say(msgspec.json.encode(found).decode())
    else:
        say(*_status_lines(found, redacted(settings.outbox_url)))
    return FAILED if found.refused else DONE


def _skip(settings: Settings, arguments: argparse.Namespace) -> int:
    char_id: str = arguments.char_id
    seq = _asked(settings, lambda opened: skip(opened, char_id))
    say(f"Of {char_id} all up to seq {seq} counts as delivered.")
    return DONE


def _forget(settings: Settings, arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        say("What is not delivered yet never will be.")
        if not agreed():
            say("Nothing was done.")
            return FAILED
    if _asked(settings, forget):
        say("Forgotten. Where HAVERSACK_OUTBOX_URL is set, delivery begins anew, at the present.")
    else:
        say("There was nothing to forget.")
    return DONE


def _asked(settings: Settings, ask: Callable[[Database], Awaitable[T]]) -> T:
    async def asked(url: str) -> T:
        opened = await Database.connect(url, pool_size=1, statement_timeout_s=STATEMENT_TIMEOUT_S)
        try:
            return await ask(opened)
        finally:
            await opened.close()

    with database(settings) as url:
        return asyncio.run(asked(url))


def _status_lines(status: OutboxStatus, url: str | None) -> Iterator[str]:
    yield f"Delivered to {url}." if url else "HAVERSACK_OUTBOX_URL is not set here."
    if status.begun_at is None:
        yield "Nothing is delivered: no process with an outbox has begun."
        return
    yield f"Changes since {moment(status.begun_at)} are delivered."
    if not status.entries:
        yield "All of them are."
    else:
        changes, characters = counted(status.entries, "change"), counted(status.characters, "character")
        yield f"Waiting: {changes} of {characters}."
    if status.oldest_at is not None:
        behind_s = max(0.0, time.time() - status.oldest_at / 1000)
        yield f"The oldest is of {moment(status.oldest_at)}, {behind_s:,.1f} s ago."
    if status.characters > status.refused:
        yield _WHY
    for one in status.refusals:
        yield (
            f"{one.char_id}: what follows seq {one.seq} was refused {counted(one.refusals, 'time')},"
            f" the next try is at {moment(one.retry_at)}: {one.problem}"
        )
    if status.refused > len(status.refusals):
        yield f"… and {counted(status.refused - len(status.refusals), 'more character')}."
