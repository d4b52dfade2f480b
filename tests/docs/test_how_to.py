"""The snippets of the ten common tasks, run one after the other against a served gateway."""

import ast
import re
import textwrap
from pathlib import Path
from typing import Any

from haversack_client import Consume, Equip, Grant, Haversack, Refused
from tests.servers import Servers
from tests.serving import TOKEN, serving

PAGE = Path(__file__).parents[2] / "docs/how-to.md"
SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_the_snippets_as_they_stand(servers: Servers, database_url: str, tmp_path: Path) -> None:
    code = textwrap.indent("".join(SNIPPET.findall(PAGE.read_text("utf-8"))), "    ")
    names: dict[str, Any] = {
        "Consume": Consume, "Equip": Equip, "Grant": Grant, "Refused": Refused,
    }  # fmt: skip
    said: list[str] = []
    names["print"] = lambda *words: said.append(" ".join(map(str, words)))
    exec(compile(ast.parse(f"async def play(client, hero):\n{code}"), str(PAGE), "exec"), names)
    env = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    with serving(tmp_path / "log", "--demo", env=env) as service:
        async with Haversack(service.url, TOKEN) as client:
            made = await client.create_character(name="Wanderer", level=3)
            await names["play"](client, client.character(made.char_id))
        assert service.stop() == 0
    assert "LEVEL_TOO_LOW" in said[0]
    assert said[1].endswith("caps stay on the ground") and int(said[1].split()[0]) > 0
