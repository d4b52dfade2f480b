"""`haversack`, but killed at one moment: the first argument says which, as ``step:number:before|after``."""

import os
import signal
import sys
from typing import Any

from gateway.cli import main
from persistence.desk.erasure import Eraser
from persistence.moving_in import run
from persistence.moving_in.writing import Writer


def die_at(moment: str) -> None:
    """SIGKILL before or after the given call of a step; batches are small, so that there are several."""
    run.CHARACTERS_AT_ONCE = 40  # type: ignore[misc]
    step, number, when = moment.split(":")
    owner = Writer if hasattr(Writer, step) else Eraser
    real = getattr(owner, step)
    calls = 0

    async def deadly(self: object, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        doomed = calls == int(number)
        if doomed and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = await real(self, *args, **kwargs)
        if doomed:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, step, deadly)


if __name__ == "__main__":
    die_at(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
