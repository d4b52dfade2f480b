"""The tutorial, done as it stands there: its files written, its commands run, what it prints compared."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.serving import TOKEN, Serving

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(?:^`([\w.]+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVE = "HAVERSACK_RULESET=game.toml haversack serve\n"


def _until_noticed(url: str) -> None:
    """Wait for the catalog as the tutorial says a server notices it."""
    asked = urllib.request.Request(f"{url}/v1/items/oar", headers={"Authorization": f"Bearer {TOKEN}"})
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(asked, timeout=10).close()
        except urllib.error.HTTPError as error:
            assert error.code == 404 and time.monotonic() < deadline, error
            time.sleep(0.05)
        else:
            return


def test_the_tutorial_as_it_stands(tmp_path: Path) -> None:
    text = (ROOT / "docs/tutorial.md").read_text("utf-8")
    # What sets up the program is what `make` has done already.
    blocks = BLOCK.findall(text.partition("\n## Rules\n")[2])
    env = {name: value for name, value in os.environ.items() if not name.startswith("HAVERSACK_")}
    env |= {
        "PATH": f"{Path(sys.executable).parent}:{env['PATH']}",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}",
        "HAVERSACK_DATA_DIR": str(tmp_path / ".haversack"),
        "TOKEN": TOKEN,
    }
    service: Serving | None = None
    said, ran = "", 0
    try:
        for file, language, block in blocks:
            if file:
                (tmp_path / file).write_text(block)
            elif language == "sh" and block == SERVE:
                ruleset = {"HAVERSACK_RULESET": str(tmp_path / "game.toml")}
                service = Serving(tmp_path / "log", env=env | ruleset)
                env["URL"] = service.url
            elif language == "sh":
                # One block begins where the one before it ended.
                script = f"set -euo pipefail\n[ ! -e .env ] || . ./.env\n{block}\nexport -p > .env\n"
                done = subprocess.run(
                    ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
                )
                assert done.returncode == 0, f"{block}{done.stdout}{done.stderr}"
                if "catalog import" in block:
                    assert service is not None
                    _until_noticed(service.url)
                said, ran = done.stdout, ran + 1
            else:
                assert said.startswith(block), said
        assert service is not None and service.stop() == 0
    finally:
        if service is not None:
            service.__exit__(None, None, None)
    assert ran == 4 and said.endswith("All invariants hold.\n")
