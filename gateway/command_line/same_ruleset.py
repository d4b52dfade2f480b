"""A command that moves items by the rules is not run under others than the game's."""

from typing import Final

from engine.ruleset import Ruleset
from engine.shipped import read_ruleset, shipped_rulesets
from gateway.configuration.settings import SettingsError
from persistence.desk.desk import Desk

_WHERE: Final = {
    "session": "its session stands",
    "sessions": "characters are played",
    "catalog": "the catalog was imported",
}


async def check_ruleset(desk: Desk, char_id: str, name: str, ruleset: Ruleset) -> None:
    """Raise ``SettingsError`` where the character is played under another than ``ruleset``.

    ``name`` is what the settings call it. Where nothing tells under which ruleset it is, nothing is refused.
    """
    standing = await desk.standing(char_id)
    if not standing.hashes or ruleset.hash in standing.hashes:
        return
    raise SettingsError(
        [
            f"this command judges by the ruleset {name} ({ruleset.hash}), but {_WHERE[standing.of]} under"
            f" {' and '.join(sorted(map(_named, standing.hashes)))}: valid items might be moved. Nothing was"
            " done. Set HAVERSACK_RULESET as it is set for `serve`; or, where that has changed since, give"
            " --any-ruleset"
        ]
    )


def _named(of: str) -> str:
    """A hash, with its name where it is one of those that are shipped."""
    names = [name for name in shipped_rulesets() if read_ruleset(name).hash == of]
    return f"{names[0]} ({of})" if names else of
