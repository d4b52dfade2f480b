"""The page of all metrics: ``python -m gateway.telemetry.metrics_page > docs/metrics.md``."""

import sys
from collections.abc import Iterator

from engine.ruleset import load_ruleset
from gateway.telemetry.measures import MADE, Declared
from persistence.meters import BOUNDS_S, Kind, Meter, Spread

_HEAD = """\
# Metrics

What `GET /metrics` tells, in the text format of Prometheus or in OpenMetrics'. How to have it scraped, and
who may: [operations.md](operations.md#watching). This page is made by the program, with
`python -m gateway.telemetry.metrics_page`.

A service of several workers is scraped once: whichever worker answers tells of all. Counters and histograms
are sums over all workers since the service was started, and a worker that dies leaves what it had counted to
the one that takes its place. Gauges of single workers have the label `worker`, which counts from 1. What is
told of the *deployment* is looked up in Redis and PostgreSQL at a scrape, every 4 s at most; where several
instances share a deployment, each tells the same, so take `max`, not `sum`. What cannot be looked up is left
out, and of counters with many labels all series that have counted nothing.
"""
_BUCKETS = "Buckets of all histograms end at {bounds} s."
_FOOT = """\
Beside these there are of each worker, by the label `worker`, `process_cpu_seconds_total`,
`process_resident_memory_bytes`, `process_virtual_memory_bytes`, `process_start_time_seconds`,
`process_open_fds` and `process_max_fds`; and `python_info`.
"""
_OF = {Spread.SUM: "service", Spread.EACH: "worker", Spread.NEWEST: "deployment"}


def exported_name(meter: Meter) -> str:
    """The name with the ending that its kind has when it is told."""
    return f"{meter.name}_total" if meter.kind is Kind.COUNTER else meter.name


def page() -> str:
    """The whole page; operations and containers are those of the shipped ruleset."""
    bounds = ", ".join(f"{bound:g}" for bound in BOUNDS_S)
    return "\n".join([_HEAD, *_rows(), "", _BUCKETS.format(bounds=bounds), "", _FOOT])


def _rows() -> Iterator[str]:
    yield "| metric | kind | of the | labels | what |"
    yield "| --- | --- | --- | --- | --- |"
    for meter in (*Declared(load_ruleset()).shown, *MADE):
        of = "service" if meter in MADE and meter.spread is Spread.NEWEST else _OF[meter.spread]
        labels = ", ".join(map(_label, meter.labels.items())) or "–"
        yield f"| `{exported_name(meter)}` | {meter.kind} | {of} | {labels} | {meter.help} |"


def _label(label: tuple[str, tuple[str, ...]]) -> str:
    name, values = label
    # Codes and operations stand in tables of their own.
    few = 0 < len(values) <= 12
    return f"`{name}`: {', '.join(f'`{value}`' for value in values)}" if few else f"`{name}`"


if __name__ == "__main__":
    sys.stdout.write(page())
