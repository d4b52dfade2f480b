"""What `haversack roles` prints is what the tests log in by, and what stands under deploy/."""

import hashlib
from pathlib import Path

import asyncpg
import pytest
import redis

from gateway import cli
from persistence.postgres.migrations import migrate
from persistence.roles import grant, postgres_grants, postgres_roles
from tests.servers import Servers

ROOT = Path(__file__).parents[2]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["roles", *arguments]) == 0
    return capsys.readouterr().out


def test_the_files_to_deploy_are_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert (ROOT / "deploy/postgres/roles.sql").read_text("utf-8") == printed(capsys, "postgres")
    assert (ROOT / "deploy/redis/users.acl").read_text("utf-8") == printed(capsys, "redis", "--file")


def test_roles_of_another_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Every role has it, in both files."""
    for arguments in ((), ("--grants",)):
        text = printed(capsys, "postgres", "--name", "eu", *arguments)
        assert "eu_service" in text
        assert not [
            word for word in ("haversack_owner", "haversack_service", "haversack_support") if word in text
        ]
    for bad in ("", "Eu", "x;drop", "1a", "a" * 41):
        with pytest.raises(SystemExit):
            cli.main(["roles", "postgres", "--name", bad])


def test_users_for_another_prefix_and_with_a_password(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAVERSACK_KEY_PREFIX", "eu:")
    (tmp_path / "password").write_text("correct horse\n")
    password = ("--password-file", str(tmp_path / "password"))
    text = printed(capsys, "redis", "--user", "haversack-operator", *password)
    assert text.startswith("ACL SETUSER haversack-operator resetpass #") and text.count("\n") == 1
    assert f"#{hashlib.sha256(b'correct horse').hexdigest()}" in text and "correct horse" not in text
    assert "~eu:*" in text and "inventory" not in text
    assert cli.main(["roles", "redis", *password]) == 2
    assert "needs --user" in capsys.readouterr().err
    (tmp_path / "password").write_text("\n")
    assert cli.main(["roles", "redis", "--user", "haversack", *password]) == 1


def test_a_file_lets_nobody_in_by_the_default_user(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for it, once, or a Redis that reads the file at its start would be open to all."""
    assert printed(capsys, "redis", "--file").splitlines()[0] == "user default off"
    for arguments in (("--file", "--user", "haversack"), ()):
        assert "default" not in printed(capsys, "redis", *arguments)


def test_the_printed_users_are_taken_by_each_server(
    capsys: pytest.CaptureFixture[str], each_redis: "redis.Redis", tmp_path: Path
) -> None:
    """As commands; whoever has a password keeps it when they are sent again, as after an upgrade."""
    (tmp_path / "password").write_text("one")
    for arguments in (("--user", "haversack", "--password-file", str(tmp_path / "password")), ()):
        for line in printed(capsys, "redis", *arguments).splitlines():
            assert each_redis.execute_command(*line.split()) in (b"OK", "OK", True)
    user = each_redis.acl_getuser("haversack")
    assert user is not None and user["enabled"] and len(user["passwords"]) == 1
    each_redis.acl_deluser("haversack", "haversack-operator", "haversack-outbox")


async def test_two_deployments_on_one_server_cannot_reach_each_other(servers: Servers) -> None:
    urls = {name: await servers.empty_database() for name in ("red", "blue")}
    for name, url in urls.items():
        connection = await asyncpg.connect(url)
        await connection.execute(postgres_roles(name))
        await connection.execute(f"CREATE ROLE {name}_gateway LOGIN IN ROLE {name}_service")
        await connection.close()
        await migrate(url)
        # By an administrator, too: whose database it is says whose roles are meant.
        assert await grant(url)
    own = await asyncpg.connect(urls["red"].replace("//haversack@", "//red_gateway@"))
    assert await own.fetchval("SELECT count(*) FROM characters") == 0
    await own.close()
    with pytest.raises(asyncpg.PostgresError, match="permission denied for database"):
        await asyncpg.connect(urls["blue"].replace("//haversack@", "//red_gateway@"))


async def test_where_there_are_no_roles_nothing_is_granted(servers: Servers) -> None:
    url = await servers.fresh_database()
    assert not await grant(url)
    assert "haversack_service" in postgres_grants()
