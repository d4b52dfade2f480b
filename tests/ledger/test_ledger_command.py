"""``haversack ledger trim``, and what it tells."""

import argparse
import asyncio
import io

import pytest

from gateway.command_line.ledger import ProgressLine, add_ledger_commands
from gateway.configuration.settings import Settings
from persistence.ledger.alone import Work, alone
from persistence.ledger.baselines import Progress
from persistence.ledger.weeks import old_weeks
from persistence.postgres.store import InventoryStore
from tests.ledger.asking import seqs
from tests.ledger.history import lived


def run(url: str, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_ledger_commands(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["ledger", "trim", *arguments])
    status: int = parsed.run(Settings(redis_url="redis://unused", database_url=url), parsed)
    return status


async def test_a_dry_run_and_then_the_real_one(
    store: InventoryStore, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    past = await lived(store, 40, 39, 1)
    assert await asyncio.to_thread(run, url, "--keep-days", "30", "--dry-run") == 0
    told = capsys.readouterr().out
    assert " entries of 1 character, 1 baseline to write\n" in told
    assert told.endswith("Nothing was dropped.\n") and await seqs(store, past.char_id) == [1, 2, 3]
    assert await asyncio.to_thread(run, url, "--keep-days", "30") == 0
    told = capsys.readouterr().out
    assert told.count("dropped the week of 2") >= 2
    assert told.endswith("\nWritten: 1 baseline; older ones deleted: 0.\n")
    assert await seqs(store, past.char_id) == [3]
    for more in ([], ["--dry-run"]):
        assert await asyncio.to_thread(run, url, "--keep-days", "30", *more) == 0
        assert capsys.readouterr().out == "No week is old enough.\n"


async def test_it_fails_where_a_week_stays(
    store: InventoryStore, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await lived(store, 40, 1)
    async with store.database.transaction() as dump:
        await dump.fetch("SELECT * FROM journal")
        assert await asyncio.to_thread(run, url, "--keep-days", "30") == 1
    assert "Not done: the week of 2" in capsys.readouterr().out
    async with alone(store.database, Work.TRIM):
        assert await asyncio.to_thread(run, url, "--keep-days", "30") == 1
    assert "Another process is trimming" in capsys.readouterr().out


@pytest.mark.parametrize("days", ["0", "-1", "x", "40000", ""])
def test_a_bad_number_of_days_is_refused(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("postgresql://unused", "--keep-days", days)
    assert "--keep-days" in capsys.readouterr().err


async def test_days_must_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("postgresql://unused")
    assert "--keep-days" in capsys.readouterr().err


async def test_progress_is_one_line_on_a_terminal_only(
    store: InventoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with store.database.connection() as connection:
        week = (await old_weeks(connection, 1))[0]
    for terminal, shown in ((True, "the week of "), (False, "")):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda terminal=terminal: terminal)
        monkeypatch.setattr("sys.stderr", stream)
        line = ProgressLine()
        line.show(Progress(week, 12_300, 7))
        line.clear()
        assert shown in stream.getvalue() and "\n" not in stream.getvalue()
        assert ("12,300 characters" in stream.getvalue()) == terminal
