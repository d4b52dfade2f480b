"""What is wrong with a ruleset whose shape is right: words, names and numbers that do not go together."""

from collections.abc import Collection, Iterator, Sequence

from engine.checking.fault import Fault, suggestion
from engine.checking.toml_lines import KeyPath, quoted
from engine.facts import UNKNOWN_KIND
from engine.ruleset_file import ContainerEntry, RulesetFile, SlotEntry

# The paper doll, taken as a container.
EQUIPMENT = "equipment"


def faults(source: RulesetFile) -> list[Fault]:
    """All that is wrong, section by section; empty for a ruleset that can be used.

    ``source`` may hold what its types do not allow, as a file with other faults is read.
    """
    return [
        *_vocabularies(source),
        *_carry(source),
        *_names(source),
        *(fault for number, slot in enumerate(source.slots) for fault in _slot(source, number, slot)),
        *(
            fault
            for number, entry in enumerate(source.containers)
            for fault in _container(source, number, entry)
        ),
        *_limit_groups(source),
        *_state_rules(source),
        *_placement(source),
    ]


def _vocabularies(source: RulesetFile) -> Iterator[Fault]:
    yield from _repeated(("actor", "classes"), source.actor.classes)
    yield from _repeated(("actor", "attributes"), source.actor.attributes)
    yield from _repeated(("actor", "states"), source.actor.states)
    yield from _repeated(("items", "kinds"), source.items.kinds)
    yield from _repeated(("items", "tags"), source.items.tags)
    if not source.items.kinds:
        yield Fault(("items", "kinds"), "is empty; every item has a kind, so there must be one at least")
    for number, kind in enumerate(source.items.kinds):
        if kind == UNKNOWN_KIND:
            yield Fault(
                ("items", "kinds", number),
                f"{quoted(kind)} is the kind of items without a template; choose another name",
            )


def _carry(source: RulesetFile) -> Iterator[Fault]:
    carry = source.carry
    yield from _growth(source, ("carry",), carry.attribute, carry.per_point, "the carry weight")


def _names(source: RulesetFile) -> Iterator[Fault]:
    """Each entry has a name of its own; a state has one rule."""
    yield from _repeated(("slots",), [slot.name for slot in source.slots], "name")
    yield from _repeated(("containers",), [container.name for container in source.containers], "name")
    yield from _repeated(("limit_groups",), [group.name for group in source.limit_groups], "name")
    yield from _repeated(("state_rules",), [rule.state for rule in source.state_rules], "state")
    for number, container in enumerate(source.containers):
        if container.name == EQUIPMENT:
            yield Fault(
                ("containers", number, "name"),
                f"{quoted(EQUIPMENT)} is the name of the paper doll; choose another one",
            )


def _slot(source: RulesetFile, number: int, slot: SlotEntry) -> Iterator[Fault]:
    at: KeyPath = ("slots", number)
    slots = [entry.name for entry in source.slots]
    for index, group in enumerate(slot.groups):
        if group in slots:
            yield Fault((*at, "groups", index), f"{quoted(group)} is the name of a slot; choose another one")
    yield from _repeated((*at, "groups"), slot.groups)
    yield from _displaced(source, at, slot, slots)
    yield from _words(source, (*at, "locked_while"), slot.locked_while, "actor", "states")
    yield from _words(source, (*at, "requires", "classes"), slot.requires.classes, "actor", "classes")
    for name in slot.requires.attributes:
        yield from _word(source, (*at, "requires", "attributes", name), name, "actor", "attributes")
    yield from _words(source, (*at, "requires_for"), slot.requires_for, "items", "kinds")


def _displaced(source: RulesetFile, at: KeyPath, slot: SlotEntry, slots: Sequence[str]) -> Iterator[Fault]:
    yield from _repeated((*at, "displaces"), slot.displaces)
    for index, name in enumerate(slot.displaces):
        where = (*at, "displaces", index)
        members = [entry.name for entry in source.slots if name in entry.groups]
        if name == slot.name:
            yield Fault(
                where, f"{quoted(name)} is this slot itself, which holds one item anyway; leave it out"
            )
        elif name not in slots and members:
            yield Fault(where, f"{quoted(name)} is a group; name its slots: {', '.join(members)}")
        elif name not in slots:
            yield _undeclared(where, name, slots, ("slots",), "name")


def _container(source: RulesetFile, number: int, entry: ContainerEntry) -> Iterator[Fault]:
    at: KeyPath = ("containers", number)
    yield from _words(source, (*at, "kinds"), entry.kinds, "items", "kinds")
    yield from _words(source, (*at, "tags"), entry.tags, "items", "tags")
    yield from _words(source, (*at, "locked_while"), entry.locked_while, "actor", "states")
    yield from _words(source, (*at, "open_while"), entry.open_while, "actor", "states")
    if entry.kind == "slots":
        yield from _growth(source, at, entry.attribute, entry.per_point, "the slots")
        return
    for key, value in (
        ("capacity", entry.capacity),
        ("attribute", entry.attribute),
        ("per_point", entry.per_point),
    ):
        if value:
            yield Fault(
                (*at, key),
                f'a {entry.kind} has room without end; leave it out, or make the kind "slots"',
                needs=((*at, "kind"),),
            )


