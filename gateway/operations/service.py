"""What the service says of itself."""

from typing import Any, Final

from gateway.http.operation import Operation
from gateway.http.reply_shapes import Alive, Ready
from gateway.operations.parts import DOCS_FILE

SERVICE: Final = (
    Operation(
        name="alive",
        method="GET",
        path="/healthz",
        scope=None,
        summary="Whether the process answers at all",
        reply=Alive,
    ),
    Operation(
        name="ready",
        method="GET",
        path="/readyz",
        scope=None,
        summary="Whether everything that serving needs is there",
        description="What is missing is told to those whose token may `operate`; others read `failed`.",
        reply=Ready,
        problems=("UNAVAILABLE",),
    ),
    Operation(
        name="read_metrics",
        method="GET",
        path="/metrics",
        scope=None,
        summary="What monitoring reads: counts, times, and what waits",
        description="In the text format of Prometheus, or OpenMetrics' where it is accepted. Who may "
        "read it is a setting: by default callers on the same machine.",
        reply=str,
        reply_media_type="text/plain",
        problems=("NOT_FOUND", "ACCESS_DENIED", "UNAUTHENTICATED"),
    ),
    Operation(
        name="read_openapi",
        method="GET",
        path="/openapi.json",
        scope=None,
        summary="This document",
        reply=dict[str, Any],
        tagged=True,
    ),
    Operation(
        name="read_docs",
        method="GET",
        path="/docs",
        scope=None,
        summary="This document, to be read and tried in a browser",
        reply=str,
        reply_media_type="text/html",
        tagged=True,
    ),
    Operation(
        name="read_docs_file",
        method="GET",
        path=DOCS_FILE,
        scope=None,
        summary="A file that the page for browsers is made of",
        reply=str,
        reply_media_type="*/*",
        tagged=True,
        problems=("NOT_FOUND",),
    ),
)
