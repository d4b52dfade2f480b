"""A process that has imported everything, watched, and forks one child for each trial that it is told of.

Trials come as lines of JSON on its input. On its output stand what the child tells, and then how
it ended. It has no event loop and no connection, so a child begins as any process does.
"""

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import traceback
from typing import Any

from tests.crash_points import hook

hook.install()

from engine.ruleset import load_ruleset  # noqa: E402
from tests.crash_points import apply, evict, flush, load, wire  # noqa: E402, F401 - most add scenarios
from tests.crash_points.doomed import Doomed, prepare, tell  # noqa: E402
from tests.crash_points.moments import fate  # noqa: E402
from tests.crash_points.scenarios import SCENARIOS  # noqa: E402

LONGEST_S = 30


def main() -> None:
    ruleset = load_ruleset()
    prepare(ruleset)
    wire.watch()
    # Those who look into the trial tell what is wrong.
    logging.disable(logging.CRITICAL)
    gc.freeze()
    for line in sys.stdin:
        trial = json.loads(line)
        child = os.fork()
        if child == 0:
            # One that hangs is a failed trial, not a hanging suite.
            signal.alarm(LONGEST_S)
            os._exit(live(Doomed(ruleset, **trial["place"]), trial))
        _, status = os.waitpid(child, 0)
        tell({"ended": os.waitstatus_to_exitcode(status)})


def live(doomed: Doomed, trial: dict[str, Any]) -> int:
    if trial["doom"] is not None:
        point, moment, fate.nth = trial["doom"]
        fate.doom = point, moment
    try:
        asyncio.run(SCENARIOS[trial["scenario"]].play(doomed))
    except BaseException:
        tell({"failed": traceback.format_exc()})
        return 1
    if fate.doom is None:
        tell({"met": [[point, moment, times] for (point, moment), times in fate.met.items()]})
    return 0


if __name__ == "__main__":
    main()
