"""The examples of docs/http-api.md, run as they stand there, against the demo."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.servers import Servers
from tests.serving import TOKEN, serving

PAGE = Path(__file__).parents[2] / "docs/http-api.md"


def block(language: str) -> str:
    """The one block of a language in the section on many characters."""
    section = PAGE.read_text("utf-8").partition("\n## Many characters\n")[2].partition("\n## ")[0]
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return found


def run(*command: str, url: str) -> str:
    done = subprocess.run(
        command,
        env=os.environ | {"URL": url, "TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_do_what_they_show(servers: Servers, tmp_path: Path, database_url: str) -> None:
    env = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    with serving(tmp_path / "log", "--demo", env=env) as service:
        output = run("bash", "-c", block("sh"), url=service.url)
        told = re.sub(r"\s", "", output)
        begin = 0
        for piece in re.sub(r"\s", "", block("json")).split("…"):
            begin = told.find(piece, begin)
            assert begin >= 0, (piece, output)
        assert [reply.get("code") for reply in json.loads(output)["replies"]] == [None, "INSUFFICIENT_ITEMS"]
        # Run once more, it repeats what was done, and does nothing.
        for _ in range(2):
            lines = run(sys.executable, "-c", block("python"), url=service.url).splitlines()
            assert lines == ["0 done", "1 done", "2 done"]
