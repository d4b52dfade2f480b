"""Dashboard, alerts and pages speak of metrics that there are, and of all of them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.ruleset import Ruleset
from gateway.operations.table import OPERATIONS, container_pages
from gateway.telemetry.measures import CODES, COMMANDS, MADE, Declared
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.metrics_board import Board
from gateway.telemetry.metrics_page import page
from gateway.telemetry.metrics_text import BoardCollector
from persistence.meters import Meter
from tests.metrics.scraped import Scraped

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
NAME = re.compile(r"\b(?:haversack|process|python)_\w+")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
SELECTED = re.compile(r"\b((?:haversack|process)_\w+)\{([^{}]*)\}")


@pytest.fixture(scope="module")
def exported(ruleset: Ruleset) -> Scraped:
    board = Board(ruleset)
    Metrics(board)
    return Scraped(BoardCollector(board).text("")[0].decode())


@pytest.fixture(scope="module")
def names(exported: Scraped) -> set[str]:
    """Names that an expression may have."""
    found = set(exported.families)
    for name, kind in exported.families.items():
        if kind == "histogram":
            found |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    return found


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "deploy/grafana/haversack.json").read_text("utf-8"))
    return loaded


def expressions() -> Iterator[tuple[str, str]]:
    """All that is asked of Prometheus: where, and what."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]


def test_expressions_ask_for_what_is_exported(names: set[str]) -> None:
    asked = list(expressions())
    assert len(asked) > 60
    for where, expression in asked:
        unknown = set(NAME.findall(expression)) - names
        assert not unknown, f"{where}: {unknown}"
        for opening, closing in ("()", "{}", "[]"):
            assert expression.count(opening) == expression.count(closing), where


def test_expressions_match_labels_and_values_that_there_are(ruleset: Ruleset) -> None:
    """A misspelt code would never fire."""
    declared: dict[str, Meter] = {}
    for meter in (*Declared(ruleset).shown, *MADE):
        for ending in ("", "_total", "_bucket", "_count", "_sum"):
            declared[meter.name + ending] = meter
    of_all = {"job", "instance", "worker", "le"}
    for where, expression in expressions():
        for name, selector in SELECTED.findall(expression):
            for label, operator, text in MATCHER.findall(selector):
                if label in of_all or name not in declared:
                    continue
                meter = declared[name]
                assert label in meter.labels, f"{where}: {name} has no {label}"
                known = meter.labels[label]
                words = text.split("|") if operator in ("=~", "!~") else [text]
                assert set(words) <= set(known), f"{where}: {set(words) - set(known)}"


def test_all_that_is_exported_is_documented_and_nothing_else(exported: Scraped) -> None:
    rows = re.findall(r"^\| `(haversack_\w+)` \| (\w+) \|", page(), re.MULTILINE)
    ours = {name: kind for name, kind in exported.families.items() if name.startswith("haversack_")}
    assert dict(rows) == ours
    assert len(rows) == len(dict(rows))
    others = {name for name in exported.families if name not in ours}
    assert [name for name in others if name.partition("_")[0] not in ("process", "python")] == []


def test_the_page_of_metrics_is_what_the_program_makes() -> None:
    """`python -m gateway.telemetry.metrics_page > docs/metrics.md` writes it."""
    assert (ROOT / "docs/metrics.md").read_text("utf-8") == page()


def test_each_alert_has_its_section_in_the_runbook() -> None:
    text = (ROOT / "docs/runbook.md").read_text("utf-8")
    sections = dict(re.findall(r"^## (Haversack\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    alerts = [rule["alert"] for rule in rules()]
    assert alerts == list(sections), "in the same order"
    for rule in rules():
        name, notes = rule["alert"], rule["annotations"]
        assert notes["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert notes["summary"] and rule["labels"]["severity"] in ("warning", "critical")
        parts = re.findall(r"^\*\*(Means|Look first|Cure)\.\*\*", sections[name], re.MULTILINE)
        assert parts == ["Means", "Look first", "Cure"], name
    unknown = set(re.findall(r"`(haversack_\w+)", text)) - set(re.findall(r"`(haversack_\w+)`", page()))
    assert not unknown


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("this test needs promtool, which Debian's package prometheus has")
    tests = yaml.safe_load((Path(__file__).parent / "alerts_test.yml").read_text("utf-8"))
    tests["rule_files"] = [str(PROMETHEUS / "alerts.yml")]
    for test in tests["tests"]:
        for expected in test["promql_expr_test"]:
            if expected["exp_samples"] == "ALL":
                names = (rule["alert"] for rule in rules())
                expected["exp_samples"] = [
                    {"labels": f'{{alertname="{name}"}}', "value": 1} for name in names
                ]
    (tmp_path / "alerts_test.yml").write_text(yaml.safe_dump(tests))
    done = subprocess.run(
        [promtool, "test", "rules", "alerts_test.yml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_one() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}"


def test_the_scraping_is_what_the_alerts_expect() -> None:
    for name in ("prometheus.yml", "kubernetes.yml"):
        config = yaml.safe_load((PROMETHEUS / name).read_text("utf-8"))
        assert config["rule_files"] == ["alerts.yml"]
        assert [job["job_name"] for job in config["scrape_configs"]] == ["haversack"]
    jobs = {job for _, text in expressions() for job in re.findall(r'job="([^"]+)"', text)}
    assert jobs == {"haversack"}


def test_pods_are_found_by_what_they_have() -> None:
    files = ROOT / "deploy/kubernetes"
    config = yaml.safe_load((PROMETHEUS / "kubernetes.yml").read_text("utf-8"))
    (job,) = config["scrape_configs"]
    (found,) = job["kubernetes_sd_configs"]
    pod = yaml.safe_load((files / "deployment.yaml").read_text("utf-8"))["spec"]["template"]
    labels = ",".join(f"{name}={value}" for name, value in pod["metadata"]["labels"].items())
    assert [selector["label"] for selector in found["selectors"]] == [labels]
    ports = [port["name"] for port in pod["spec"]["containers"][0]["ports"]]
    assert [rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"] == ports
    kustomization = yaml.safe_load((files / "kustomization.yaml").read_text("utf-8"))
    assert found["namespaces"]["names"] == [kustomization["namespace"]]
    # By default callers from elsewhere are not let in.
    settings = yaml.safe_load((files / "configmap.yaml").read_text("utf-8"))["data"]
    assert settings["HAVERSACK_METRICS"] == "open"


def test_there_is_a_series_for_every_operation_code_and_command(ruleset: Ruleset) -> None:
    declared = Declared(ruleset)
    pages = {operation.name for operation in container_pages(ruleset).values()}
    assert set(declared.requests.labels["operation"]) == {*OPERATIONS, *pages, "none"}
    assert len(set(CODES)) == len(CODES) and len(set(COMMANDS)) == len(COMMANDS) == 12
