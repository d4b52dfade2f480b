"""The files of a deployment, read as strictly as there are readers for."""

import argparse
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from gateway import cli

ROOT = Path(__file__).parents[2]
KUBERNETES = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))


class StrictLoader(yaml.SafeLoader):
    """As Kubernetes reads: a key that stands twice is an error, where YAML's own loader takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [
            self.construct_object(key, deep=True)
            for key, _ in node.value
            if key.tag != "tag:yaml.org,2002:merge"
        ]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: a key stands twice"
        return super().construct_mapping(node, deep)


def documents(path: Path) -> list[Any]:
    return list(yaml.load_all(path.read_text("utf-8"), StrictLoader))


def compose() -> Any:
    (found,) = documents(ROOT / "compose.yaml")
    return found


def objects() -> list[Any]:
    """Everything that goes to Kubernetes."""
    return [one for path in KUBERNETES for one in documents(path) if one["kind"] != "Kustomization"]


def pod_specs() -> Iterator[tuple[str, Any]]:
    for one in objects():
        if "template" in one.get("spec", {}):
            yield one["kind"], one["spec"]["template"]["spec"]


def dockerfile() -> list[tuple[str, str]]:
    """Its instructions in order, with what follows each; lines that go on are joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def of_dockerfile(instruction: str) -> list[str]:
    return [rest for word, rest in dockerfile() if word == instruction]


def words(text: str) -> list[str]:
    """The words of an exec form."""
    found: list[str] = json.loads(text)
    return found


def unit(path: Path) -> dict[str, list[str]]:
    """The settings of a unit by name, in order; sections aside."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def parsed(arguments: list[str]) -> argparse.Namespace:
    """What the program makes of a command line; ``SystemExit`` when it understands it not."""
    return cli._parser().parse_args(arguments)


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Every command line of the program that stands in a file: where, and its arguments."""
    yield "Dockerfile", words(of_dockerfile("CMD")[0])
    yield "Dockerfile", words(of_dockerfile("HEALTHCHECK")[0].partition(" CMD ")[2])[1:]
    for name, service in compose()["services"].items():
        if service.get("image") == "haversack" and "command" in service:
            yield f"compose.yaml {name}", service["command"]
    for kind, spec in pod_specs():
        for container in spec["containers"]:
            yield kind, container["args"]
    for path in UNITS:
        for line in unit(path)["ExecStart"]:
            yield path.name, shlex.split(line)[1:]
    for page in ("deployment", "upgrading", "backup"):
        text = (ROOT / f"docs/{page}.md").read_text("utf-8")
        for match in re.finditer(
            r"^ *(?:haversack|docker compose run[^\n]*? (?:operate|migrate)) ([a-z][^|\n#]*)",
            text,
            re.MULTILINE,
        ):
            yield page, shlex.split(match[1])
