"""What is wrong with a ruleset: where, in which words, and what was probably meant."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass

from engine.checking.toml_lines import KeyPath, quoted, written
from engine.ruleset_file import RulesetFile

_SHOWN_WORDS = 12


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong, or worth a hint.

    ``first``: where the thing that stands twice stands first. ``needs``: what else the judgement
    rests on; where that is itself of a wrong shape, the fault may be none.
    """

    where: KeyPath
    message: str
    first: KeyPath | None = None
    needs: tuple[KeyPath, ...] = ()

    @property
    def path(self) -> str:
        """Where it is in the file, by number: ``slots[3].displaces[0]``."""
        return written(self.where)

    def key(self, source: RulesetFile) -> str:
        """Where it is in words: ``slots.two_hand.displaces``; the message quotes the word itself."""
        match self.where:
            case ("slots" | "containers" | "limit_groups" | "state_rules" as section, int(number), *rest):
                name = _name(source, section, number)
                head: KeyPath = (section, name) if name else (section, number)
            case _:
                head, rest = (), list(self.where)
        if rest and isinstance(rest[-1], int):
            rest = rest[:-1]
        return written((*head, *rest))


def meant(word: str, known: Collection[str]) -> str | None:
    """The known word that this one is probably a misspelling of."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def suggestion(word: str, known: Collection[str], where: str) -> str:
    """The end of a message about an unknown word: the one that was meant, or those that there are."""
    if (near := meant(word, known)) is not None:
        return did_you_mean(near)
    return f"; there are {listed(known)}" if known else f"; there are none in {where}"


def did_you_mean(word: str) -> str:
    """The end of a message that knows better."""
    return f"; did you mean {quoted(word)}?"


def listed(words: Collection[str]) -> str:
    """Words with commas, the first dozen of them."""
    return ", ".join(list(words)[:_SHOWN_WORDS]) + (", …" if len(words) > _SHOWN_WORDS else "")


def _name(source: RulesetFile, section: str, number: int) -> str:
    """The name of an entry; nothing where entries were not a list at all."""
    match section:
        case "slots":
            names = [slot.name for slot in source.slots]
        case "containers":
            names = [container.name for container in source.containers]
        case "limit_groups":
            names = [group.name for group in source.limit_groups]
        case _:
            names = [rule.state for rule in source.state_rules]
    return names[number] if number < len(names) else ""
