"""A world out of a ruleset and dice: an actor, and templates that meet every rule the ruleset has.

Nothing here knows a game. Each slot, group, filter, limit group and growing container of the
ruleset gets templates; numbers lie around the values at which a rule begins to refuse.
"""

from msgspec import Struct
from msgspec.structs import replace

from engine.bounds import STACK_LIMIT_MAX, WEIGHT_MAX
from engine.facts import UNKNOWN_KIND, Facts, Grants, Requirements
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import Actor
from persistence.parity.dice import Dice

_STACK_LIMITS = (1, 2, 3, 5, 16, 20, 64, 99, 250, 1000, STACK_LIMIT_MAX)
# This one is left out where facts are written; an equal one stands there as an empty object.
_ASKS_NOTHING = Facts("", "").requires
NOT_A_NAME = "nowhere"


class World(Struct, frozen=True):
    """What one game is played with.

    ``templates`` are the catalog. ``palette`` names the
    few that most of the game is about, so that stacks meet. ``homes`` has the containers a move may
    put a template into, ``slots`` those it may be worn in. ``gone`` are templates that the catalog
    has lost, whose items are frozen. ``ballast`` weighs 1 and fills up what can be carried, where
    it weighs at all; ``opening`` are the states without which some container is closed.
    """

    ruleset: Ruleset
    actor: Actor
    templates: dict[str, Facts]
    palette: tuple[str, ...]
    homes: dict[str, tuple[str, ...]]
    slots: dict[str, tuple[str, ...]]
    gone: tuple[Facts, ...]
    places: tuple[str, ...]
    doll: tuple[str, ...]
    ballast: Facts
    opening: tuple[str, ...]


def make_world(ruleset: Ruleset, dice: Dice) -> World:
    """A new world; the same dice make the same one."""
    actor = make_actor(ruleset, dice)
    forge = _Forge(ruleset, actor, dice)
    forge.run()
    templates = forge.made
    gone = tuple(
        Facts(f"gone_{number}", UNKNOWN_KIND, destroyable=False, tradeable=False) for number in range(3)
    )
    return World(
        ruleset,
        actor,
        templates,
        tuple(dice.sample(list(templates), min(len(templates), 12 + dice.below(16)))),
        {name: forge.homes(facts) for name, facts in templates.items()},
        {name: ruleset.allowed_slots(facts) for name, facts in templates.items()},
        gone,
        (*ruleset.containers, EQUIPMENT, NOT_A_NAME),
        tuple(ruleset.slots),
        forge.ballast,
        opening_states(ruleset),
    )


def make_actor(ruleset: Ruleset, dice: Dice) -> Actor:
    """Somebody of middling size, in a state now and then."""
    words = ruleset.source.actor
    attributes = {
        name: dice.pick((1, 2, 3, 8, 12, 15, 20) if not dice.chance(0.06) else (-5, 0, 1000, 10**9))
        for name in words.attributes
        if dice.chance(0.9)
    }
    states = [state for state in opening_states(ruleset) if dice.chance(0.6)]
    states += dice.some(words.states, 1) if dice.chance(0.25) else ()
    return Actor(
        level=dice.pick((1, 5, 6, 20, 60)),
        class_=dice.pick(words.classes) if words.classes and dice.chance(0.9) else "",
        attributes=attributes,
        states=tuple(state for state in words.states if state in states),
    )


def opening_states(ruleset: Ruleset) -> tuple[str, ...]:
    """States that open a container which is closed without them."""
    states = {state for entry in ruleset.containers.values() for state in entry.open_while}
    return tuple(state for state in ruleset.source.actor.states if state in states)


