"""What Dockerfile, compose.yaml, units and manifests name is there: commands, settings, paths, times."""

import json
import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from gateway.cli import MISUSED
from gateway.configuration.settings import PREFIX, Settings
from gateway.operations.table import OPERATIONS
from gateway.serving.serve import SHUTDOWN_TIMEOUT_S
from gateway.serving.workers import END_S
from persistence.postgres.database import _CLOSE_S
from persistence.protocol.flusher import STOP_S
from tests.deploy import files
from tests.deploy.files import ROOT, compose, of_dockerfile, pod_specs, unit, words
from tests.servers import need

NAMES = {f"{PREFIX}{entry.name.upper()}" for entry in fields(Settings)}
# With workers: they end, then their parent flushes what they have left to each other.
STOP_AT_WORST_S = END_S + STOP_S + _CLOSE_S
PROGRAM = "/opt/haversack/bin/haversack"


def test_commands_are_understood() -> None:
    lines = list(files.command_lines())
    assert len(lines) > 12
    for where, line in lines:
        try:
            files.parsed(line)
        except SystemExit:
            pytest.fail(f"{where}: {line}")


def test_settings_exist() -> None:
    """Every variable that begins as ours do, in every file."""
    paths = [ROOT / "Dockerfile", ROOT / "compose.yaml", *(ROOT / "deploy").rglob("*")]
    found = {
        name
        for path in paths
        if path.is_file()
        for name in re.findall(rf"\b{PREFIX}[A-Z_]+\b", path.read_text("utf-8"))
    }
    assert {"HAVERSACK_REDIS_URL", "HAVERSACK_DATABASE_URL"} <= found <= NAMES


def test_probes_ask_for_what_is_open_to_all() -> None:
    port = Settings().port
    open_paths = {operation.path for operation in OPERATIONS.values() if operation.scope is None}
    probed = []
    for _, spec in pod_specs():
        for container in spec["containers"]:
            named = {one["name"]: one["containerPort"] for one in container.get("ports", [])}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if probe in container:
                    probed.append(container[probe]["httpGet"]["path"])
                    assert container[probe]["timeoutSeconds"] <= container[probe]["periodSeconds"]
                    assert named[container[probe]["httpGet"]["port"]] == port
    assert len(probed) == 3 and set(probed) <= open_paths
    assert of_dockerfile("EXPOSE") == [str(port)]
    (service,) = (one for one in files.objects() if one["kind"] == "Service")
    assert service["spec"]["ports"][0]["port"] == port


def test_a_stop_gets_the_time_that_it_takes() -> None:
    assert STOP_AT_WORST_S > SHUTDOWN_TIMEOUT_S
    for kind, spec in pod_specs():
        if kind == "Deployment":
            pause = spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1]
            seconds = int(re.findall(r"sleep\((\d+)\)", pause)[0])
            assert spec["terminationGracePeriodSeconds"] >= STOP_AT_WORST_S + seconds
    grace = compose()["services"]["haversack"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) >= STOP_AT_WORST_S
    for path in files.UNITS:
        assert int(unit(path)["TimeoutStopSec"][0]) >= STOP_AT_WORST_S


