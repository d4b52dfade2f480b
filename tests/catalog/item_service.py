"""An item service as a studio might have it, on a real port, which does what it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class FakeStudio:
    """``mode``: how it answers from now on. ``asked``: the headers of every request."""

    def __init__(self) -> None:
        self.text = b""
        self.tag: str | None = '"v1"'
        self.mode = "well"
        self.asked: list[dict[str, str]] = []
        self.url = ""
        self.released = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.headers))
        headers = {"Content-Type": "application/x-ndjson"} | ({"ETag": self.tag} if self.tag else {})
        match self.mode:
            case "broken":
                return web.Response(status=500, text="no")
            case "moved":
                return web.Response(status=302, headers={"Location": f"{self.url}/elsewhere"})
            case "stalls":
                await self.released.wait()
            case "page":
                return web.Response(text="<html>Please log in</html>", content_type="text/html")
            case "cut" | "silent":
                return await self._part(request, headers)
        if self.tag and request.headers.get("If-None-Match") == self.tag:
            return web.Response(status=304, headers=headers)
        response = web.Response(body=self.text, headers=headers)
        if self.mode == "packed":
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async def _part(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        """The first half, and then nothing, or the end of the connection."""
        response = web.StreamResponse(headers=headers)
        if self.mode == "cut":
            response.content_length = len(self.text)
        else:
            response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(self.text[: len(self.text) // 2])
        if self.mode == "silent":
            await self.released.wait()
        if request.transport is not None:
            request.transport.close()
        return response


@asynccontextmanager
async def studio() -> AsyncIterator[FakeStudio]:
    """It serves for the length of a block."""
    fake = FakeStudio()
    app = web.Application()
    app.router.add_get("/items", fake.answer)
    app.router.add_get("/items/elsewhere", fake.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    fake.url = f"http://{host}:{port}/items"
    try:
        yield fake
    finally:
        fake.released.set()
        await runner.cleanup()
