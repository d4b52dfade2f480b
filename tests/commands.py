"""`haversack …` within this process: a process of its own takes most of a second to import everything."""

import io
import os
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from threading import Thread
from typing import Final, NamedTuple
from unittest import mock

from gateway.cli import main

_LOG: Final = re.compile(r"(?m)^\d{4}-.* (INFO|WARNING) .*\n|^\{\"at.*\n")


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    output: str
    errors: str


def command(env: Mapping[str, str], *arguments: str, typed: bytes = b"") -> Ran:
    """Run one to its end with the settings in ``env`` and no others; what it raises is raised here.

    In a thread, since the command has an event loop of its own and the test may be running in one.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HAVERSACK_")}
    output, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    ended: list[int | BaseException] = []

    def run() -> None:
        try:
            ended.append(main(arguments))
        except SystemExit as exit_:
            # So argparse ends a command that it cannot read.
            ended.append(exit_.code if isinstance(exit_.code, int) else 1)
        except BaseException as error:
            ended.append(error)

    with (
        mock.patch.dict(os.environ, environ | dict(env), clear=True),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), "utf-8")),
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        thread = Thread(target=run)
        thread.start()
        thread.join()
    (status,) = ended
    if isinstance(status, BaseException):
        raise status
    return Ran(status, _text(output), _text(errors))


def without_log(text: str) -> str:
    """The text without lines of the log."""
    return _LOG.sub("", text)


def _text(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()
