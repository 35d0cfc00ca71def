"""The page of the API in a real browser: all operations are there, calls can be tried, and no other host is asked for anything."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import browser, gunicorn, programs, rawhttp

WIDTHS = (360, 1440)
PAGES = ("/docs", "/api/v2")
FITS = "document.documentElement.scrollWidth <= innerWidth"
SHOWN = "document.querySelectorAll('.opblock').length"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gunicorn.GunicornServer]:
    programs.need(browser.PROGRAM, "tests in a browser")
    server = gunicorn.start(tmp_path_factory.mktemp("swagger"), {"DRAGOMAN_WEB_WORKERS": "1"}, health="/health")
    yield server
    server.stop()


def operations(server: gunicorn.GunicornServer) -> Counter[str]:
    """How many operations each tag has, by the document itself."""
    paths = json.loads(rawhttp.request(server.target, "/openapi.json").body)["paths"]
    return Counter(operation["tags"][0] for path in paths.values() for operation in path.values())


def click(page: browser.Browser, selector: str) -> None:
    page.wait_for(f"!!document.querySelector({selector!r})")
    page.evaluate(f"document.querySelector({selector!r}).click()")


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_operation_is_shown_and_no_other_host_is_asked(
    server: gunicorn.GunicornServer, tmp_path: Path, path: str, width: int
) -> None:
    wanted = operations(server)
    assert wanted["gateway"] >= 5
    with closing(browser.Browser(tmp_path)) as page:
        page.open(f"http://127.0.0.1:{server.port}{path}", width)
        page.wait_for(f"document.querySelectorAll('.opblock-tag').length === {len(wanted)}")
        assert page.evaluate(FITS)
        for tag, count in wanted.items():
            click(page, f"#operations-tag-{tag}")
            page.wait_for(f"{SHOWN} === {count}")
            assert page.evaluate(FITS), tag
            click(page, f"#operations-tag-{tag}")
            page.wait_for(f"{SHOWN} === 0")
        assert page.complaints == []
    asked = page.requested()
    assert {urlsplit(url).hostname for url in asked} == {"127.0.0.1"}
    assert any(urlsplit(url).path == "/openapi.json" for url in asked)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "width"), list(zip(PAGES, WIDTHS, strict=True)))
def test_a_call_can_be_tried_on_the_page(server: gunicorn.GunicornServer, tmp_path: Path, path: str, width: int) -> None:
    with closing(browser.Browser(tmp_path)) as page:
        page.open(f"http://127.0.0.1:{server.port}{path}#/gateway/gateway_get_health", width)
        for button in (".try-out__btn", ".execute"):
            click(page, button)
        answered = "document.querySelector('.live-responses-table .response-col_status:not(.col_header)')?.innerText ?? ''"
        assert page.wait_for(answered).split()[0] == "200"
        assert '"status": "ok"' in page.evaluate("document.querySelector('.live-responses-table').innerText")
        assert page.evaluate(FITS)
    assert f"http://127.0.0.1:{server.port}/health" in page.requested()


@pytest.mark.slow
def test_the_browser_tells_when_a_page_asks_another_host(server: gunicorn.GunicornServer, tmp_path: Path) -> None:
    """What the first test would see if the page did: without this, its silence would prove nothing."""
    with closing(browser.Browser(tmp_path)) as page:
        page.open(f"http://127.0.0.1:{server.port}/health", WIDTHS[1])
        page.wait_for("document.readyState === 'complete' && location.pathname === '/health'")
        page.evaluate("fetch('http://elsewhere.example/').catch(() => 0)")
        page.open(f"http://127.0.0.1:{server.port}/docs", WIDTHS[1])
        page.wait_for("!!document.querySelector('.opblock-tag')")
        page.evaluate("fetch('http://other.example/').catch(() => 0)")
        assert any("http://other.example/" in each for each in page.complaints), "the page's policy let it pass"
    asked = {urlsplit(url).hostname for url in page.requested()}
    assert "elsewhere.example" in asked
    assert "other.example" not in asked
