"""Variables that look like settings and are none are named when a command starts."""

from pathlib import Path

import pytest

from gateway.configuration.strangers import strangers
from tests.commands import command


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("HAVERSACK_DATABSE_URL", ": did you mean HAVERSACK_DATABASE_URL?"),
        ("HAVERSACK_DB_URL", ""),
        ("HAVERSACK_REDIS_URI", ": did you mean HAVERSACK_REDIS_URL?"),
        ("haversack_database_url", ": did you mean HAVERSACK_DATABASE_URL?"),
        ("HAVERSACK_WORKER", ": did you mean HAVERSACK_WORKERS?"),
        ("HAVERSACK_NOTHING_LIKE_IT", ""),
    ],
)
def test_a_stranger_is_named_with_what_it_may_mean(name: str, hint: str) -> None:
    assert list(strangers({name: "hunter2"})) == [f"{name} is in the environment and is no setting{hint}"]


@pytest.mark.parametrize(
    "name",
    [
        "HAVERSACK_DATABASE_URL",
        "HAVERSACKS",
        "PATH",
        "HAVERSACK_SERVICE_HOST",
        "HAVERSACK_SERVICE_PORT_HTTP",
        "HAVERSACK_PORT_8080_TCP_ADDR",
    ],
)
def test_settings_and_others_variables_are_left_alone(name: str) -> None:
    assert list(strangers({name: "x"})) == list(strangers({"HAVERSACK_WORKER": ""})) == []


def test_a_command_says_so_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = {"HAVERSACK_DATABSE_URL": "postgresql://u:hunter2@h/db", "HAVERSACK_DATA_DIR": str(tmp_path)}
    assert command(settings, "audit").status == 1
    (record,) = caplog.records
    assert record.levelname == "WARNING" and "did you mean HAVERSACK_DATABASE_URL?" in record.message
    assert "hunter2" not in caplog.text
