"""`haversack character …`: beside two that serve, and as a process alone on a data directory."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis

from gateway.command_line.character_arguments import at
from persistence.demo.content import demo_characters
from persistence.desk.restore import At
from tests.commands import command, without_log
from tests.servers import Servers
from tests.serving import TOKEN, serving

HEDDA = demo_characters()[0].char_id
NOBODY = "00000000-0000-4000-8000-00000000dead"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Console:
    """Where the commands are run."""

    env: dict[str, str]

    def character(self, *arguments: str, status: int = 0, typed: str = "") -> str:
        """Run one; its output and its errors, without lines of the log."""
        ran = command(self.env, "character", *arguments, typed=typed.encode())
        said = without_log(ran.output + ran.errors)
        assert ran.status == status, said
        return said

    def process(self, *arguments: str, status: int = 0) -> str:
        """As ``character``, in a process of its own."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HAVERSACK_")}
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", "character", *arguments],
            env=environ | self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stdout
        return without_log(done.stdout)


@pytest.fixture
async def console(servers: Servers) -> Console:
    with redis.Redis.from_url(servers.redis.url) as client:
        client.flushall()
    return Console(
        {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": await servers.fresh_database()}
    )


async def call(http: aiohttp.ClientSession, method: str, path: str, **body: Any) -> Any:
    async with http.request(method, f"/v1/characters/{HEDDA}{path}", json=body or None) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.json()


async def items(http: aiohttp.ClientSession) -> Any:
    return sorted((await call(http, "GET", "/inventory"))["items"], key=lambda item: item["item_id"])


async def test_looked_at_and_brought_back_beside_two_who_serve(console: Console, tmp_path: Path) -> None:
    env = console.env
    with (
        serving(tmp_path / "first", "--demo", env=env) as one,
        serving(tmp_path / "second", "--demo", env=env) as two,
    ):
        async with (
            aiohttp.ClientSession(one.url, headers=HEADERS) as http,
            aiohttp.ClientSession(two.url, headers=HEADERS) as other,
        ):
            before = await items(http)
            start = (await call(http, "GET", ""))["seq"]
            (coin,) = (await call(http, "POST", "/inventory/grant", template_id="gold_coin", quantity=3))[
                "changes"
            ]["changed"]
            (sword,) = [i for i in before if i["template_id"] == "iron_sword"]
            await call(other, "POST", "/inventory/drop", item_id=sword["item_id"])

            told = console.character("history", HEDDA, "--after-seq", str(start))
            assert re.search(rf"^seq {start + 1}  20\d\d-\d\d-\d\d .*Z  by service$", told, re.MULTILINE)
            assert "\n    grant 3 gold_coin\n    +3 gold_coin wallet\n" in told
            assert "\n    drop iron_sword\n    -1 iron_sword equipment:main_hand\n" in told
            document = json.loads(console.character("history", HEDDA, "--after-seq", str(start), "--json"))
            assert [entry["seq"] for entry in document["entries"]] == [start + 1, start + 2]
            assert (document["quarantined"], document["cursor"], document["incidents"]) == (None, None, [])
            assert "There is more: --after-seq 1\n" in console.character("history", HEDDA, "--limit", "1")

            other_rules = Console(env | {"HAVERSACK_RULESET": "tabletop"})
            for name, *options in (("restore", "--at", str(start)), ("repair",)):
                refused = other_rules.character(name, HEDDA, *options, "--yes", status=2)
                assert "by the ruleset tabletop (" in refused
                assert "but its session stands under haversack (" in refused
            assert "is not quarantined" in console.character("repair", HEDDA, "--yes", status=1)

            shown = console.character("restore", HEDDA, "--at", str(start), status=1)
            assert f"  +1 iron_sword equipment:main_hand  ({sword['item_id']})\n" in shown
            assert f"  -3 gold_coin wallet  ({coin['item_id']})\n" in shown
            assert shown.endswith("Say --yes to do it.\nNothing was done.\n")
            assert console.character("restore", HEDDA, "--at", str(start), status=1, typed="yes\n") == shown
            assert (await call(http, "GET", ""))["seq"] == start + 2, "nothing but a look"

            done = console.character(
                "restore", HEDDA, "--at", str(start), "--yes", "--by", "tess", "--reason", "she was robbed"
            )
            assert done == shown.replace(
                "Say --yes to do it.\nNothing was done.\n",
                f"Done: what {HEDDA} had after seq {start} is its seq {start + 3}.\n",
            )
            assert await items(http) == before == await items(other)
            entry = (await call(other, "GET", f"/inventory/journal?after_seq={start + 2}"))["entries"][0]
            assert entry["by"] == "operator tess"
            assert entry["commands"] == [{"op": "restore", "at_seq": start, "reason": "she was robbed"}]
            again = console.character("restore", HEDDA, "--at", str(start), "--yes")
            assert again == f"{HEDDA} has what it had after seq {start}: there is nothing to do.\n"
            assert (await call(http, "POST", "/inventory/lock", item_id=sword["item_id"]))["seq"] == start + 4


async def test_quarantined_released_and_repaired(console: Console, tmp_path: Path) -> None:
    with serving(tmp_path / "log", "--demo", env=console.env) as service:
        async with aiohttp.ClientSession(service.url, headers=HEADERS) as http:
            assert console.character("quarantined") == "No character is quarantined.\n"
            start = (await call(http, "GET", ""))["seq"]
            await call(http, "POST", "/inventory/grant", template_id="iron_sword", quantity=1)
            await call(http, "POST", "/session/save")
            async with http.post("/v1/characters", json={}) as reply:
                thief = (await reply.json())["char_id"]
            (sword, *_) = [i for i in await items(http) if i["template_id"] == "iron_sword"]
            await self_service(console, thief, sword["item_id"])
            async with http.post(
                f"/v1/characters/{HEDDA}/inventory/lock",
                json={"item_id": sword["item_id"]},
                headers={"Inventory-Durability": "durable"},
            ) as reply:
                assert reply.status in (409, 503), await reply.text()

            assert re.fullmatch(
                rf"{HEDDA} 'Hedda Stonefield': .*not this owner's\n", console.character("quarantined")
            )
            assert "\nQUARANTINED: " in console.character("history", HEDDA)
            refused = console.character("restore", HEDDA, "--at", "1", "--yes", status=1)
            assert "Release or repair it first" in refused
            released = console.character("release", HEDDA)
            assert released.startswith(f"{HEDDA} is released. It was quarantined: ")
            assert "is not quarantined" in console.character("release", HEDDA, status=1)
            async with http.post(f"/v1/characters/{HEDDA}/session") as reply:
                assert reply.status in (200, 201)
            async with http.post(f"/v1/characters/{HEDDA}/session/save") as reply:
                assert reply.status == 409, "the cause was not cured"

            shown = console.character("repair", HEDDA, status=1)
            assert (
                f"PostgreSQL is at seq {start + 1}, the session in Redis at {start + 2} (QUARANTINED).\n"
                in shown
            )
            assert "PostgreSQL does not have 1 entry of it, to be set aside:\n" in shown
            assert "lock iron_sword" in shown
            done = console.character("repair", HEDDA, "--yes")
            assert done.endswith(
                f"Done: {HEDDA} can be played again, as PostgreSQL has it, at seq {start + 1}.\n"
            )
            told = console.character("history", HEDDA, "--after-seq", str(start + 1))
            assert re.search(r"^Incident 1, .*: repaired: .*; 1 entry set aside$", told, re.MULTILINE)
            assert sword["item_id"] not in {item["item_id"] for item in await items(http)}
            assert (await call(http, "POST", "/inventory/grant", template_id="gold_coin", quantity=1))[
                "seq"
            ] == start + 2


async def self_service(console: Console, thief: str, item_id: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(console.env["HAVERSACK_DATABASE_URL"])
    await connection.execute("UPDATE items SET owner = $1 WHERE item_id = $2", thief, item_id)
    await connection.close()


def test_alone_on_a_data_directory(data_dir: Path, tmp_path: Path) -> None:
    """Beside the one that serves it by its sockets; and when nobody does, it starts the servers itself."""
    with serving(tmp_path / "log", "--demo", "--data-dir", str(data_dir)):
        beside = Console({}).process("history", HEDDA, "--data-dir", str(data_dir))
    console = Console({"HAVERSACK_DATA_DIR": str(data_dir)})
    alone = console.process("history", HEDDA)
    ledger = [line for line in alone.splitlines() if line.startswith(("seq", "    "))]
    assert len(ledger) > 6 and ledger == [
        line for line in beside.splitlines() if line.startswith(("seq", "    "))
    ]
    assert "Done: " in console.process("restore", HEDDA, "--at", "1", "--yes")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("history", "hedda"), "which is a UUID"),
        (("history", HEDDA, "--limit", "0"), "a whole number from 1"),
        (("history", HEDDA, "--after-seq", "-1"), "a whole number from 0"),
        (("restore", HEDDA), "--at"),
        (("restore", HEDDA, "--at", "yesterday"), "expected a seq, or a time"),
        (("restore", HEDDA, "--at", "1", "--by", "a b"), "without a space"),
        (("restore", HEDDA, "--at", "1", "--reason", "\x1b[2J"), "that can be shown"),
    ],
)
def test_misused(arguments: tuple[str, ...], words: str) -> None:
    assert words in Console({}).character(*arguments, status=2)


async def test_nobody(console: Console) -> None:
    restore = ("restore", "--at", "1", "--yes")
    for name, *options in (("history",), restore, ("release",), ("repair", "--yes")):
        said = console.character(name, NOBODY, *options, status=1)
        assert f"character {NOBODY} does not exist" in said


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0", At(seq=0)),
        ("20260131", At(seq=20260131)),
        ("2026-01-31T18:00", At(time_ms=1_769_882_400_000)),
        ("2026-01-31 18:00:00.123456Z", At(time_ms=1_769_882_400_123)),
        ("2026-01-31T18:00+02:00", At(time_ms=1_769_875_200_000)),
        ("2026-01-31", At(time_ms=1_769_817_600_000)),
    ],
)
def test_moments(text: str, moment: At) -> None:
    assert at(text) == moment
