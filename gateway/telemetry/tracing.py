"""Tracing by OpenTelemetry, for whoever has installed the extra ``tracing`` and named a collector.

What is traced and where it goes is said by OpenTelemetry's own variables, of which
``OTEL_EXPORTER_OTLP_ENDPOINT`` turns it on. Who does not trace pays nothing: it is decided once, at the
start, and the parts that make spans stand in for those that make none.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.http.operation import Operation
from gateway.http.problems import ProblemResponse
from gateway.telemetry.measures import LASTING
from persistence.spans import End, Value

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"
# A stop of the server waits for no collector longer than this.
_STOP_S: Final = 2.0

_log = logging.getLogger("haversack.tracing")


class Tracing:
    """Makes spans of requests, and of what persistence does for them."""

    def __init__(self, provider: "TracerProvider") -> None:
        """Send them to ``provider``, which ``stop`` shuts down."""
        from opentelemetry import propagate, trace

        self._trace: Any = trace
        self._propagate: Any = propagate
        self._provider = provider
        self._tracer = provider.get_tracer("haversack", version("haversack"))

    def around(self, operation: Operation, handler: Handler) -> Handler:
        """The handler in a span that belongs to the caller's, if ``traceparent`` names one.

        A stream lasts as long as its caller likes, so it is no span.
        """
        if operation.name in LASTING:
            return handler
        trace, extract, tracer = self._trace, self._propagate.extract, self._tracer
        attributes = {"http.request.method": operation.method, "http.route": operation.path}
        name = operation.name

        async def traced_handler(request: web.Request) -> web.StreamResponse:
            with tracer.start_as_current_span(
                name, context=extract(request.headers), kind=trace.SpanKind.SERVER, attributes=attributes
            ) as span:
                response = await handler(request)
                span.set_attribute("http.response.status_code", response.status)
                if isinstance(response, ProblemResponse):
                    span.set_attribute("haversack.code", response.code)
                if response.status >= 500:
                    span.set_status(trace.StatusCode.ERROR)
                return response

        return traced_handler

    def during(self, name: str, **attributes: Value) -> AbstractContextManager[object]:
        """See ``persistence.spans.Spans``."""
        return self._tracer.start_as_current_span(name, attributes=attributes)

    def begun(self, name: str, **attributes: Value) -> End | None:
        """See ``persistence.spans.Spans``."""
        trace = self._trace
        if not trace.get_current_span().is_recording():
            return None
        span = self._tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes)

        def end(error: BaseException | None) -> None:
            if error is not None:
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            span.end()

        return end

    async def stop(self) -> None:
        """Send what is there still, unless the collector takes too long."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            # The loop may have been closed by then, and nobody waits any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set)

        # A thread of the loop's own would be waited for at the end, however long that takes.
        threading.Thread(target=shut_down, name="tracing", daemon=True).start()
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _STOP_S)


@asynccontextmanager
async def tracing(environ: Mapping[str, str]) -> AsyncIterator[Tracing | None]:
    """Tracing as the environment asks for it, None where it does not; to be begun in the process that serves.

    That it is asked for and cannot be done is logged: nothing that players need depends on it.
    """
    made = _made(environ) if _is_wanted(environ) else None
    try:
        yield made
    finally:
        if made is not None:
            await made.stop()


def _is_wanted(environ: Mapping[str, str]) -> bool:
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return environ.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp" and any(map(environ.get, _ENDPOINTS))


def _made(environ: Mapping[str, str]) -> Tracing | None:
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _PROTOCOL)
    if protocol != _PROTOCOL:
        _log.warning("nothing is traced: OTEL_EXPORTER_OTLP_PROTOCOL must be %s", _PROTOCOL)
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        _log.warning("nothing is traced: %s; install haversack with its extra tracing", error)
        return None
    attributes = {"service.version": version("haversack")}
    if "OTEL_SERVICE_NAME" not in environ and "service.name=" not in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        attributes["service.name"] = "haversack"
    provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _log.info("requests are traced")
    return Tracing(provider)
