"""``haversack ledger trim``: old weeks of the ledger are dropped, after baselines have taken their place."""

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from gateway.command_line.counting import counted
from gateway.command_line.saying import say
from gateway.configuration.settings import JOURNAL_KEEP_DAYS_MAX, Settings
from gateway.serving.command_servers import add_data_dir, database
from persistence.ledger.baselines import Progress
from persistence.ledger.retention import Plan, Trimmed, plan, trim
from persistence.postgres.database import Database

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DONE, FAILED = 0, 1
# A statement that looks through a whole week may take this long; nobody waits for it.
STATEMENT_TIMEOUT_S = 3600.0


def add_ledger_commands(commands: "Subparsers") -> None:
    """Add ``ledger``; its ``run`` answers the exit status: 1 where a week that is old enough stays."""
    ledger = commands.add_parser("ledger", help="the ledger of all changes").add_subparsers(
        required=True, metavar="COMMAND"
    )
    trimming = ledger.add_parser("trim", help="drop old weeks, leaving baselines in their place")
    trimming.add_argument(
        "--keep-days", type=_days, required=True, metavar="N", help="drop weeks that ended N days ago or more"
    )
    trimming.add_argument("--dry-run", action="store_true", help="only tell what would be dropped")
    add_data_dir(trimming)
    trimming.set_defaults(run=_trim)


def _trim(settings: Settings, arguments: argparse.Namespace) -> int:
    keep_days: int = arguments.keep_days
    with database(settings) as url:
        if arguments.dry_run:
            plans = asyncio.run(_planned(url, keep_days))
            say(*map(_planned_words, plans), "Nothing was dropped." if plans else "No week is old enough.")
            return DONE
        trimmed = asyncio.run(_trimmed(url, keep_days))
    say(*_trimmed_words(trimmed))
    return FAILED if trimmed.kept or trimmed.busy else DONE


async def _planned(url: str, keep_days: int) -> list[Plan]:
    opened = await Database.connect(url, pool_size=1, statement_timeout_s=STATEMENT_TIMEOUT_S)
    progress = ProgressLine()
    try:
        return await plan(opened, keep_days, progress.show)
    finally:
        progress.clear()
        await opened.close()


async def _trimmed(url: str, keep_days: int) -> Trimmed:
    # One connection has the lock, one does the work.
    opened = await Database.connect(url, pool_size=2, statement_timeout_s=STATEMENT_TIMEOUT_S)
    progress = ProgressLine()
    try:
        return await trim(opened, keep_days, progress.show)
    finally:
        progress.clear()
        await opened.close()


class ProgressLine:
    """One line on standard error that is written over and over; nothing where that is no terminal."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._stream = sys.stderr

    def show(self, progress: Progress) -> None:
        """Show how far a week is."""
        characters = counted(progress.characters, "character")
        self._over(f"{progress.week}: {characters}, {counted(progress.baselines, 'baseline')}")

    def clear(self) -> None:
        """Leave an empty line for what comes next."""
        self._over("")

    def _over(self, words: str) -> None:
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[K{words}")
            self._stream.flush()


def _planned_words(planned: Plan) -> str:
    return (
        f"{planned.week}: {counted(planned.entries, 'entry')} of {counted(planned.characters, 'character')},"
        f" {counted(planned.baselines, 'baseline')} to write"
    )


def _trimmed_words(trimmed: Trimmed) -> list[str]:
    if trimmed.busy:
        return ["Another process is trimming the ledger; nothing was done."]
    words = [f"dropped {week}" for week in trimmed.dropped]
    if trimmed.baselines or trimmed.superseded:
        words.append(
            f"Written: {counted(trimmed.baselines, 'baseline')}; older ones deleted: {trimmed.superseded:,}."
        )
    if trimmed.kept:
        words.append(f"Not done: {trimmed.kept}")
    return words or ["No week is old enough."]


def _days(text: str) -> int:
    number = int(text)
    if not 1 <= number <= JOURNAL_KEEP_DAYS_MAX:
        raise argparse.ArgumentTypeError(f"a number from 1 to {JOURNAL_KEEP_DAYS_MAX} is needed")
    return number
