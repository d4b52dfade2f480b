"""Two versions of the program and of the rules: the one that is here, and one that differs in both."""

import shutil
import sys
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("engine", "lua", "persistence", "gateway")
# How many slots the bag has: what is legal differs, and every reply says by which rules it was judged.
SLOTS = {"old": 20, "new": 24}


def ruleset(version: str, folder: Path) -> str:
    """The path of the version's ruleset."""
    text = files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8")
    path = folder / f"{version}.toml"
    path.write_text(text.replace("capacity = 20\n", f"capacity = {SLOTS[version]}\n", 1))
    return str(path)


def next_code(folder: Path) -> tuple[str, ...]:
    """The command line of the next version: a tree of its own, whose library has another name."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / "next" / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    with (folder / "next/lua/functions/session_probe.lua").open("a") as file:
        file.write("-- The next version.\n")
    begin = (
        f"import sys; sys.path.insert(0, {str(folder / 'next')!r});"
        " from gateway.cli import main; sys.exit(main())"
    )
    return sys.executable, "-c", begin