def _growth(
    source: RulesetFile, at: KeyPath, attribute: str | None, per_point: int, what: str
) -> Iterator[Fault]:
    """``attribute`` and ``per_point`` go together."""
    both = ((*at, "attribute"), (*at, "per_point"))
    if attribute is not None:
        yield from _word(source, (*at, "attribute"), attribute, "actor", "attributes")
        if not per_point:
            yield Fault(both[0], f"adds nothing without per_point, {what} that each point adds", needs=both)
    elif per_point:
        yield Fault(both[1], "adds nothing without attribute, whose points it multiplies", needs=both)


def _limit_groups(source: RulesetFile) -> Iterator[Fault]:
    for number, group in enumerate(source.limit_groups):
        if group.max_carried is None and group.max_equipped is None:
            yield Fault(("limit_groups", number), "limits nothing; give it max_carried or max_equipped")


def _state_rules(source: RulesetFile) -> Iterator[Fault]:
    for number, rule in enumerate(source.state_rules):
        at: KeyPath = ("state_rules", number)
        yield from _word(source, (*at, "state"), rule.state, "actor", "states")
        yield from _repeated((*at, "forbids"), rule.forbids)
        yield from _words(source, (*at, "exempt_kinds"), rule.exempt_kinds, "items", "kinds")
        yield from _words(source, (*at, "exempt_tags"), rule.exempt_tags, "items", "tags")


def _placement(source: RulesetFile) -> Iterator[Fault]:
    auto, overflow = source.placement.auto, source.placement.overflow
    # Of two containers with one name, the first counts: that there are two is told elsewhere.
    numbers: dict[str, int] = {}
    for number, entry in enumerate(source.containers):
        numbers.setdefault(entry.name, number)
    kinds = {name: source.containers[number].kind for name, number in numbers.items()}
    if not auto:
        yield Fault(("placement", "auto"), "is empty; name a container where new items go")
    yield from _repeated(("placement", "auto"), auto)
    for number, name in enumerate(auto):
        where: KeyPath = ("placement", "auto", number)
        if name not in kinds:
            yield _undeclared(where, name, kinds, ("containers",), "name")
        elif kinds[name] == "mailbox":
            yield Fault(
                where,
                f"{quoted(name)} is a mailbox, which would never be full; name it as overflow, not in auto",
                needs=(("containers", numbers[name], "kind"),),
            )
    if overflow is None:
        return
    where = ("placement", "overflow")
    if overflow not in kinds:
        yield _undeclared(where, overflow, kinds, ("containers",), "name")
    elif kinds[overflow] != "mailbox":
        yield Fault(
            where,
            f"{quoted(overflow)} is not a mailbox but of kind {kinds[overflow]}, and may be full itself; "
            "name a container of kind mailbox",
            needs=(("containers", numbers[overflow], "kind"),),
        )


def _words(
    source: RulesetFile, where: KeyPath, words: Sequence[str], section: str, key: str
) -> Iterator[Fault]:
    """Words that must be declared under ``key`` of ``section``, each of them once."""
    yield from _repeated(where, words)
    for number, word in enumerate(words):
        yield from _word(source, (*where, number), word, section, key)


def _word(source: RulesetFile, where: KeyPath, word: str, section: str, key: str) -> Iterator[Fault]:
    known: tuple[str, ...] = getattr(getattr(source, section), key)
    if word not in known:
        yield _undeclared(where, word, known, (section, key))


def _undeclared(where: KeyPath, word: str, known: Collection[str], declared: KeyPath, *name: str) -> Fault:
    """``declared`` leads to the known words, or with ``name`` to the entries that have them there."""
    place = f"[[{declared[0]}]]" if name else f"[{declared[0]}] {declared[1]}"
    each = ((*declared, number, *name) for number in range(len(known)))
    message = f"{quoted(word)} is not declared in {place}{suggestion(word, known, place)}"
    return Fault(where, message, needs=(declared, *each))


def _repeated(where: KeyPath, words: Sequence[str], *name: str) -> Iterator[Fault]:
    """Words that stand twice in the list at ``where``, or in ``name`` of its entries."""
    seen: dict[str, int] = {}
    for number, word in enumerate(words):
        first = seen.setdefault(word, number)
        if first != number:
            before = (*where, first, *name)
            yield Fault((*where, number, *name), f"{quoted(word)} stands twice", before, needs=(before,))
