"""The rulesets that come with the program, by name, and any other by its path."""

from importlib.resources import files
from pathlib import Path

from engine.ruleset import Ruleset, RulesetError, load_ruleset, parse_ruleset

SUFFIX = ".toml"


def shipped_rulesets() -> list[str]:
    """The names, sorted; each is its file's, without the suffix."""
    entries = (entry.name for entry in files("engine").joinpath("rulesets").iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in entries if name.endswith(SUFFIX))


def is_name(name_or_path: str) -> bool:
    """Whether it is a name and not a path: a path has a slash in it or ends in ``.toml``."""
    return "/" not in name_or_path and not name_or_path.endswith(SUFFIX)


def check_name(name_or_path: str) -> None:
    """Raise ``RulesetError``, which lists the names, for one that is none of them; paths pass."""
    if is_name(name_or_path) and name_or_path not in shipped_rulesets():
        names = ", ".join(shipped_rulesets())
        raise RulesetError(
            f"no such ruleset is shipped, only {names}; a path has a slash or ends in {SUFFIX}"
        )


def shipped_text(name: str) -> str:
    """The file of the shipped ruleset of that name; see ``check_name``."""
    return files("engine").joinpath("rulesets", name + SUFFIX).read_text("utf-8")


def read_ruleset(name_or_path: str) -> Ruleset:
    """The shipped ruleset of that name, or the one at that path; raises ``RulesetError``."""
    check_name(name_or_path)
    if is_name(name_or_path):
        return parse_ruleset(shipped_text(name_or_path))
    return load_ruleset(Path(name_or_path))
