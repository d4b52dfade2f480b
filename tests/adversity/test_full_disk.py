"""PostgreSQL runs out of disk: flushes fail, nobody is quarantined for it, and all is written in the end."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.adversity.players import Players
from tests.adversity.site import Site, char_ids, until
from tests.servers import need


@contextmanager
def small_disk(owner: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size, whose root belongs to the owner of another file."""
    if os.geteuid() != 0:
        need("root, to mount a small file system")
    place = Path(tempfile.mkdtemp(prefix="hv-small-"))
    status = owner.stat()
    options = f"size={megabytes}m,uid={status.st_uid},gid={status.st_gid},mode=0700"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False
    )
    try:
        if mounted.returncode != 0:
            need("the right to mount a small file system")
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], capture_output=True, check=False)
        shutil.rmtree(place, ignore_errors=True)


def fill(disk: Path) -> Path:
    """A file that takes all that is free."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"\0" * 4096)
        except OSError:
            return ballast


async def test_full_disk(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """The ledger's partition is on the disk that fills, so it is the flush itself that fails."""
    with small_disk(site.postgres.data, 16) as disk:
        connection = await asyncpg.connect(site.database_url)
        await connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        partition = await connection.fetchval("SELECT journal_add_week(now())")
        await connection.execute(f"ALTER TABLE {partition} SET TABLESPACE small")
        try:
            async with site.gateway() as gateway, Players(gateway, char_ids(12), durable_every=0) as players:
                await players.more()
                ballast = fill(disk)
                await until(lambda: "No space left on device" in caplog.text, "a flush fails")
                unflushed = site.unflushed()
                await players.more(200)
                assert site.unflushed() > unflushed
                ballast.unlink()
                await site.flushed()
                await players.stop()
                await site.flushed()
                assert not players.refused and players.unknown == 0
                assert await players.lost() == []
            assert await connection.fetchval("SELECT count(quarantined) FROM characters") == 0
            await site.audit()
        finally:
            # A tablespace cannot go while anything is in it, and later tests use the same server.
            await connection.execute(f"ALTER TABLE {partition} SET TABLESPACE pg_default")
            await connection.execute("DROP TABLESPACE small")
            await connection.close()
