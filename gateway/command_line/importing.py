"""``haversack import``: a studio's table of who has what becomes characters with valid inventories."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import uvloop

from engine.ruleset import Ruleset
from engine.shipped import read_ruleset
from gateway.command_line import character_arguments, import_arguments
from gateway.command_line.agreement import agreed
from gateway.command_line.import_words import report_line, summary
from gateway.command_line.progress import ProgressBar
from gateway.command_line.saying import say
from gateway.configuration.settings import Settings
from gateway.serving.command_servers import add_data_dir, database
from persistence.moving_in.columns import Source
from persistence.moving_in.csv_source import CsvSource
from persistence.moving_in.errors import ImportRefused
from persistence.moving_in.findings import Finding, Tally
from persistence.moving_in.ids import NAMESPACE
from persistence.moving_in.jsonl_source import JsonLinesSource
from persistence.moving_in.run import MovingIn, Options, moving_in
from persistence.moving_in.sql_source import SqlSource
from persistence.moving_in.templates import read_template_map

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DONE, FAILED = 0, 1
NO_OVERFLOW: Final = "none"


def add_import_command(commands: "Subparsers") -> None:
    """Add ``import``; its ``run`` answers 1 where a row was rejected, or nothing was done."""
    importing = commands.add_parser("import", help="bring in characters and their items from another table")
    source = importing.add_mutually_exclusive_group(required=True)
    source.add_argument("--sql", nargs=2, metavar=("URL", "QUERY"), help="what a query makes in PostgreSQL")
    source.add_argument(
        "--csv", metavar="FILE", help="comma-separated values with a head line; - is the input"
    )
    source.add_argument("--jsonl", metavar="FILE", help="JSON Lines, an object a row; - is the input")
    importing.add_argument(
        "--column", dest="columns", action="append", default=[], type=import_arguments.column,
        metavar="FIELD=COLUMN", help="take a field from a column of another name",
    )  # fmt: skip
    importing.add_argument(
        "--delimiter", type=import_arguments.delimiter, default=",", metavar="C",
        help="what stands between the fields of a --csv: one character, or tab (,)",
    )  # fmt: skip
    importing.add_argument(
        "--encoding", type=import_arguments.encoding, default="utf-8-sig", metavar="NAME",
        help="of a --csv (utf-8)",
    )  # fmt: skip
    importing.add_argument(
        "--template-map", type=Path, metavar="FILE", help="CSV of old,new: names of templates, and ours"
    )
    importing.add_argument(
        "--namespace", type=import_arguments.namespace, metavar="UUID",
        help="for the ids of owners and items that have no UUID",
    )  # fmt: skip
    importing.add_argument(
        "--overflow", default="", metavar="CONTAINER",
        help=f"for what finds no place (the ruleset's overflow container); {NO_OVERFLOW}: it is rejected",
    )  # fmt: skip
    importing.add_argument(
        "--existing", choices=("fail", "skip"), default="fail",
        help="what about characters that are there already (fail)",
    )  # fmt: skip
    importing.add_argument(
        "--report", metavar="FILE", help="write what is told of rows to FILE, as JSON Lines"
    )
    importing.add_argument(
        "--by", type=character_arguments.name, metavar="NAME", help="who does it, for the ledger"
    )
    doing = importing.add_mutually_exclusive_group()
    doing.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    doing.add_argument("--yes", action="store_true", help="do it without a look at what would be done")
    add_data_dir(importing)
    importing.set_defaults(run=_import)


def _import(settings: Settings, arguments: argparse.Namespace) -> int:
    ruleset = read_ruleset(settings.ruleset)
    try:
        options = _options(arguments)
        with _source(arguments) as source, database(settings, new=True) as url:
            return uvloop.run(_run(url, ruleset, options, source, arguments))
    except OSError as error:
        raise ImportRefused(_words(error)) from error


async def _run(
    url: str, ruleset: Ruleset, options: Options, source: Source, arguments: argparse.Namespace
) -> int:
    async with moving_in(url, ruleset, options) as run:
        reading = ProgressBar(sys.stderr, "rows")
        try:
            await run.read(source, reading.show)
        finally:
            reading.end()
        if not arguments.yes:
            tally = await _pass(run, arguments.report, write=False)
            if arguments.dry_run:
                return _status(tally)
            if not agreed():
                say("Nothing was done.")
                return FAILED
        return _status(await _pass(run, arguments.report, write=True))


async def _pass(run: MovingIn, report: str | None, *, write: bool) -> Tally:
    """Go through all rows once, and tell what came of it; each pass writes the report anew."""
    progress = ProgressBar(sys.stderr, "rows")
    with _reporting(report) as tell:
        try:
            tally = await run.run(tell, progress.show, write=write)
        finally:
            progress.end()
    say(*summary(tally, written=write, report=report))
    return tally


@contextmanager
def _reporting(path: str | None) -> Iterator[Callable[[Finding], None]]:
    if path is None:
        yield lambda _: None
        return
    with Path(path).open("wb") as file:

        def tell(finding: Finding) -> None:
            file.write(report_line(finding))

        yield tell


@contextmanager
def _source(arguments: argparse.Namespace) -> Iterator[Source]:
    renamed = dict(arguments.columns)
    if arguments.sql is not None:
        url, query = arguments.sql
        yield SqlSource(url, query, renamed)
        return
    with _opened(arguments.csv or arguments.jsonl) as file:
        if arguments.jsonl is not None:
            yield JsonLinesSource(file, renamed)
        else:
            yield CsvSource(file, renamed, delimiter=arguments.delimiter, encoding=arguments.encoding)


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    with ExitStack() as stack:
        yield sys.stdin.buffer if path == "-" else stack.enter_context(Path(path).open("rb"))


def _words(error: OSError) -> str:
    """Which file it is about and what is wrong with it, where it is about one."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        namespace=arguments.namespace or NAMESPACE,
        templates={} if arguments.template_map is None else read_template_map(arguments.template_map),
        overflow=None if arguments.overflow == NO_OVERFLOW else arguments.overflow,
        existing=arguments.existing,
        by="import" if arguments.by is None else f"import {arguments.by}",
    )


def _status(tally: Tally) -> int:
    wrong = tally.became["rejected"] or tally.became["otherwise"] or tally.differences()
    return FAILED if wrong else DONE