def test_nothing_runs_as_root_or_writes() -> None:
    user = of_dockerfile("USER")[-1].partition(":")[0]
    assert user.isdigit() and user != "0"
    for _, spec in pod_specs():
        assert spec["securityContext"]["runAsNonRoot"] and str(spec["securityContext"]["runAsUser"]) == user
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    for name, service in compose()["services"].items():
        assert "no-new-privileges:true" in service["security_opt"], name
        # PostgreSQL's image begins as root, to hand its files over to who owns them.
        assert name == "postgres" or (service["read_only"] and service["cap_drop"] == ["ALL"]), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_the_image_is_made_of_what_is_there() -> None:
    """Every file that is copied is, and is not kept out; the program is where everybody looks for it."""
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")
    }
    copied = {
        source
        for rest in of_dockerfile("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert copied == allowed and all((ROOT / source).exists() for source in copied)
    assert words(of_dockerfile("ENTRYPOINT")[0]) == [PROGRAM]
    assert [unit(path)["ExecStart"][0].split()[0] for path in files.UNITS] == [PROGRAM, PROGRAM]
    python = "/opt/haversack/bin/python"
    for kind, spec in pod_specs():
        if kind == "Deployment":
            assert spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][0] == python


def test_units_read_what_their_user_may() -> None:
    """By a group that files can be given to; and bad settings do not start again and again."""
    deployment = (ROOT / "docs/deployment.md").read_text("utf-8")
    for path in files.UNITS:
        found = unit(path)
        (user,) = found["User"]
        assert found["Group"] == [user] and f" {user}\n" in deployment and f"-g {user} /etc/" in deployment
        assert "DynamicUser" not in found
        assert found["RestartPreventExitStatus"] == [str(MISUSED)]


def test_what_compose_mounts_is_there() -> None:
    found = compose()
    volumes, secrets = set(found["volumes"]), set()
    for name, service in found["services"].items():
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            assert source in volumes or (ROOT / source).exists(), (name, mount)
        assert set(service["networks"]) <= set(found["networks"])
        assert set(service.get("depends_on", {})) <= set(found["services"])
        # Those that have a default are no secrets.
        secrets |= set(re.findall(r"\$\{(\w+)(?:\}|:\?)", json.dumps(service)))
    made = (ROOT / "deploy/compose/secrets.sh").read_text("utf-8")
    listed = re.search(r"for name in (.*?); do", made, re.DOTALL)
    assert listed and set(listed[1].replace("\\", "").split()) == secrets


def test_manifests_refer_to_each_other() -> None:
    """Labels, names of secrets and of maps, and what the kustomization lists."""
    by_kind = {}
    for one in files.objects():
        by_kind.setdefault(one["kind"], []).append(one)
    (deployment,) = by_kind["Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for kind, path in (("Service", "selector"), ("PodDisruptionBudget", "selector.matchLabels")):
        selector = by_kind[kind][0]["spec"]
        for part in path.split("."):
            selector = selector[part]
        assert selector.items() <= labels.items(), kind
    assert (
        by_kind["HorizontalPodAutoscaler"][0]["spec"]["scaleTargetRef"]["name"]
        == deployment["metadata"]["name"]
    )
    names = {kind: {one["metadata"].get("name") for one in ones} for kind, ones in by_kind.items()}
    for kind, spec in pod_specs():
        # The migration runs before there is any of the rest.
        assert kind == "Job" or spec["serviceAccountName"] in names["ServiceAccount"]
        assert kind != "Job" or "serviceAccountName" not in spec
        for source in spec["containers"][0]["envFrom"]:
            if "secretRef" in source:
                assert source["secretRef"]["name"] in names["Secret"]
            else:
                assert source["configMapRef"]["name"] in names["ConfigMap"]
    (kustomization,) = files.documents(ROOT / "deploy/kubernetes/kustomization.yaml")
    assert set(kustomization["resources"]) == {path.name for path in files.KUBERNETES} - {
        "kustomization.yaml", "secret.example.yaml", "migrate.yaml", "autoscaler.yaml",
    }  # fmt: skip


def test_a_key_that_stands_twice_is_found() -> None:
    with pytest.raises(AssertionError, match="stands twice"):
        yaml.load("a: {b: 1, b: 2}", files.StrictLoader)


@pytest.mark.parametrize("path", files.UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_units(path: Path, tmp_path: Path) -> None:
    """The program itself is not there, so another one stands in its place."""
    if shutil.which("systemd-analyze") is None:
        need("systemd-analyze")
    (tmp_path / path.name).write_text(path.read_text("utf-8").replace(PROGRAM, "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / path.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and path.name not in done.stderr, done.stderr
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(tmp_path / path.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
