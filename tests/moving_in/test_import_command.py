"""`haversack import` as a process: looked at first, cut off, repeated, and beside a server that plays."""

import json
import random
from pathlib import Path

import asyncpg
import pytest

from gateway.cli import main
from persistence.moving_in.errors import ImportRefused
from persistence.moving_in.run import Options, moving_in
from tests.moving_in.console import DYING, Console
from tests.moving_in.tables import bring_in, csv
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site


@pytest.fixture
def console(site: Site, tmp_path: Path) -> Console:
    return Console(site, tmp_path)


def table(owners: int, rows: int) -> str:
    """Scattered rows, of which some break rules."""
    rng = random.Random(3)
    words = [
        "gold,{n},",
        "dagger,1,",
        "potion,{n},bag:{slot}",
        "ore,{n},bank",
        "plate,1,equipment",
        "nothing,1,",
    ]
    lines = [
        f"player-{rng.randrange(owners)},"
        + rng.choice(words).format(n=rng.randrange(1, 40), slot=rng.randrange(24))
        for _ in range(rows)
    ]
    return "\n".join(["owner,template,quantity,place", *lines]) + "\n"


async def stored(site: Site) -> list[tuple[object, ...]]:
    """Everything, but ids and times."""
    connection = await asyncpg.connect(site.settings.database_url)
    try:
        rows = await connection.fetch(
            "SELECT owner::text, template_id, quantity, container, slot, bound FROM items"
            " ORDER BY owner, container, slot"
        )
        return [tuple(row) for row in rows]
    finally:
        await connection.close()


async def test_looked_at_then_done(console: Console, site: Site) -> None:
    (console.cwd / "players.csv").write_text(table(40, 400))
    order = ("import", "--csv", "players.csv", "--report", "report.jsonl")
    looked = console.run(*order, status=1)
    assert "400 rows: 40 characters with" in looked and "would be brought in" in looked
    assert "× UNKNOWN_TEMPLATE: rejected" in looked and "Reconciled: " in looked
    assert looked.endswith("Say --yes to do it.\nNothing was done.\n")
    assert await stored(site) == []
    report = (console.cwd / "report.jsonl").read_text()
    lines = [json.loads(line) for line in report.splitlines()]
    assert {"row", "owner", "char_id", "template", "outcome", "code", "params", "units"} == set(lines[0])
    done = console.run(*order, "--yes", "--by", "pat", status=1)
    assert done.replace("were", "would be").splitlines()[1:] == looked.splitlines()[1:-2]
    assert (console.cwd / "report.jsonl").read_text() == report
    assert len(await stored(site)) > 300
    await site.audit()


async def test_existing_characters_are_refused_or_passed_by(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await bring_in(site, csv("owner,template\nanna,gold\n"))
    before = await stored(site)
    # Every character is a batch, so that others would be in place when one of these comes up.
    monkeypatch.setattr("persistence.moving_in.run.CHARACTERS_AT_ONCE", 1)
    others = "".join(f"new-{n},gold\n" for n in range(20))
    more = f"owner,template\nanna,gold\nanna,dagger\nben,dagger\n{others}"
    both = f"{more}{CHAR_ID},gold\n"
    for text, write, words in (
        (
            more,
            True,
            r"^1 character is there already \(anna\): nothing was imported\. .* skip passes it by$",
        ),
        (more, False, "^1 character is there already .*: nothing would be imported"),
        (both, True, rf"^2 characters are there already \((anna|{CHAR_ID}), .*\): .* skip passes them by"),
    ):
        with pytest.raises(ImportRefused, match=words):
            await bring_in(site, csv(text), write=write)
        assert await stored(site) == before
    passed = await bring_in(site, csv(more), Options(existing="skip"))
    assert passed.tally.became == {"existing": 2, "placed": 21}
    assert passed.told() == [(1, "skipped", "CHARACTER_EXISTS", 1), (2, "skipped", "CHARACTER_EXISTS", 1)]
    assert len(await stored(site)) == len(before) + 21
    assert "active transaction" not in caplog.text


async def test_a_transaction_ends_with_what_fails_in_it(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no room for a report")

    async with moving_in(site.settings.database_url, site.ruleset, Options()) as run:
        await run.read(csv("owner,template\nanna,excalibur\n"), lambda *_: None)
        with pytest.raises(RuntimeError):
            await run.run(fail, lambda *_: None, write=False)
    assert "active transaction" not in caplog.text


async def test_killed_in_the_midst_and_begun_again(console: Console, site: Site) -> None:
    """Each character is whole or not there; who goes on ends where one that was never cut off does."""
    text = table(300, 1400)
    (console.cwd / "players.csv").write_text(text)
    order = ("import", "--csv", "players.csv", "--yes")
    console.run("write:4:before", *order, status=-9, program=DYING)
    first = await stored(site)
    assert len(first) > 0
    await site.audit()
    console.run("write:1:after", *order, status=-9, program=DYING)
    second = await stored(site)
    assert len(first) < len(second)
    await site.audit()
    done = await bring_in(site, csv(text))
    assert done.tally.repeated > 0 and done.tally.characters > 0
    there = await stored(site)
    await site.audit()
    connection = await asyncpg.connect(site.settings.database_url)
    await connection.execute("TRUNCATE characters, items, imported, granted_ids CASCADE")
    await connection.execute("ALTER TABLE journal DISABLE TRIGGER USER; DELETE FROM journal")
    await connection.close()
    whole = await bring_in(site, csv(text))
    assert await stored(site) == there and whole.told() == done.told()
    again = await bring_in(site, csv(text))
    assert again.tally.repeated == whole.tally.characters and again.tally.characters == 0
    assert again.told() == whole.told() and await stored(site) == there


async def test_from_standard_input(console: Console) -> None:
    rows = b'{"owner": "anna", "template": "gold", "colour": 3}\n'
    said = await console.call("import", "--jsonl", "-", "--yes", typed=rows)
    assert "1 row: 1 character" in said and "Columns that were left aside: 'colour'.\n" in said
    more = rows.replace(b"gold", b"dagger")
    for flag, words in (("--dry-run", "would be"), ("--yes", "was")):
        said = await console.call("import", "--jsonl", "-", flag, status=1, typed=more)
        assert said.endswith(
            f"1 character is there already (anna): nothing {words} imported. --existing skip passes it by\n"
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--csv", "x", "--column", "owner"), "expected FIELD=COLUMN"),
        (("--csv", "x", "--column", "what=y"), "expected FIELD=COLUMN"),
        (("--csv", "x", "--delimiter", "ab"), "expected one character"),
        (("--csv", "x", "--encoding", "rot13"), "expected an encoding"),
        (("--csv", "x", "--namespace", "us"), "expected a UUID"),
        (("--csv", "x", "--jsonl", "y"), "not allowed with"),
        (("--yes",), "is required"),
        (("--csv", "x", "--yes", "--dry-run"), "not allowed with"),
    ],
)
def test_misused(arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["import", *arguments])
    assert words in capsys.readouterr().err


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "--csv", "/none.csv", "--yes"]) == 1
    assert "/none.csv: No such file or directory" in capsys.readouterr().err
    assert main(["import", "--csv", "-", "--template-map", "/none.csv"]) == 1
    assert "/none.csv: No such file or directory" in capsys.readouterr().err
