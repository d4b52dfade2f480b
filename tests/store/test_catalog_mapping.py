"""Mappings: what they make of foreign entries, and what of an entry cannot be taken."""

import msgspec
import pytest

from engine.facts import Facts
from persistence.items.catalog import Template, parse_entries
from persistence.items.catalog_source import ENTRY_BYTES_MAX, Entry
from persistence.mapping.mapping import read_mapping
from tests.store.mapper import LEAST, Mapper


def test_all_parts_in_their_order(mapper: Mapper) -> None:
    mapping = """
        keep = ["color", "stats"]
        [facts]
        template_id = "id"
        stack_limit = { from = "stack", default = 1 }
        requires.level = "level"
        [set]
        kind = "weapon"
        slots = ["hand"]
        grants.containers.quick = 2
        requires.level = 3
        requires.classes = ["mage"]
        [add]
        tags = ["blade", "magic"]
        [data]
        name = "title"
        color = "colour"
        text = "lore.en"
        stats.attack = "damage"
        [[rules]]
        when = { id = { glob = "*_staff" }, level = { above = 5 } }
        set = { slots = ["two_hand"], grants.containers.bag = 4, requires.attributes.intellect = 9 }
        add = { tags = ["magic", "staff"], slots = ["main_hand"] }
        data = { price = { from = "gold", scale = 100 } }
        [[rules]]
        when = { id = "old_staff" }
        facts = { stack_limit = "pieces", requires.attributes.wisdom = "wit" }
    """
    entry = """{"id": "old_staff", "stack": 7, "pieces": 2, "level": 6, "title": "Old Staff", "colour": "oak",
        "color": "brown", "stats": {"defence": 1.5}, "damage": 2.5, "gold": 0.25, "wit": 11, "junk": 1}"""
    assert mapper.one(mapping, entry) == Template(
        msgspec.convert(
            {
                "template_id": "old_staff",
                "kind": "weapon",
                "tags": ["blade", "magic", "staff"],
                "slots": ["two_hand", "main_hand"],
                "stack_limit": 2,
                "requires": {"level": 6, "classes": ["mage"], "attributes": {"intellect": 9, "wisdom": 11}},
                "grants": {"containers": {"quick": 2, "bag": 4}},
            },
            Facts,
        ),
        {
            "name": "Old Staff",
            "color": "oak",
            "stats": {"defence": 1.5, "attack": 2.5},
            "price": 25,
        },
    )
    plainer = mapper.one(mapping, '{"id": "stick", "level": 5, "stats": 7, "damage": 1}')
    assert plainer.facts.slots == ("hand",) and plainer.facts.tags == ("blade", "magic")
    assert plainer.data == {"stats": {"attack": 1}}, "what was kept is no object, and gives way"


def test_entries_do_not_share_what_they_are_made_of(mapper: Mapper) -> None:
    mapping = (
        LEAST
        + """
        tags = ["blade"]
        [[rules]]
        when = { id = "a" }
        set = { requires.attributes.wisdom = 1 }
        add = { tags = ["magic"] }
    """
    )
    one, other = mapper.map(mapping, '{"id": "a"}', '{"id": "b"}')
    assert one.facts.tags == ("blade", "magic") and one.facts.requires.attributes == {"wisdom": 1}
    assert other.facts.tags == ("blade",) and other.facts.requires.attributes == {}


def test_keeping_everything_keeps_numbers_as_they_were(mapper: Mapper) -> None:
    entry = '{"id": "a", "x": [0.1, 2, null, {"y": 1e3}], "big": 1180591620717411303424}'
    data = mapper.one('keep = "all"\n' + LEAST, entry).data
    assert data == {"id": "a", "x": [0.1, 2, None, {"y": 1000.0}], "big": 2**70}
    assert [type(number) for number in data["x"][:2]] == [float, int]


def test_skipped_entries_make_nothing_and_are_not_judged(mapper: Mapper) -> None:
    mapping = LEAST + '[[rules]]\nwhen = { id = ["air", "void"] }\nskip = true\n'
    templates = mapper.map(mapping, '{"id": "air"}', '{"id": "a"}', '{"id": "air"}', "", '{"id": "void"}')
    assert [template.facts.template_id for template in templates] == ["a"]


