"""How long the flusher waits when Redis or PostgreSQL fails it, and what its log says of that."""

import logging

from persistence import measures
from persistence.errors import PersistenceError
from persistence.meters import Meters

_log = logging.getLogger(__name__)

_FIRST_S = 0.1
_LONGEST_S = 2.0


class Pauses:
    """The wait between two looks: ``usual_s``, and after failures longer each time."""

    def __init__(self, usual_s: float, meters: Meters) -> None:
        """Seconds; failures are counted in ``meters``."""
        self._failures = meters.counter(measures.FLUSHER_PAUSES)
        self._usual_s = self.seconds = usual_s
        self._has_failed = False

    @property
    def longer(self) -> bool:
        """Whether the last thing that was tried failed."""
        return self.seconds > self._usual_s

    def failed(self, error: Exception) -> None:
        """Wait longer than the last time; ``error`` says why."""
        self._failures.add()
        self._has_failed = True
        if isinstance(error, PersistenceError):
            self.seconds = min(max(self.seconds * 2, _FIRST_S), _LONGEST_S)
            _log.warning("the flusher waits %.2f s: %s", self.seconds, error)
        else:
            self.seconds = _LONGEST_S
            _log.error("a flush failed; the next try is in %.2f s", self.seconds, exc_info=error)

    def went_well(self) -> None:
        """Look again as soon as usual: to fail at once is no harm, as what failed is leased for a while."""
        self.seconds = self._usual_s

    def wrote(self) -> None:
        """PostgreSQL has taken something: whatever it was, it is over."""
        if self._has_failed:
            self._has_failed = False
            _log.info("the flusher writes again")
