"""What is told of requests beside their answers: counts, and where wanted traces and lines in the log.

What is wanted is decided when the handlers are registered, so a request asks for none of it.
"""

from aiohttp.typedefs import Handler

from gateway.http.operation import Operation
from gateway.telemetry.measures import NO_OPERATION
from gateway.telemetry.metrics import Count, Metrics
from gateway.telemetry.request_log import logged
from gateway.telemetry.tracing import Tracing


class Watch:
    """Watches over the requests of one worker."""

    def __init__(
        self, metrics: Metrics, *, tracing: Tracing | None = None, log_requests: bool = False
    ) -> None:
        """Count in ``metrics``; trace, and log every request, where wanted."""
        self.metrics = metrics
        self._tracing = tracing
        self._log_requests = log_requests

    def counting(self, operation: Operation | None) -> Count:
        """What counts the requests of an operation; None: of paths where there is none."""
        return self.metrics.of_operation(NO_OPERATION if operation is None else operation.name)

    def around(self, operation: Operation | None, handler: Handler) -> Handler:
        """The handler with what is wanted around it, which mostly is the handler."""
        if self._log_requests:
            handler = logged(operation, handler)
        if self._tracing is not None and operation is not None:
            handler = self._tracing.around(operation, handler)
        return handler