@pytest.mark.parametrize(
    ("field", "entry", "weight"),
    [
        ('"w"', '"w": 3', 3),
        ('"w"', '"w": 3.0', 3),
        ('"w"', '"w": 3e2', 300),
        ('{ from = "w", scale = 100 }', '"w": 0.29', 29),
        ('{ from = "w", scale = 0.1 }', '"w": 30', 3),
        ('{ from = "w", scale = 100, per = "n" }', '"w": 1.5, "n": 20, "x": 1', None),
        ('{ from = "w", scale = 100, per = "n", round = "up" }', '"w": 1.5, "n": 20', 8),
        ('{ from = "w", scale = 100, per = "n", round = "down" }', '"w": 1.5, "n": 20', 7),
        ('{ from = "w", scale = 100, per = "n", round = "nearest" }', '"w": 1.5, "n": 20', 8),
        ('{ from = "w", round = "nearest" }', '"w": 7.49', 7),
        ('{ from = "w", per = "n" }', '"w": 7', 7),
        ('{ from = "w", per = "n" }', '"w": 1.5, "n": 0.5', 3),
        ('{ from = "w", scale = 10, default = 4 }', '"w": null', 4),
        ('{ from = "a.b.c", default = 4 }', '"a": {"b": 7}', 4),
        ('"a.b"', '"a": {"b": 7}', 7),
    ],
)
def test_numbers_are_exact(mapper: Mapper, field: str, entry: str, weight: int | None) -> None:
    mapping = LEAST.replace("[set]", f"weight = {field}\n[set]")
    entry = f'{{"id": "a", {entry}}}'
    if weight is None:
        told = "entry 1: facts.weight: w makes 7.5, which is no whole number"
        assert mapper.errors(mapping, entry) == [told]
    else:
        assert mapper.one(mapping, entry).facts.weight == weight


@pytest.mark.parametrize(
    ("field", "entry", "told"),
    [
        ('"w"', "", "the source has no w"),
        ('"w"', '"w": null', "the source has no w"),
        ('"w"', '"w": 0.5', "w makes 0.5, which is no whole number"),
        ('{ from = "w", scale = 2 }', '"w": "7"', "w is no number"),
        ('{ from = "w", scale = 2 }', '"w": true', "w is no number"),
        ('{ from = "w", scale = 2 }', '"w": 1e999999999', "w is out of range"),
        ('{ from = "w", scale = 2 }', '"w": 1e-999999999', "w is out of range"),
        ('"w"', '"w": 1e999999999', "w is out of range"),
        ('{ from = "w", per = "n" }', '"w": 1, "n": 0', "n is 0, and must be above zero"),
        ('{ from = "w", per = "n" }', '"w": 1, "n": "x"', "n is no number"),
        ('{ from = "w", spell = "id" }', '"w": 1.5', "expected text, a whole number, or a list of them"),
        ('{ from = "w", spell = "id" }', '"w": [{}]', "expected text, a whole number, or a list of them"),
        ('"w"', '"w": "x"', "Expected `int`, got `str`"),
        ('"w"', '"w": -1', "Expected `int` >= 0"),
        ('{ from = "w", scale = 1000 }', '"w": 1001', "Expected `int` <= 1000000"),
        ('{ from = "w", default = 0.5 }', "", "Expected `int`, got `decimal`"),
    ],
)
def test_what_cannot_be_taken_is_told(mapper: Mapper, field: str, entry: str, told: str) -> None:
    mapping = LEAST.replace("[set]", f"weight = {field}\n[set]")
    found = mapper.errors(mapping, '{"id": "b", "w": 0, "n": 1}', f'{{"id": "a"{"," * bool(entry)} {entry}}}')
    # The first entry shows that the mapping is not at fault; what it is told of itself is no matter here.
    assert f"entry 2: facts.weight: {told}" in found


