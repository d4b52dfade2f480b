"""The numbers of one process: each series has its own place, and nothing else's."""

import pytest

from persistence.measures import PERSISTENCE, SURVEYED
from persistence.meters import BOUNDS_NS, Meters, counter, gauge, histogram

CALLS = counter("calls", "", kind=("a", "b"), code=("OK", "NO", "LATE"))
SECONDS = histogram("call_seconds", "", kind=("a", "b"))
OPEN = gauge("open", "")
DECLARED = (CALLS, SECONDS, OPEN)


def test_every_series_has_cells_of_its_own() -> None:
    meters = Meters(DECLARED)
    cells = [cell for meter in DECLARED for _, cell in meters.series(meter)]
    widths = [meter.width for meter in DECLARED for _ in meter.series()]
    taken = [cell + n for cell, width in zip(cells, widths, strict=True) for n in range(width)]
    assert sorted(taken) == list(range(Meters.size_of(DECLARED))) == list(range(len(meters.cells)))
    for meter in DECLARED:
        assert [meters.at(meter, *values) for values, _ in meters.series(meter)] == [
            cell for _, cell in meters.series(meter)
        ]


def test_a_count_is_seen_where_it_belongs() -> None:
    meters = Meters(DECLARED)
    meters.counter(CALLS, "b", "NO").add()
    meters.counter(CALLS, "b", "NO").add(4)
    meters.counter(CALLS, "a", "LATE").add(2)
    counts = {values: meters.cells[cell] for values, cell in meters.series(CALLS)}
    assert {values: count for values, count in counts.items() if count} == {("b", "NO"): 5, ("a", "LATE"): 2}
    assert sum(meters.cells) == 7


def test_what_was_not_declared_is_refused() -> None:
    meters = Meters(DECLARED)
    with pytest.raises(ValueError, match="not in tuple"):
        meters.counter(CALLS, "c", "OK")
    with pytest.raises(ValueError, match="argument"):
        meters.counter(CALLS, "a")
    with pytest.raises(KeyError):
        meters.counter(counter("others", ""))


@pytest.mark.parametrize(
    ("ns", "bucket"),
    [
        (0, 0),
        (-5, 0),
        (BOUNDS_NS[0], 0),
        (BOUNDS_NS[0] + 1, 1),
        (BOUNDS_NS[-1], len(BOUNDS_NS) - 1),
        (BOUNDS_NS[-1] + 1, len(BOUNDS_NS)),
        (10**15, len(BOUNDS_NS)),
    ],
)
def test_a_time_falls_into_the_bucket_that_ends_at_or_above_it(ns: int, bucket: int) -> None:
    meters = Meters(DECLARED)
    meters.histogram(SECONDS, "b").observe(ns)
    first = meters.at(SECONDS, "b")
    *buckets, total = meters.cells[first : first + SECONDS.width]
    assert [n for n, count in enumerate(buckets) if count] == [bucket]
    assert total == max(ns, 0)


def test_a_sum_that_grows_beyond_its_cell_begins_anew() -> None:
    """A clock that says 1970 makes times of half a century."""
    meters = Meters(DECLARED)
    for _ in range(8):
        meters.histogram(SECONDS, "b").observe(2**61)
    assert meters.cells[meters.at(SECONDS, "b") + SECONDS.width - 1] == 0


def test_gauges_show_what_was_seen_last() -> None:
    meters, seen = Meters(DECLARED), [3]
    meters.watch(OPEN, lambda: seen[0])
    meters.look_around()
    seen[0] = 8
    assert meters.get(OPEN) == 3
    meters.look_around()
    assert meters.get(OPEN) == 8


def test_what_is_counted_elsewhere_is_added_to_what_was_there() -> None:
    meters, counted = Meters(DECLARED), [0]
    meters.counter(CALLS, "a", "OK").add(10)
    meters.tally(CALLS, lambda: counted[0], "a", "OK")
    counted[0] = 3
    meters.look_around()
    meters.look_around()
    counted[0] = 5
    meters.look_around()
    assert meters.get(CALLS, "a", "OK") == 15


def test_numbers_go_on_from_those_that_are_there() -> None:
    meters = Meters(DECLARED)
    meters.counter(CALLS, "a", "OK").add(7)
    successor = Meters(DECLARED, meters.cells)
    successor.counter(CALLS, "a", "OK").add()
    assert meters.get(CALLS, "a", "OK") == 8


def test_declared_names_are_in_good_order() -> None:
    """As the conventions of Prometheus have it: a prefix, base units, and no ending of a kind by hand."""
    for meter in (*PERSISTENCE, *SURVEYED):
        assert meter.name.startswith("haversack_")
        assert not meter.name.endswith(("_total", "_ms", "_count", "_bucket", "_sum"))
        assert (meter.kind == "histogram") <= meter.name.endswith("_seconds")
        assert meter.help.endswith(".")
