"""``haversack character …``: what support staff and operators do with one character."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from gateway.command_line import character_arguments, character_words
from gateway.command_line.desk_use import DONE, at_the_desk, previewed
from gateway.command_line.saying import say
from gateway.configuration.settings import Settings
from gateway.serving.command_servers import add_data_dir
from persistence.desk.desk import Desk, History
from persistence.desk.repair import Examination
from persistence.desk.restore import Restoration
from persistence.desk.rewrite import Origin

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

LIMIT_DEFAULT, LIMIT_MAX = 100, 10_000


def add_character_commands(commands: "Subparsers") -> None:
    """Add ``character`` with its own commands; their ``run`` answers the exit status.

    1: it could not be done, or nobody has said yes to it.
    """
    character = commands.add_parser("character", help="look into a character, bring it back, mend it")
    ours = character.add_subparsers(required=True, metavar="COMMAND")

    history = _add(ours, "history", _history, "tell the ledger of a character, and what is wrong with it")
    history.add_argument(
        "--after-seq",
        type=character_arguments.number(0, character_arguments.SEQ_MAX),
        default=0,
        metavar="N",
        help="begin after entry N (0)",
    )
    history.add_argument(
        "--limit", type=character_arguments.number(1, LIMIT_MAX), default=LIMIT_DEFAULT, metavar="N",
        help=f"entries at the most ({LIMIT_DEFAULT})",
    )  # fmt: skip
    history.add_argument("--json", action="store_true", help="one JSON document")

    restoring = _add(ours, "restore", _restore, "bring the inventory back to how it was")
    restoring.add_argument(
        "--at", type=character_arguments.at, required=True, metavar="SEQ|TIME",
        help="right after entry SEQ, or at a time as in 2026-01-31T18:00, UTC unless it says otherwise",
    )  # fmt: skip
    _add_origin(restoring)

    _add(ours, "release", _release, "let a quarantined character be loaded again, with all its session holds")
    repairing = _add(ours, "repair", _repair, "make a quarantined character playable, as PostgreSQL has it")
    _add_origin(repairing)

    _add(ours, "export", _export, "write down all that is kept of a character, as JSON")
    erasing = _add(ours, "erase", _erase, "erase a character for good; its ledger stays without the person")
    erasing.add_argument("--yes", action="store_true", help="do it without asking")
    erasing.add_argument(
        "--by", type=character_arguments.name, metavar="NAME", help="who does it, for the ledger"
    )

    listing = ours.add_parser("quarantined", help="list the characters that are quarantined, and why")
    _add_data_dir(listing, _quarantined)


def _add(commands: "Subparsers", name: str, run: Callable[..., int], text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text)
    parser.add_argument("char_id", type=character_arguments.char_id, metavar="ID", help="the character")
    _add_data_dir(parser, run)
    return parser


def _add_data_dir(parser: argparse.ArgumentParser, run: Callable[..., int]) -> None:
    add_data_dir(parser)
    parser.set_defaults(run=run)


def _add_origin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument(
        "--by", type=character_arguments.name, metavar="NAME", help="who does it, for the ledger"
    )
    parser.add_argument(
        "--reason", type=character_arguments.reason, default="", metavar="TEXT", help="why, for the ledger"
    )
    parser.add_argument(
        "--any-ruleset", action="store_true", help="also where the character is played under another ruleset"
    )


def _history(settings: Settings, arguments: argparse.Namespace) -> int:
    def look(desk: Desk) -> Awaitable[History]:
        return desk.history(arguments.char_id, arguments.after_seq, arguments.limit)

    history = at_the_desk(settings, look)
    if arguments.json:
        say(_document(history))
    else:
        say(*character_words.history_lines(history))
    return DONE


def _restore(settings: Settings, arguments: argparse.Namespace) -> int:
    char_id, at = arguments.char_id, arguments.at

    def preview(desk: Desk) -> Awaitable[Restoration]:
        return desk.restorer.preview(char_id, at)

    async def restore(seen: Restoration | None, desk: Desk) -> None:
        done, seq = await desk.restorer.restore(
            char_id, at, _origin(arguments.by, arguments.reason), seen=seen
        )
        if seen is None:
            show(done)
        if seq is not None:
            say(f"Done: what {char_id} had after seq {done.at_seq} is its seq {seq}.")

    def show(seen: Restoration) -> bool:
        if seen.before == seen.after:
            say(f"{char_id} has what it had after seq {seen.at_seq}: there is nothing to do.")
            return False
        say(*character_words.restoration_lines(seen))
        return True

    return previewed(settings, arguments, preview, show, restore)


def _repair(settings: Settings, arguments: argparse.Namespace) -> int:
    def preview(desk: Desk) -> Awaitable[Examination]:
        return desk.repairer.examine(arguments.char_id)

    async def repair(seen: Examination | None, desk: Desk) -> None:
        if seen is None:
            seen = await preview(desk)
            show(seen)
        seq = await desk.repairer.repair(seen, _origin(arguments.by, arguments.reason))
        say(f"Done: {seen.char_id} can be played again, as PostgreSQL has it, at seq {seq}.")

    def show(seen: Examination) -> bool:
        say(*character_words.examination_lines(seen))
        return True

    return previewed(settings, arguments, preview, show, repair)


def _export(settings: Settings, arguments: argparse.Namespace) -> int:
    async def write(desk: Desk) -> None:
        async with aclosing(desk.exporter.document(arguments.char_id)) as parts:
            async for part in parts:
                sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()

    at_the_desk(settings, write)
    return DONE


def _erase(settings: Settings, arguments: argparse.Namespace) -> int:
    def preview(desk: Desk) -> Awaitable[History]:
        return desk.history(arguments.char_id, 0, 1)

    def show(seen: History) -> bool:
        name = f" {seen.head.name!r}" if seen.head.name else ""
        say(f"{arguments.char_id}{name} would be erased, with all that it has. This cannot be undone.")
        return True

    async def erase(_: History | None, desk: Desk) -> None:
        await desk.eraser.erase(arguments.char_id, _origin(arguments.by))
        say(f"Done: {arguments.char_id} is erased.")

    return previewed(settings, arguments, preview, show, erase)


def _release(settings: Settings, arguments: argparse.Namespace) -> int:
    reason = at_the_desk(settings, lambda desk: desk.release(arguments.char_id))
    say(
        f"{arguments.char_id} is released. It was quarantined: {reason}",
        "If the cause is still there, it is quarantined again at its next flush.",
    )
    return DONE


def _quarantined(settings: Settings, _: argparse.Namespace) -> int:
    found = at_the_desk(settings, lambda desk: desk.quarantined())
    lines = [f"{one.char_id} {one.name!r}: {one.reason}" for one in found]
    say(*lines or ["No character is quarantined."])
    return DONE


def _origin(by: str | None, reason: str = "") -> Origin:
    return Origin("operator" if by is None else f"operator {by}", reason)


def _document(history: History) -> str:
    shown = {
        "character": history.head,
        "quarantined": history.quarantined,
        "entries": history.page.entries,
        "cursor": history.page.next_after,
        "incidents": history.incidents,
    }
    return msgspec.json.encode(shown).decode()
