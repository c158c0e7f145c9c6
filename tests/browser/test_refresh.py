"""Pages that refresh themselves: a real Chromium, tabs of it, and a real `trivet dev`."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.projects import write_project
from tests.serving.addresses import free_tcp_address
from tests.serving.process import ServerProcess

PATIENCE_MILLISECONDS = 20_000

SHOP = {
    "app.py": """
        from flask import Flask, make_response, render_template, request

        app = Flask(__name__)
        WORDS = "first words"
        connections = []

        @app.get("/")
        def index():
            return render_template("index.html", words=WORDS)

        @app.get("/nonce")
        def nonce():
            answer = make_response(render_template("index.html", words=WORDS))
            answer.headers["Content-Security-Policy"] = (
                "default-src 'none'; script-src 'nonce-abc123'; worker-src 'self';"
                " connect-src 'self'; style-src 'self'"
            )
            return answer

        @app.get("/forbidden")
        def forbidden():
            answer = make_response(render_template("index.html", words=WORDS))
            answer.headers["Content-Security-Policy"] = "script-src 'none'"
            return answer

        @app.route("/form", methods=["GET", "POST"])
        def form():
            return f"<form method=post><button>{request.method} {WORDS}</button></form>"

        @app.get("/fails")
        def fails():
            return "broken", 500, {"X-Trivet-Error": "7"}
    """,
    "templates/index.html": """
        <!doctype html>
        <html>
          <head>
            <link rel="icon" href="data:,">
            <link rel="stylesheet" href="{{ url_for('static', filename='site.css') }}">
          </head>
          <body>
            <h1>{{ words }}</h1>
            <p style="height: 4000px">in the template</p>
          </body>
        </html>
    """,
    "static/site.css": "h1 { color: rgb(1, 2, 3); }\n",
}


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    """One profile, whose tabs share what a person's tabs share."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    yield context
    context.close()


class Shop:
    """A project and the server that runs it."""

    def __init__(self, directory: Path, server: ServerProcess) -> None:
        self.directory = directory
        self.server = server

    def url(self, path: str = "/") -> str:
        return f"{self.server.url}{path}"

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.directory / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def connections(self) -> int:
        """Established connections to the server, as the system counts them."""
        port = f":{self.server.address.authority.rpartition(':')[2]}"
        listed = subprocess.run(
            ["ss", "-Htn", "state", "established", "sport", "=", port],
            capture_output=True,
            text=True,
            check=True,
        )
        return len(listed.stdout.splitlines())


