"""Spans, sent to a collector: of requests, of what they ask of Redis, of loads, and of flushes."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.telemetry.tracing import tracing
from tests.servers import Servers
from tests.serving import TOKEN, serving

pytest.importorskip("opentelemetry.sdk", reason="this test needs the extra tracing")

CALLERS_TRACE, CALLERS_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEDDA = "11111111-1111-4111-8111-111111111111"
NEW = "5e1f0000-0000-4000-8000-0000000000ab"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, str]] = []

    async def take(self, request: web.Request) -> web.Response:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        sent = ExportTraceServiceRequest.FromString(body)
        for resource in sent.resource_spans:
            self.resources.append({one.key: one.value.string_value for one in resource.resource.attributes})
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return web.Response()

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: one.value.int_value or one.value.string_value for one in span.attributes}


@asynccontextmanager
async def collecting() -> AsyncIterator[tuple[Collector, str]]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    server = TestServer(app)
    await server.start_server()
    try:
        yield collector, str(server.make_url("/"))
    finally:
        await server.close()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_request_and_what_becomes_of_it(
    servers: Servers, database_url: str, tmp_path: Path, workers: str
) -> None:
    async with collecting() as (collector, endpoint):
        env = {
            "HAVERSACK_REDIS_URL": servers.redis.url,
            "HAVERSACK_DATABASE_URL": database_url,
            "HAVERSACK_WORKERS": workers,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        with serving(tmp_path / "log", "--demo", env=env) as service:
            async with aiohttp.ClientSession(service.url, headers=HEADERS) as http:
                async with http.post("/v1/characters", json={"char_id": NEW, "name": "Ida"}) as reply:
                    assert reply.status == 201
                inventory = f"/v1/characters/{NEW}/inventory"
                caller = {"traceparent": f"00-{CALLERS_TRACE}-{CALLERS_SPAN}-01"}
                coin = {"template_id": "gold_coin", "quantity": 1}
                async with http.post(f"{inventory}/grant", json=coin, headers=caller) as reply:
                    assert reply.status == 200
                async with http.get("/v1/nowhere") as reply:
                    assert reply.status == 404
                async with http.post(f"{inventory}/consume", json={**coin, "quantity": 10**6}) as reply:
                    assert reply.status == 422
                async with asyncio.timeout(20):
                    while not collector.named("flush batch") or not collector.named("consume"):
                        await asyncio.sleep(0.05)
            assert await asyncio.to_thread(service.stop) == 0
    (granted,) = collector.named("grant")
    assert (granted.trace_id.hex(), granted.parent_span_id.hex()) == (CALLERS_TRACE, CALLERS_SPAN)
    told = attributes(granted)
    assert told["http.request.method"] == "POST" and told["http.response.status_code"] == 200
    assert told["http.route"] == "/v1/characters/{char_id}/inventory/grant"
    # The demo's characters may have been loaded as well, for nobody's request.
    (load,) = (span for span in collector.named("load session") if span.trace_id == granted.trace_id)
    assert load.parent_span_id == granted.span_id and attributes(load)["character"] == NEW
    calls = [span for span in collector.named("redis session_execute") if span.trace_id == granted.trace_id]
    assert calls and {call.parent_span_id for call in calls} == {granted.span_id}
    opened = {span.parent_span_id for span in collector.named("redis session_open")}
    assert load.span_id in opened
    assert all(span.end_time_unix_nano > span.start_time_unix_nano for span in collector.spans)
    (refused,) = collector.named("consume")
    assert attributes(refused)["haversack.code"] == "INSUFFICIENT_ITEMS"
    assert not refused.parent_span_id
    flushes = collector.named("flush batch")
    assert all(attributes(flush)["entries"] >= attributes(flush)["sessions"] >= 1 for flush in flushes)
    assert all(flush.trace_id != granted.trace_id for flush in flushes)
    # What the flusher asks of Redis ten times a second belongs to nobody.
    assert not collector.named("redis work_claim")
    assert {resource["service.name"] for resource in collector.resources} == {"haversack"}
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
async def test_nothing_is_traced_unless_it_is_asked_for(environ: dict[str, str]) -> None:
    async with tracing(environ) as made:
        assert made is None


async def test_what_cannot_be_traced_is_said(caplog: pytest.LogCaptureFixture) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with caplog.at_level(logging.WARNING):
        async with tracing(environ) as made:
            assert made is None
    assert "must be http/protobuf" in caplog.text


async def test_without_the_extra_it_is_said_and_served(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with caplog.at_level(logging.WARNING):
        async with tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}) as made:
            assert made is None
    assert "extra tracing" in caplog.text


async def test_a_collector_that_is_away_holds_up_no_stop(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    env = {
        "HAVERSACK_REDIS_URL": servers.redis.url,
        "HAVERSACK_DATABASE_URL": database_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }
    with serving(tmp_path / "log", "--demo", env=env) as service:
        async with (
            aiohttp.ClientSession(service.url, headers=HEADERS) as http,
            http.get(f"/v1/characters/{HEDDA}/inventory") as reply,
        ):
            assert reply.status == 200
        async with asyncio.timeout(25):
            assert await asyncio.to_thread(service.stop) == 0
