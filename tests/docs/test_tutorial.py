"""The tutorial, done as it stands there: its files written, its commands run, what it prints compared."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.serving import TOKEN, Serving

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(?:^`([\w.]+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVE = "HAVERSACK_RULESET=game.toml haversack serve\n"


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
                said, ran = done.stdout, ran + 1
            else:
                assert said.startswith(block), said
        assert service is not None and service.stop() == 0
    finally:
        if service is not None:
            service.__exit__(None, None, None)
    assert ran == 4 and said.endswith("All invariants hold.\n")
