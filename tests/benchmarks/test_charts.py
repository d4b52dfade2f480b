"""Charts of a run that nobody had to measure."""

from pathlib import Path
from xml.etree import ElementTree

import msgspec

from benchmarks import charts, report
from benchmarks.command_cost import CommandCost
from benchmarks.cost import Cost
from benchmarks.load import Measured
from benchmarks.report import Results
from benchmarks.rounds import Sample
from benchmarks.sides import SIDES
from benchmarks.statements import Statements
from benchmarks.svg import logarithmic, straight

SVG = "{http://www.w3.org/2000/svg}"


def results() -> Results:
    measured = Measured(2_000, 2_032, 1.0, 1.5, 2.5, 9.0, 40.0, {"status": 0}, 0.2)
    return Results(
        head={"date": "today"},
        samples={side.name: [Sample(measured, 100.0), Sample(measured, 110.0)] for side in SIDES},
        cost=Cost({20: [20.0], 200: [21.0], 2000: [22.0]}, [4.0]),
        commands=CommandCost({"move": {20: [20.0], 200: [21.0], 2000: [22.0]}}),
        statements={"served": Statements(20, 1_000, 1_000.0), "crud": Statements(7_000, 1_000, 1_000.0)},
    )


def test_every_chart_is_drawn_with_its_labels(tmp_path: Path) -> None:
    written = charts.draw(results(), tmp_path)
    assert [path.name for path in written] == ["throughput.svg", "latency.svg", "cost.svg", "statements.svg"]
    texts = {}
    for path in written:
        root = ElementTree.parse(path).getroot()
        texts[path.stem] = [text.text for text in root.iter(f"{SVG}text")]
        assert "prefers-color-scheme: dark" in path.read_text("utf-8")
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        for text in root.iter(f"{SVG}text"):
            assert 0 <= float(text.attrib["x"]) <= width and 0 <= float(text.attrib["y"]) <= height
    assert {side.label for side in SIDES} <= set(texts["throughput"])
    assert "requests a second" in texts["throughput"]
    assert {"p99.9", "milliseconds"} <= set(texts["latency"])
    assert {"items in the inventory", "2,000"} <= set(texts["cost"])
    assert "statements a move" in texts["statements"]


def test_what_was_not_measured_is_not_drawn(tmp_path: Path) -> None:
    assert charts.draw(Results(head={}), tmp_path) == []


def test_a_written_run_is_read_again(tmp_path: Path) -> None:
    path = report.write(results(), tmp_path)
    assert msgspec.to_builtins(report.read(path)) == msgspec.to_builtins(results())


def test_axes_end_at_round_values() -> None:
    axis = straight([430.0, 970.0], 0, 100)
    assert axis.ticks() == [0, 200, 400, 600, 800, 1000]
    assert (axis.at(0), axis.at(500), axis.at(1000)) == (0, 50, 100)
    decades = logarithmic([0.02, 7.0], 100, 0)
    assert decades.ticks() == [0.01, 0.1, 1, 10]
    assert [round(decades.at(value), 6) for value in (0.01, 0.1, 10)] == [100, round(200 / 3, 6), 0]
