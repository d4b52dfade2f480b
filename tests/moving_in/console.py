"""`haversack import` and its fellows as processes, and without one."""

import asyncio
import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

from gateway.cli import main
from tests.service.conftest import Site

CLI: Final = (sys.executable, "-m", "gateway.cli")
DYING: Final = (sys.executable, "-m", "tests.moving_in.dying")
_LOG: Final = re.compile(r"(?m)^\d{4}-.* (INFO|WARNING) .*\n|^\{\"at.*\n")


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
        text = _LOG.sub("", done.stdout.decode())
        assert done.returncode == status, text
        return text

    async def call(self, *arguments: str, status: int = 0, typed: bytes = b"") -> str:
        """As ``run``, within this process: a new one takes most of a second to import everything."""
        said = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
        with (
            mock.patch.dict(os.environ, self.env(), clear=True),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), "utf-8")),
            redirect_stdout(said),
            redirect_stderr(said),
        ):
            ended = await asyncio.to_thread(main, arguments)
        assert isinstance(said.buffer, io.BytesIO)
        text = _LOG.sub("", said.buffer.getvalue().decode())
        assert ended == status, text
        return text

    def env(self) -> dict[str, str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HAVERSACK_")}
        return environ | {
            "HAVERSACK_REDIS_URL": self.site.settings.redis_url,
            "HAVERSACK_DATABASE_URL": self.site.settings.database_url,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
