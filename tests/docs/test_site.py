"""The site of docs/ can be built, and no link in it leads nowhere."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_is_built_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "mkdocs", "build", "--strict",
            "--config-file", "docs/site/mkdocs.yml", "--site-dir", str(tmp_path),
        ],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for page in ("index.html", "tutorial.html", "reference/api.html", "settings.html"):
        assert (tmp_path / page).is_file()
    # A page that fetched something would not be whole behind a studio's firewall.
    front = (tmp_path / "index.html").read_text("utf-8")
    assert 'src="http' not in front and 'href="https://fonts' not in front
