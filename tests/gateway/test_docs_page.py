"""`/docs`: a page that needs nothing from elsewhere, and lets nothing else be read."""

import re

import pytest
from yarl import URL

from gateway.openapi import viewer
from tests.gateway.conftest import Client
from tests.gateway.expect import problem

FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
}


async def test_the_page_and_all_that_it_loads(stranger: Client) -> None:
    response = await stranger.get("/docs")
    page = await response.text()
    assert (response.status, response.content_type) == (200, "text/html")
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert {name for name in loaded if name.startswith("docs/")} == {f"docs/{name}" for name in FILES}
    # A path that begins with no slash stays behind whatever address a proxy gives the service.
    assert {name for name in loaded if not name.startswith("docs/")} == {"openapi.json", "data:,"}
    assert "<script>" not in page
    assert "style=" not in page
    for name, content_type in FILES.items():
        found = await stranger.get(f"/docs/{name}")
        assert (found.status, found.content_type) == (200, content_type)
        assert len(await found.read()) > 100
        again = await stranger.get(f"/docs/{name}", headers={"If-None-Match": found.headers["ETag"]})
        assert again.status == 304


async def test_nothing_is_asked_of_the_network(stranger: Client) -> None:
    start = await (await stranger.get("/docs/start.js")).text()
    assert "//" not in start
    assert "validatorUrl: null" in start
    assert 'url: "openapi.json"' in start


@pytest.mark.parametrize("path", ["/docs", *(f"/docs/{name}" for name in FILES)])
async def test_a_browser_is_told_to_be_strict(stranger: Client, path: str) -> None:
    headers = (await stranger.get(path)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "haversack"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "index.html",
        "..%2F..%2Fpyproject.toml",
        "%2e%2e%2fswagger-ui.css",
        "....//swagger-ui.css",
        "/etc/passwd",
        "swagger-ui.css%00",
        "swagger-ui.css/",
        "SWAGGER-UI.CSS",
        "oauth2-redirect.html",
    ],
)
async def test_no_other_file(stranger: Client, name: str) -> None:
    response = await stranger.get(URL(f"/docs/{name}", encoded=True))
    await problem(response, 404, "NOT_FOUND")


async def test_the_document(stranger: Client) -> None:
    response = await stranger.get("/openapi.json")
    assert (response.status, response.content_type) == (200, "application/json")
    assert (await response.json())["openapi"] == "3.1.0"
    again = await stranger.get("/openapi.json", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == 304


@pytest.fixture
def no_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer, "PACKAGE", "no-such-distribution")


async def test_without_the_viewer(no_viewer: None, stranger: Client) -> None:
    """The document is there all the same."""
    await problem(await stranger.get("/docs"), 404, "NOT_FOUND")
    await problem(await stranger.get("/docs/start.js"), 404, "NOT_FOUND")
    assert (await stranger.get("/openapi.json")).status == 200
