"""`haversack audit` as an operator runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.command_line.audit import _lines
from persistence.audit import TITLES, Report, Violation
from persistence.audit.findings import Note
from tests.audit.conftest import CLEAN, DIRTY, Stored
from tests.audit.plants import total_wrong
from tests.commands import Ran, command
from tests.serving import serving


def run(*options: str, **settings: str) -> Ran:
    return command(settings, "audit", *options)


def process(*options: str) -> Ran:
    """As ``run``, in a process of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HAVERSACK_")}
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "audit", *options],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def servers_of(stored: Stored) -> dict[str, str]:
    settings = stored.site.settings
    return {"HAVERSACK_REDIS_URL": settings.redis_url, "HAVERSACK_DATABASE_URL": settings.database_url}


async def test_what_is_wrong_is_shown_with_what_to_do(stored: Stored) -> None:
    ran = run(**servers_of(stored))
    assert ran.status == 0, ran.output + ran.errors
    assert ran.output.startswith("4 characters, 6 items, 9 ledger entries") and ran.output.endswith(
        "All invariants hold.\n"
    )
    assert "7 what was acknowledged is there" in ran.output, "what cannot be seen is said"
    await total_wrong(stored)
    ran = run(**servers_of(stored))
    assert ran.status == 1, ran.output + ran.errors
    assert "11  running totals are what a recount gives: 1 VIOLATED (2 sessions)" in ran.output
    assert f"      {CLEAN}: its session's weight is" in ran.output
    assert "      → evict the session" in ran.output


async def test_a_program_can_read_it(stored: Stored) -> None:
    await total_wrong(stored)
    ran = run("--json", "--sample", "99", **servers_of(stored))
    assert ran.status == 1, ran.errors
    document = json.loads(ran.output)
    assert not document["clean"]
    assert document["counts"]["characters"] == 4
    assert [one["invariant"] for one in document["invariants"]] == list(TITLES)
    assert [(one["invariant"], one["char_id"]) for one in document["violations"]] == [(11, CLEAN)]


@pytest.mark.parametrize("option", ["--sample=0", "--sample=x"])
def test_a_sample_is_a_number(option: str) -> None:
    assert run(option).status == 2


def test_nothing_is_not_found_to_be_well(tmp_path: Path) -> None:
    """A mistyped directory would otherwise become a new deployment without a fault."""
    ran = run("--data-dir", str(tmp_path / "typo"))
    assert ran.status == 1
    assert ran.errors.startswith(f"haversack: no PostgreSQL has been started in {tmp_path / 'typo'} yet")
    assert not (tmp_path / "typo").exists()


def test_beside_a_gateway_and_after_it(data_dir: Path, tmp_path: Path) -> None:
    """With the embedded servers of one that serves; then with servers that are started for it."""
    with serving(tmp_path / "log", "--demo", "--data-dir", str(data_dir)):
        beside = process("--json", "--data-dir", str(data_dir))
    after = process("--json", "--data-dir", str(data_dir))
    for ran in (beside, after):
        assert ran.status == 0, ran.output + ran.errors
        assert json.loads(ran.output)["counts"]["items"] > 0


def test_only_the_first_ones_are_shown() -> None:
    report = Report()
    report.add(Violation(6, f"{n}", "is wrong") for n in range(1_500))
    report.note([Note("quarantined", DIRTY, "a reason")])
    lines = list(_lines(report))
    assert sum("is wrong" in line for line in lines) == 20
    assert "      and 1,480 more" in lines
    assert len(report.violations) == 1_000 and lines[-1] == "1,500 violations."
    assert f"      {DIRTY}: a reason" in lines
