"""Tables as they come: of any spelling, and what is no table is refused before anything is written."""

import asyncpg
import pytest

from persistence.moving_in.columns import PAGE
from persistence.moving_in.errors import ImportRefused
from persistence.moving_in.run import Options, moving_in
from persistence.moving_in.sql_source import SqlSource
from persistence.moving_in.templates import read_template_map
from tests.moving_in.tables import Imported, bring_in, csv, jsonl
from tests.servers import Servers
from tests.service.conftest import Site


async def refused(site: Site, source: object) -> str:
    with pytest.raises(ImportRefused) as error:
        await bring_in(site, source)  # type: ignore[arg-type]
    connection = await asyncpg.connect(site.settings.database_url)
    assert await connection.fetchval("SELECT count(*) FROM imported") == 0, "nothing is half read"
    await connection.close()
    return str(error.value)


def problems(done: Imported) -> list[tuple[int, object, object]]:
    return [(one.row, one.params.get("field"), one.params.get("problem")) for one in done.findings]


WHOLE = "expected a whole number from 1 to 1000000000000"


async def test_rows_that_cannot_be_judged(site: Site) -> None:
    rows = [
        b"owner,template,quantity,place,bound,item_id",
        b",gold,1,,,",
        b"anna,gold,0,,,",
        b"anna,gold,-1,,,",
        b"anna,gold,1.0,,,",
        b"anna,gold,1e3,,,",
        "anna,gold,٣,,,".encode(),
        b"anna,gold,1000000000001,,,",
        b"anna,gold,,,,",
        b"anna,gold,1,:3,,",
        b"anna,gold,1,,perhaps,",
        b"anna,gold",
        b"anna,gold,1,,,,",
        b"an\xffna,gold,1,,,",
        b"00000000-0000-0000-0000-000000000000,gold,1,,,",
        b"%s,gold,1,,," % (b"x" * 257),
        b'"an\0na",gold,1,,,',
        b'"an\nna",gold,1,,,',
        b"anna,gold,1,,,\xff",
        b"",
        b'" anna ", gold ,007,,TRUE,',
    ]
    done = await bring_in(site, csv(b"\r\n".join(rows)))
    assert problems(done) == [
        (1, "owner", "it is empty"),
        *[(number, "quantity", WHOLE) for number in range(2, 9)],
        (9, "place", "expected a container, or a container and a slot"),
        (10, "bound", "expected true or false"),
        (11, None, "it has 2 fields, and the first line 6"),
        (12, None, "it has 7 fields, and the first line 6"),
        (13, "owner", "it has bytes that are not of the file's encoding"),
        (14, "owner", "it is the nil UUID, which is nobody's"),
        (15, "owner", "it is too long"),
        (16, "owner", "it has a control character"),
        (17, "owner", "it has a control character"),
        (18, "item_id", "it has bytes that are not of the file's encoding"),
    ]
    told = {one.row: (one.owner, one.template) for one in done.findings}
    assert told[11] == told[12] == ("anna", "gold") and told[13] == ("an\\udcffna", "gold")
    assert told[17] == ("an\nna", "gold")
    assert done.tally.became == {"rejected": 18, "placed": 1} and done.tally.characters == 1


NO_TABLES: tuple[tuple[bytes, str], ...] = (
    (b"", "the file is empty"),
    (b"who,template\n", "there is no column 'owner' for the owner; there are: 'who', 'template'"),
    (b"owner,template,owner\na,gold,b\n", "the column 'owner' is there 2 times"),
    (b'owner,template\na,"gold\nb,gold\n', "is no CSV"),
    (b'owner,template\na,go"ld"x"\nb,"x"y,z\n', "is no CSV"),
    (b"owner,template\n" + b"a" * (1024 * 1024 + 2), "longer than 1048576 characters"),
    (b'owner,template\n"' + b"a" * 140_000 + b'",gold', "field larger than field limit"),
    # What came before is on its way to PostgreSQL.
    (b"owner,template\n" + b"a,gold\n" * (2 * PAGE + 1) + b'a,"x', f"line {2 * PAGE + 3} is no CSV"),
)


async def test_what_is_no_table(site: Site) -> None:
    for raw, words in NO_TABLES:
        assert words in await refused(site, csv(raw))


SPELLINGS: tuple[tuple[bytes, dict[str, str]], ...] = (
    ("\ufeffowner,template\r\nänne,gold\r\n".encode(), {}),
    ("owner;template\nänne;gold\n".encode("cp1252"), {"encoding": "cp1252", "delimiter": ";"}),
    ("owner\ttemplate\nänne\tgold".encode("utf-16"), {"encoding": "utf-16", "delimiter": "\t"}),
    ('"owner","template"\n"änne","gold"\n'.encode(), {}),
)


async def test_spellings(site: Site) -> None:
    """The same owner and the same row, however the table is spelled."""
    done = await bring_in(site, jsonl([{"owner": "änne", "template": "gold"}]))
    assert done.findings == [] and done.tally.characters == 1
    for raw, options in SPELLINGS:
        again = await bring_in(site, csv(raw, **options))
        assert again.findings == [] and again.tally.repeated == 1


