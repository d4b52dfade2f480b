"""`haversack import` and its fellows as processes, and without one."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.commands import command, without_log
from tests.service.conftest import Site

CLI: Final = (sys.executable, "-m", "gateway.cli")
DYING: Final = (sys.executable, "-m", "tests.moving_in.dying")


@dataclass
class Console:
    """Where commands are run."""

    site: Site
    cwd: Path

    def run(
        self, *arguments: str, status: int = 0, typed: bytes = b"", program: tuple[str, ...] = CLI
    ) -> str:
        """One of them; its output and its errors, without lines of the log."""
        done = subprocess.run(
            [*program, *arguments], env=self.env(), cwd=self.cwd, input=typed,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
        )  # fmt: skip
        text = without_log(done.stdout.decode())
        assert done.returncode == status, text
        return text

    async def call(self, *arguments: str, status: int = 0, typed: bytes = b"") -> str:
        """As ``run``, within this process: a new one takes most of a second to import everything."""
        ran = await asyncio.to_thread(command, self.env(), *arguments, typed=typed)
        text = without_log(ran.output + ran.errors)
        assert ran.status == status, text
        return text

    def env(self) -> dict[str, str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HAVERSACK_")}
        return environ | {
            "HAVERSACK_REDIS_URL": self.site.settings.redis_url,
            "HAVERSACK_DATABASE_URL": self.site.settings.database_url,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