class _Forge:
    """Makes templates, each for a purpose and with whatever else the dice give it."""

    def __init__(self, ruleset: Ruleset, actor: Actor, dice: Dice) -> None:
        self.made: dict[str, Facts] = {}
        self._ruleset, self._actor, self._dice = ruleset, actor, dice
        # In some worlds ids have all the signs that they may have.
        self._spelling = "{}_{}" if dice.chance(0.7) else "game:{}/v-1.{}"
        self._limit = max(1, ruleset.carry_limit(actor))
        self.ballast: Facts

    def run(self) -> None:
        for name in self._ruleset.members:
            self._wearable(name, (name,))
        for name, entry in self._ruleset.containers.items():
            for limit in self._dice.sample(_STACK_LIMITS, 3):
                self._in(name, limit)
            if entry.kind == "slots":
                extra = {name: self._dice.pick((1, 2, 3, 4, 8, 10_000 if self._dice.chance(0.1) else 6))}
                self._granting(Grants(extra, self._dice.pick((0, 0, self._limit // 4))))
        self._granting(Grants(carry_weight=self._limit // 5))
        for group in self._ruleset.limit_groups:
            self._add(replace(self._plain_wearable(group), limit_group=group))
            self._add(replace(self._plain(group, self._kind_anywhere()), stack_limit=5, limit_group=group))
        for use in ("keep", "consume"):
            self._add(
                replace(self._plain(use, self._kind_anywhere()), stack_limit=self._dice.pick((1, 5)), use=use)
            )
        self._homeless()
        kind, tags = self._kind_anywhere()
        self.ballast = replace(self._facts("ballast", kind), tags=tags, stack_limit=STACK_LIMIT_MAX, weight=1)
        self._add(self.ballast)

    def homes(self, facts: Facts) -> tuple[str, ...]:
        """The containers that a move may put the template into."""
        containers = self._ruleset.containers
        return tuple(
            name
            for name, entry in containers.items()
            if entry.kind != "mailbox" and self._ruleset.accepts(name, facts)
        )

    def _wearable(self, purpose: str, slots: tuple[str, ...]) -> None:
        dice = self._dice
        # Only where there is a second slot can a second one be too many.
        unique = 0.2 if len(self._ruleset.members[purpose]) == 1 else 0.5
        if dice.chance(0.25):
            slots = (*slots, dice.pick(tuple(self._ruleset.members)))
        kinds = {
            kind
            for slot in slots
            if slot in self._ruleset.slots
            for kind in self._ruleset.slots[slot].requires_for
        }
        facts = self._plain(purpose, self._kind_anywhere(), stack_limit=dice.pick((1, 1, 1, 5, 20)))
        if kinds and dice.chance(0.5):
            facts = replace(facts, kind=dice.pick(sorted(kinds)))
        self._add(replace(facts, slots=tuple(dict.fromkeys(slots)), unique_equipped=dice.chance(unique)))

    def _plain_wearable(self, purpose: str) -> Facts:
        slot = self._dice.pick(tuple(self._ruleset.members))
        return replace(self._plain(purpose, self._kind_anywhere()), slots=(slot,))

    def _granting(self, grants: Grants) -> None:
        self._add(replace(self._plain_wearable("grant"), grants=grants))

    def _in(self, container: str, limit: int) -> None:
        """A stackable that the container takes."""
        entry, dice = self._ruleset.containers[container], self._dice
        kind = dice.pick(entry.kinds or self._ruleset.source.items.kinds)
        facts = self._plain(
            container, (kind, (dice.pick(entry.tags),) if entry.tags else ()), stack_limit=limit
        )
        if dice.chance(0.2):
            facts = replace(facts, slots=dice.some(tuple(self._ruleset.members), 2))
        self._add(facts)

    def _homeless(self) -> None:
        """Something that no container takes, and something that auto-placement has no place for."""
        found = [self._facts("homeless", kind) for kind in self._ruleset.source.items.kinds]
        for facts in [facts for facts in found if not self.homes(facts)][:2] + [
            facts
            for facts in found
            if not any(self._ruleset.accepts(name, facts) for name in self._ruleset.auto)
        ][:2]:
            self._add(replace(facts, stack_limit=self._dice.pick((1, 5))))

    def _kind_anywhere(self) -> tuple[str, tuple[str, ...]]:
        """A kind, with tags, that some container of auto-placement takes: most things can be put away."""
        ruleset, dice = self._ruleset, self._dice
        if not ruleset.auto or dice.chance(0.1):
            return dice.pick(ruleset.source.items.kinds), dice.some(ruleset.source.items.tags, 2)
        entry = ruleset.containers[dice.pick(ruleset.auto)]
        return dice.pick(entry.kinds or ruleset.source.items.kinds), dice.some(entry.tags, 1)

    def _facts(self, purpose: str, kind: str) -> Facts:
        return Facts(self._spelling.format(purpose, len(self.made)), kind)

    def _plain(self, purpose: str, kind: tuple[str, tuple[str, ...]], *, stack_limit: int = 1) -> Facts:
        dice = self._dice
        tags = dict.fromkeys(
            (*kind[1], *(dice.some(self._ruleset.source.items.tags, 2) if dice.chance(0.3) else ()))
        )
        return Facts(
            self._spelling.format(purpose, len(self.made)),
            kind[0],
            tags=tuple(tags),
            stack_limit=stack_limit,
            weight=self._weight(stack_limit),
            requires=self._requirements() if dice.chance(0.3) else _ASKS_NOTHING,
            bind=dice.pick(("pickup", "equip")) if dice.chance(0.25) else "none",
            max_carried=dice.pick((1, 2, 3, 8, 40)) if dice.chance(0.12) else None,
            limit_group=dice.pick(tuple(self._ruleset.limit_groups))
            if self._ruleset.limit_groups and dice.chance(0.1)
            else None,
            use=dice.pick(("keep", "consume")) if dice.chance(0.2) else "none",
            sort_rank=dice.below(3),
            destroyable=not dice.chance(0.12),
            tradeable=not dice.chance(0.12),
            # Not by the dice, so that a seed plays what it played before there were such.
            retired=len(self.made) % 16 == 15,
        )

    def _weight(self, stack_limit: int) -> int:
        share = self._dice.pick((0, 0, 0, 600, 400, 200, 100, 60, 25, 8, 1))
        if share == 0:
            return self._dice.below(2)
        # Of a stack, not of one: else nobody could carry a second stack of small things.
        return min(WEIGHT_MAX, self._limit // (share * max(1, stack_limit // 2)) + self._dice.below(2))

    def _requirements(self) -> Requirements:
        dice, actor, words = self._dice, self._actor, self._ruleset.source.actor
        return Requirements(
            level=dice.near(actor.level) if dice.chance(0.4) else 0,
            classes=dice.some(words.classes, 3) if dice.chance(0.35) else (),
            attributes={
                name: dice.near(actor.attributes.get(name, 0))
                for name in dice.some(words.attributes, 2)
                if dice.chance(0.8)
            },
        )

    def _add(self, facts: Facts) -> None:
        self.made[facts.template_id] = facts