Start = Callable[..., Shop]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `trivet dev` on a project of its own."""
    servers: list[ServerProcess] = []

    def start_shop(*flags: str) -> Shop:
        directory = write_project(tmp_path / "shop", SHOP)
        address = free_tcp_address()
        server = ServerProcess(
            [sys.executable, "-m", "trivet", "dev", "--port", str(address.port), *flags],
            addresses=[address],
            directory=directory,
            environment={
                **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                "PYTHONPATH": os.pathsep.join(sys.path),
                "PYTHONUNBUFFERED": "1",
            },
            output_path=tmp_path / "dev.log",
        )
        servers.append(server)
        server.wait_until_listening()
        server.wait_for_output("dev-started|app:app is served|started")
        return Shop(directory, server)

    yield start_shop
    for server in servers:
        server.signal(15)
        server.clean_up()


@pytest.fixture
def shop(start: Start) -> Shop:
    return start()


def open_tab(context: Any, url: str) -> Any:
    """A tab whose script has said hello to the server."""
    tab = context.new_page()
    tab.goto(url)
    wait_until_it_listens(tab)
    return tab


def wait_until_it_listens(tab: Any) -> None:
    # Not wait_for_function(): a page's policy forbids what that does.
    tab.locator("script[data-generation][data-listens]").wait_for(state="attached")


def mark(tab: Any) -> None:
    """Leave a trace that a reload would remove."""
    tab.evaluate("window.notReloaded = true")


def wait_for_text(tab: Any, text: str) -> None:
    tab.wait_for_function("text => document.body.innerText.includes(text)", arg=text)


def test_a_python_change_reloads_every_tab(context: Any, shop: Shop) -> None:
    tabs = [open_tab(context, shop.url()) for _ in range(2)]
    shop.edit("app.py", "first words", "second words")
    for tab in tabs:
        wait_for_text(tab, "second words")


def test_a_template_change_reloads_without_a_new_worker(context: Any, shop: Shop) -> None:
    tab = open_tab(context, shop.url())
    generation = tab.locator("script[data-generation]").get_attribute("data-generation")
    shop.edit("templates/index.html", "in the template", "in the other template")
    wait_for_text(tab, "in the other template")
    # The code is the same; that files beside it have changed is noted behind it.
    now = tab.locator("script[data-generation]").get_attribute("data-generation")
    assert now == f"{generation}.1"


def test_a_style_change_is_swapped_in_without_a_reload(context: Any, shop: Shop) -> None:
    tab = open_tab(context, shop.url())
    mark(tab)
    shop.edit("static/site.css", "rgb(1, 2, 3)", "rgb(4, 5, 6)")
    tab.wait_for_function("getComputedStyle(document.querySelector('h1')).color === 'rgb(4, 5, 6)'")
    tab.wait_for_function("document.querySelectorAll('link[rel=stylesheet]').length === 1")
    assert tab.evaluate("window.notReloaded")


def test_a_change_before_the_page_listens_is_not_missed(context: Any, shop: Shop) -> None:
    tab = context.new_page()

    def change_first(route: Any) -> None:
        # The page is made, and listens to nothing before it has this script.
        shop.edit("templates/index.html", "in the template", "in the other template")
        shop.server.wait_for_output("dev-changed")
        route.continue_()

    tab.route("**/-/trivet/refresh.js?*", change_first, times=1)
    tab.goto(shop.url())
    wait_for_text(tab, "in the other template")


def test_all_tabs_share_one_connection(context: Any, shop: Shop) -> None:
    open_tab(context, shop.url())
    tabs = [open_tab(context, shop.url()) for _ in range(7)]
    # A browser has six connections for a host (RFC 9112 lets it choose): an eighth tab would wait.
    shop.edit("static/site.css", "rgb(1, 2, 3)", "rgb(4, 5, 6)")
    for tab in tabs:
        tab.wait_for_function(
            "getComputedStyle(document.querySelector('h1')).color === 'rgb(4, 5, 6)'"
        )
    requests = [
        tab.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
        for tab in tabs
    ]
    assert not [name for names in requests for name in names if "events" in name]


def test_the_place_on_the_page_is_kept(context: Any, shop: Shop) -> None:
    tab = open_tab(context, shop.url())
    tab.evaluate("scrollTo(0, 1234)")
    shop.edit("app.py", "first words", "second words")
    wait_for_text(tab, "second words")
    tab.wait_for_function("scrollY === 1234")


def test_broken_code_is_shown_and_the_mended_code_comes_back_by_itself(
    context: Any, shop: Shop
) -> None:
    tab = open_tab(context, shop.url())
    shop.edit("app.py", "WORDS =", "WORDS = (")
    wait_for_text(tab, "SyntaxError")
    shop.edit("app.py", "WORDS = (", "WORDS =")
    wait_for_text(tab, "first words")


def test_the_script_runs_with_the_nonce_of_the_page(context: Any, shop: Shop) -> None:
    tab = open_tab(context, shop.url("/nonce"))
    shop.edit("app.py", "first words", "second words")
    wait_for_text(tab, "second words")


def test_a_page_whose_policy_forbids_scripts_is_left_alone(context: Any, shop: Shop) -> None:
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.goto(shop.url("/forbidden"))
    assert tab.locator("script").count() == 0
    assert complaints == []


def test_a_page_that_came_from_a_form_is_not_sent_again(context: Any, shop: Shop) -> None:
    tab = open_tab(context, shop.url("/form"))
    tab.locator("button").click()
    wait_for_text(tab, "POST first words")
    wait_until_it_listens(tab)
    shop.edit("app.py", "first words", "second words")
    tab.locator("trivet-badge").wait_for()
    assert "POST first words" in tab.inner_text("body")


@pytest.mark.parametrize(
    "request_by_script",
    [
        "fetch('/fails')",
        "fetch(new Request('/fails', {method: 'GET'}))",
        "{ const x = new XMLHttpRequest(); x.open('GET', '/fails'); x.send() }",
    ],
)
def test_a_failed_request_of_a_script_shows_a_badge(
    context: Any, shop: Shop, request_by_script: str
) -> None:
    tab = open_tab(context, shop.url())
    tab.evaluate(f"() => {{ {request_by_script} }}")
    badge = tab.locator("trivet-badge")
    badge.wait_for()
    assert "500 GET /fails" in " ".join(badge.inner_text().split())
    link = badge.locator("a")
    assert link.get_attribute("href") == shop.url("/-/trivet/errors/7")
    # By the keyboard too.
    badge.locator("button").focus()
    tab.keyboard.press("Enter")
    badge.wait_for(state="detached")


def test_a_request_that_works_shows_none(context: Any, shop: Shop) -> None:
    tab = open_tab(context, shop.url())
    assert tab.evaluate("fetch('/form').then(answer => answer.text())").startswith("<form")
    assert tab.locator("trivet-badge").count() == 0


def test_without_shared_workers_one_tab_listens_for_all(browser: Any, shop: Shop) -> None:
    context = browser.new_context()
    context.add_init_script("delete window.SharedWorker")
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    tabs = [open_tab(context, shop.url()) for _ in range(7)]
    shop.edit("app.py", "first words", "second words")
    for tab in tabs:
        wait_for_text(tab, "second words")
    context.close()


def test_without_shared_workers_and_locks_each_tab_listens(browser: Any, shop: Shop) -> None:
    context = browser.new_context()
    context.add_init_script(
        "delete window.SharedWorker; Object.defineProperty(navigator, 'locks', {value: undefined})"
    )
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    tabs = [open_tab(context, shop.url()) for _ in range(2)]
    shop.edit("app.py", "first words", "second words")
    for tab in tabs:
        wait_for_text(tab, "second words")
    context.close()


def test_the_tabs_wait_for_a_server_that_is_started_again(
    context: Any, shop: Shop, tmp_path: Path
) -> None:
    tab = open_tab(context, shop.url())
    mark(tab)
    assert shop.server.stop() == 0
    shop.edit("app.py", "first words", "second words")
    again = ServerProcess(
        shop.server.command,
        addresses=shop.server.addresses,
        directory=shop.directory,
        environment={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        output_path=tmp_path / "again.log",
    )
    try:
        wait_for_text(tab, "second words")
    finally:
        again.signal(15)
        again.clean_up()