async def test_lines_of_json(site: Site) -> None:
    lines = [
        b'\xef\xbb\xbf{"owner": 7, "template": "gold", "quantity": 3}',
        b"[1]",
        b"{",
        b'{"owner": "a", "template": "gold", "quantity": "x" }',
        b'{"owner": "a", "template": "gold", "quantity": 2.5 }',
        b'{"owner": "a", "template": "gold", "quantity": null }',
        b'{"owner": ["a"], "template": "gold", "place": {"a": 1}}',
        b'{"owner": "a", "template": "\\ud800"}',
        b'{"owner": "' + b"a" * 1_100_000 + b'"}',
        b"",
        b'{"owner": "7", "template": "gold", "bound": false, "more": {}}',
    ]
    source = jsonl([])
    source._file.write(b"\n".join(lines))
    source._file.seek(0)
    done = await bring_in(site, source)
    assert [(row, field) for row, field, _ in problems(done)] == [
        (2, None),
        (3, None),
        (4, "quantity"),
        (5, "quantity"),
        (6, "quantity"),
        (8, None),
        (9, None),
        (7, None),
    ]
    assert done.findings[-1].code == "UNKNOWN_CONTAINER"
    assert done.tally.characters == 2
    assert done.tally.left_aside == ("more",)


async def test_from_the_studios_own_database(
    site: Site, servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    url = await servers.empty_database()
    connection = await asyncpg.connect(url)
    await connection.execute("""
        CREATE TABLE players (id bigint PRIMARY KEY, nick text, "LVL" int, guid uuid);
        CREATE TABLE bags (player_id bigint, item text, amount numeric, slot int);
        INSERT INTO players VALUES (1, 'Ann "the axe"', 5), (2, 'Ben', 1), (3, 'Cleo', 9);
        INSERT INTO bags VALUES (1, 'dagger', 1, 3), (2, 'gold', 77, NULL), (1, 'potion', 9, 0),
            (1, 'gold', 1.5, NULL);
    """)
    query = (
        'SELECT p.id AS "player id", nick AS name, "LVL" AS level, item AS template, amount AS quantity,'
        " guid, CASE WHEN slot IS NOT NULL THEN 'bag:' || slot END AS place"
        " FROM players p LEFT JOIN bags ON player_id = p.id ORDER BY p.id, slot -- all of them;"
    )
    done = await bring_in(site, SqlSource(url, query, {"owner": "player id"}))
    assert problems(done) == [(3, "quantity", WHOLE)]
    assert done.tally.became == {"rejected": 1, "placed": 3, "owner only": 1}
    assert done.tally.characters == 3 and done.tally.left_aside == ["guid"]
    async with site.gateway() as gateway:
        names = {one.name: one.actor.level for one in await gateway.characters(None, None, 10)}
        assert names == {"Tess": 1, 'Ann "the axe"': 5, "Ben": 1, "Cleo": 9} | {"Tess": names["Tess"]}
    # Not of a gateway that stops: what it was about in the background may be cut off anywhere.
    caplog.clear()
    for bad, words in (
        ("SELECT 1 AS owner", "no column 'template'"),
        ("SELEC 1", "refuses the query"),
        ("SELECT * FROM nothing", "refuses the query"),
        ("DELETE FROM bags RETURNING player_id AS owner, item AS template", "refuses the query"),
        ("SELECT 1 AS owner, 2 AS template) AS x; DROP TABLE bags; --", "refuses the query"),
        ("SELECT setval('s', 1) AS owner, 2 AS template", "refuses the query"),
    ):
        with pytest.raises(ImportRefused, match=words):
            await bring_in(site, SqlSource(url, bad, {}))
    with pytest.raises(ImportRefused, match="URL"):
        await bring_in(site, SqlSource("what://", "SELECT 1", {}))
    with pytest.raises(ImportRefused, match=r"sslrootcert: /nowhere/ca\.pem cannot be read"):
        await bring_in(site, SqlSource("postgresql://h/x?sslrootcert=/nowhere/ca.pem", "SELECT 1", {}))
    assert await connection.fetchval("SELECT count(*) FROM bags") == 4
    assert "active transaction" not in caplog.text
    await connection.close()


async def test_an_order_that_cannot_be(site: Site, tmp_path: object) -> None:
    url = site.settings.database_url
    with pytest.raises(ImportRefused, match="the ruleset has no container 'attic'; it has bag, bank"):
        async with moving_in(url, site.ruleset, Options(overflow="attic")):
            pass
    connection = await asyncpg.connect(url)
    await connection.execute("TRUNCATE catalogs, item_templates CASCADE")
    await connection.close()
    with pytest.raises(ImportRefused, match="there is no item catalog"):
        async with moving_in(url, site.ruleset, Options()):
            pass


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("old,new\na,b,c\n", "line 2: expected two fields"),
        ("a,b\na,c\n", "line 2: 'a' is there already, as 'b'"),
        ('a,"b\n', "line 1: unexpected end of data"),
    ],
)
def test_maps_that_are_none(text: str, words: str, tmp_path: object) -> None:
    path = tmp_path / "map.csv"  # type: ignore[operator]
    path.write_text(text)
    with pytest.raises(ImportRefused, match=words):
        read_template_map(path)


async def test_one_who_has_far_too_much(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persistence.moving_in.judge.ITEMS_MAX", 50)
    monkeypatch.setattr("persistence.moving_in.gathering.ITEMS_MAX", 60)
    rows = [{"owner": "hoarder", "template": "dagger", "quantity": 1} for _ in range(80)]
    rows.append({"owner": "other", "template": "dagger", "quantity": 10**12})
    done = await bring_in(site, jsonl(rows))
    codes = {(one.outcome, one.code): 0 for one in done.findings}
    assert codes.keys() >= {("rejected", "INVENTORY_TOO_LARGE"), ("rejected", "INVALID_QUANTITY")}
    assert done.tally.became == {"placed": 20, "overflowed": 30, "rejected": 31}
    assert done.tally.items == 50 + 200
    await site.audit()
