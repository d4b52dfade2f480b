"""Schemathesis finds nothing: all operations, all checks, the same cases each time."""

import re
from pathlib import Path

from tests.openapi.campaign import run
from tests.servers import Servers
from tests.serving import serving

SEED = 20
EXAMPLES = 2


def test_it_finds_nothing(servers: Servers, database_url: str, tmp_path: Path) -> None:
    env = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    with serving(tmp_path / "log", "--demo", env=env) as process:
        output = run(process.url, tmp_path / "home", seed=SEED, examples=EXAMPLES)
        assert process.process.poll() is None
    counts = re.findall(r"^  (?:Selected: (\d+)/(\d+)|Tested: (\d+))$", output, re.MULTILINE)
    (selected, of_all, _), (_, _, tested) = counts
    assert selected == of_all == tested
    assert "No issues found" in output and "❌" not in output
    assert "Traceback" not in (tmp_path / "log").read_text()