def test_data_that_cannot_be_taken_is_told_and_all_of_an_entry(mapper: Mapper) -> None:
    mapping = (
        'keep = ["x"]\n' + LEAST + '[data]\nprice = { from = "gold", scale = 10 }\nw = "y"\nz = "none"\n'
    )
    assert mapper.errors(mapping, '{"gold": "much", "x": 1e999, "y": [1e999]}') == [
        "entry 1: data.x: a number is out of range",
        "entry 1: facts.template_id: the source has no id",
        "entry 1: data.price: gold is no number",
        "entry 1: data.w: a number is out of range",
    ]


@pytest.mark.parametrize(
    ("text", "identifier", "name"),
    [
        ('"greatsword"', "greatsword", "greatsword"),
        ('"two-handed"', "two-handed", "two_handed"),
        ('"Thieves\' Tools"', "thieves_tools", "thieves_tools"),
        ('"  Épée (+1) "', "epee_1", "epee_1"),
        ('"mod:Iron Axe/2"', "mod:iron_axe/2", "mod_iron_axe_2"),
        ('"__x"', "x", "x"),
        ("17", "17", ""),
    ],
)
def test_spelling(mapper: Mapper, text: str, identifier: str, name: str) -> None:
    mapping = """
        facts = { template_id = { from = "id", spell = "id" } }
        set = { kind = "weapon" }
        data = { word = { from = "id", spell = "name" } }
    """
    template = mapper.one(mapping, f'{{"id": {text}}}')
    assert (template.facts.template_id, template.data["word"]) == (identifier, name)


def test_words_out_of_a_list_of_objects(mapper: Mapper) -> None:
    mapping = LEAST.replace("[set]", 'tags = { from = "p.index", spell = "name", default = [] }\n[set]')
    entry = '{"id": "a", "p": [{"index": "Blade"}, {"other": 1}, 7, {"index": "heavy"}]}'
    assert mapper.one(mapping, entry).facts.tags == ("blade", "heavy")
    assert mapper.one(mapping, '{"id": "a"}').facts.tags == ()
    assert mapper.errors(mapping + "[add]\ntags = ['magic']\n", '{"id": "a", "p": {"index": "blade"}}') == [
        "entry 1: facts.tags: Expected `array`, got `str`"
    ]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("[]", "$: Expected `object`, got `array`"),
        ('{"id": }', "$: JSON is malformed"),
        ('{"id": NaN}', "$: JSON is malformed"),
        ('{"id": "a", "x": ' + "[" * 20_000 + "]" * 20_000 + "}", "$: nested deeper than 32"),
        ('{"id": "a", "x": ' + "[" * 40 + "]" * 40 + "}", "data: nested deeper than 32"),
        ('{"id": "a", "x": "\\u0000"}', "data: has a NUL character"),
        ('{"id": "a", "x": "' + "x" * ENTRY_BYTES_MAX + '"}', "$: longer than 65536 bytes"),
        ('{"id": ["a"]}', "facts.template_id: Expected `str`, got `array`"),
    ],
)
def test_foreign_entries_are_read_as_strictly(mapper: Mapper, entry: str, told: str) -> None:
    (found,) = mapper.errors('keep = "all"\n' + LEAST, entry)
    assert found.startswith(f"entry 1: {told}"), found


def test_twenty_problems_are_enough(mapper: Mapper) -> None:
    assert len(mapper.errors(LEAST, *["{}"] * 50)) == 20


def test_the_command_line_maps_over_the_file(mapper: Mapper) -> None:
    mapping = LEAST.replace("[set]", 'weight = { from = "w", scale = 1000 }\n[set]')
    maps = ["weight=grams", "requires.attributes.wisdom=wit", "data.name=title.en", "stack_limit=many=few"]
    entry = '{"id": "a", "w": 1, "grams": 7, "wit": 3, "title": {"en": "A"}, "many=few": 4}'
    (template,) = mapper.map(mapping, entry, maps=maps)
    assert template.facts.weight == 7 and template.facts.stack_limit == 4
    assert template.facts.requires.attributes == {"wisdom": 3} and template.data == {"name": "A"}
    raw = [Entry("line 1", b'{"id": "a", "type": "weapon"}', foreign=True)]
    alone = parse_entries(raw, mapper.ruleset, read_mapping(None, ["template_id=id", "kind=type"]))
    assert alone == [Template(Facts("a", "weapon"), {})]
