"""What the gateway measures, and the list of all metrics there are.

The operations that a ruleset gives are known before anything is served, so each series has its place.
"""

from collections.abc import Sequence
from typing import Final

from engine.commands import Command
from engine.ruleset import Ruleset
from gateway.handlers.shown import READINGS
from gateway.http.operation import SCOPE_OF_COMMAND
from gateway.http.problem_codes import PROBLEM_KINDS
from gateway.operations.table import OPERATIONS, container_pages
from persistence.measures import PERSISTENCE, SURVEYED
from persistence.meters import Kind, Meter, Spread, counter, gauge, histogram

# What an answer is that is no problem, and a request whose caller has gone away before its answer.
OK, NOT_MODIFIED, ABANDONED = "OK", "NOT_MODIFIED", "ABANDONED"
CODES: Final = (OK, NOT_MODIFIED, *PROBLEM_KINDS, ABANDONED)
CODE_PLACES: Final = {code: place for place, code in enumerate(CODES)}

# A request for what is no operation.
NO_OPERATION: Final = "none"
# They last as long as the caller likes, so their length says nothing of the service.
LASTING: Final = frozenset({"stream", "read_events"})

BULK, STREAM = "bulk", "stream"
# Several commands that were asked for as one.
SEVERAL: Final = "several"


def _name_of(command: type[Command]) -> str:
    return str(command.__struct_config__.tag)


COMMANDS: Final = (*map(_name_of, SCOPE_OF_COMMAND), SEVERAL)
_COMMAND_NAMES: Final[dict[type[Command], str]] = {command: _name_of(command) for command in SCOPE_OF_COMMAND}

BATCHED: Final = counter(
    "haversack_batched_requests",
    "Requests that came in bulk or over streams, by the command that they consist of, and by what they were"
    " answered: OK or a problem's code.",
    via=(BULK, STREAM),
    command=COMMANDS,
    code=CODES,
)
BATCHED_SECONDS: Final = histogram(
    "haversack_batched_request_seconds",
    "From reading a request that came in bulk or over a stream to its answer, its waiting for others of the"
    " same character included.",
    via=(BULK, STREAM),
)
STREAMS: Final = gauge(
    "haversack_streams", "Open streams: of commands, and of events.", kind=("commands", "events")
)
CONNECTIONS: Final = gauge("haversack_connections", "Open connections of HTTP, streams included.")
LOOP_LAG: Final = histogram(
    "haversack_event_loop_lag_seconds",
    "By how much a timer, set twice a second, went off too late: so long a request waits before anything is"
    " done.",
)
REPLACEMENTS: Final = counter(
    "haversack_worker_replacements", "Workers that took the place of one that had died."
)
ANSWERS: Final = counter(
    "haversack_answers",
    "Answers by code, whatever the operation, with those to requests in bulk and over streams.",
    code=CODES,
)

# Not shown as they are: which process has this part, when it was last seen, when it last looked around.
PID: Final = gauge("pid", "")
SEEN_NS: Final = gauge("seen", "")
SURVEYED_NS: Final = gauge("surveyed", "")
HIDDEN: Final = (PID, SEEN_NS, SURVEYED_NS)

# Made at a scrape, of what needs no counting.
WORKERS: Final = gauge("haversack_workers", "How many workers the service is to have.", spread=Spread.NEWEST)
WORKER_UP: Final = gauge("haversack_worker_up", "1 when the worker was seen in the last 5 s, else 0.")
BUILD: Final = Meter(
    name="haversack_build_info",
    help="Always 1; the labels tell version, ruleset and its hash, and the version of Python.",
    kind=Kind.GAUGE,
    labels={"version": (), "ruleset": (), "ruleset_hash": (), "python": ()},
    spread=Spread.NEWEST,
)
MADE: Final = (ANSWERS, WORKERS, WORKER_UP, BUILD)


class Declared:
    """All metrics of a service that serves this ruleset. ``counted`` are those that have cells."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Of the ruleset only the containers count, each of which is an operation."""
        pages = [page.name for page in container_pages(ruleset).values()]
        operations = tuple(dict.fromkeys([*OPERATIONS, *pages, NO_OPERATION]))
        self.requests = counter(
            "haversack_requests",
            "Requests by operation, and by what they were answered: OK, NOT_MODIFIED, a problem's code, or"
            " ABANDONED where the caller had gone. A stream counts when it ends.",
            operation=operations,
            code=CODES,
        )
        self.request_seconds = histogram(
            "haversack_request_seconds",
            "From a request's head to its answer, without the sending. Streams are left out.",
            operation=tuple(name for name in operations if name not in LASTING),
        )
        self.shown: tuple[Meter, ...] = (
            self.requests,
            self.request_seconds,
            BATCHED,
            BATCHED_SECONDS,
            STREAMS,
            CONNECTIONS,
            READINGS,
            *PERSISTENCE,
            *SURVEYED,
            LOOP_LAG,
            REPLACEMENTS,
        )
        self.counted = (*self.shown, *HIDDEN)


def command_name(commands: Sequence[Command]) -> str:
    """What a request of these commands is counted under."""
    return _COMMAND_NAMES[commands[0].__class__] if len(commands) == 1 else SEVERAL
