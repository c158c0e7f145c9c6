"""What the app prints: at once, complete, and with a mark of its worker if that is wanted."""

import http.client
import json
import os
import re
import signal
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.system.test_log_without_reader import FullPipe, Serve, full_pipe, serve
from tests.system.test_processes import wait_until
from tests.system.test_reloading import RELOADED, Site, site
from tests.system.test_systemd import Told, manager, told

pytestmark = pytest.mark.system

__all__ = ["full_pipe", "manager", "serve", "site", "told"]  # fixtures

APP = r"""
import os, signal, sys, time
from urllib.parse import unquote

def app(environ, start_response):
    path, query = environ["PATH_INFO"], unquote(environ["QUERY_STRING"])
    if path == "/print":
        print(query)
    elif path == "/slow":
        print(query)
        time.sleep(0.05)
    elif path == "/error":
        print(query, file=sys.stderr)
    elif path == "/bytes":
        os.write(1, b"caf\xc3\xa9 \xff\n")
    elif path == "/die":
        print("first words")
        os.write(1, b"last words")
        os.kill(os.getpid(), signal.SIGKILL)
    elif path == "/start":
        import subprocess
        subprocess.run(["sh", "-c", "echo said by a program"])
    elif path == "/flood":
        for number in range(int(query)):
            print(f"line {number} " + "x" * 100)
    elif path == "/wait":
        open(query).read()
        print("printed after that")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


@pytest.fixture(autouse=True)
def deployed(site: Site) -> None:
    site.deploy(APP)


TAGGED = ("--worker-output", "tagged")


@pytest.mark.parametrize("flags", [(), ("--preload",), TAGGED, (*TAGGED, "--preload")])
def test_a_line_arrives_while_the_worker_still_runs(site: Site, flags: tuple[str, ...]) -> None:
    server = site.serve("-w", "1", *flags)
    site.get("/print?hello")
    mark = r"\[worker 1\] " if "tagged" in flags else ""
    server.wait_for_output(rf"(?m)^{mark}hello\n")


@pytest.mark.parametrize("how", ["dev", "script"])
def test_so_it_does_without_a_supervisor_and_in_development(
    site: Site, start_command: Serve, how: str
) -> None:
    (site.folder / "run.py").write_text(
        f"from trivet import serve\nfrom shop import app\nserve(app, bind='{site.address.bind}')\n"
    )
    command = {
        "dev": ["-m", "trivet", "dev", "shop", "--bind", site.address.bind, "--no-reload"],
        "script": ["run.py"],
    }[how]
    server = start_command([sys.executable, *command], site.folder, [site.address])
    server.wait_until_listening()
    site.get("/print?hello")
    server.wait_for_output(r"(?m)^hello\n")
    assert server.stop() == 0


@pytest.mark.parametrize("flags", [("--preload",), ()])
def test_lines_of_each_worker_have_its_number(site: Site, flags: tuple[str, ...]) -> None:
    server = site.serve("-w", "2", "--no-access-log", *TAGGED, *flags)

    def both_have_printed() -> bool:
        clients = [threading.Thread(target=site.get, args=("/slow?hello",)) for _ in range(8)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        return set(re.findall(r"(?m)^\[worker (\d)\] hello$", server.output)) == {"1", "2"}

    server.wait_until(both_have_printed, "both workers have printed")


def test_the_access_log_does_not_go_through_the_supervisor(site: Site) -> None:
    server = site.serve("-w", "1", *TAGGED)
    site.get("/print?hello")
    server.wait_for_output(r'(?m)^127\.0\.0\.1 - - \[.*"GET /print\?hello HTTP/1\.1" 200')


def test_the_last_words_of_a_killed_worker_come_before_its_end(site: Site) -> None:
    server = site.serve("-w", "1", *TAGGED)
    with pytest.raises(OSError, match=r".*"):
        site.get("/die")
    server.wait_for_output("worker-died")
    said = server.output[: server.output.index("worker-died")]
    assert "[worker 1] first words\n[worker 1] last words\n" in said


def test_json_has_an_event_for_each_line_and_nobody_can_forge_one(site: Site) -> None:
    server = site.serve("-w", "1", "--log-format", "json", *TAGGED)
    site.get("/bytes")
    # They are two pipes: of what waits in both, nobody can tell which came first.
    server.wait_for_output('"stream": "stdout"')
    site.get("/error?" + quote('{"event":"stopped"}'))
    server.wait_for_output('"stream": "stderr"')
    assert server.stop() == 0
    events = [json.loads(line) for line in server.output.splitlines()]
    printed = [event for event in events if event["event"] == "worker-output"]
    assert [(event["stream"], event["message"], event["worker"]) for event in printed] == [
        ("stdout", "café \\xff", 1),
        ("stderr", '{"event":"stopped"}', 1),
    ]


def test_a_printed_line_steers_no_terminal(site: Site) -> None:
    server = site.serve("-w", "1", *TAGGED)
    site.get("/print?a%1b[2Jb%09c")
    server.wait_for_output(r"(?m)^\[worker 1\] a\\x1b\[2Jb\tc$")


def test_what_the_app_starts_prints_with_the_worker_s_mark(site: Site) -> None:
    server = site.serve("-w", "1", *TAGGED)
    site.get("/start")
    server.wait_for_output(r"(?m)^\[worker 1\] said by a program$")


def test_log_level_does_not_hide_what_the_app_prints(site: Site) -> None:
    server = site.serve("-w", "1", "--log-level", "error", *TAGGED, until="")
    server.wait_until_listening()
    site.get("/print?hello")
    server.wait_for_output(r"\[worker 1\] hello")


def test_a_reload_changes_it(site: Site) -> None:
    (site.folder / "trivet.toml").write_text(f'bind = "{site.address.bind}"\n')
    server = site.serve("-w", "1")
    (site.folder / "trivet.toml").write_text(
        f'bind = "{site.address.bind}"\nworker_output = "tagged"\n'
    )
    site.reload(APP, RELOADED)
    site.get("/print?hello")
    server.wait_for_output(r"(?m)^\[worker 1\] hello\n")
    assert server.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="opens a named pipe for both directions")
def test_a_reader_that_stops_holds_up_who_prints_and_nobody_else(
    serve: Serve, site: Site, told: Told, full_pipe: FullPipe
) -> None:
    server = serve("-w", "1", "--no-access-log", "--graceful-timeout", "60s", *TAGGED, source=APP)
    told()
    client = threading.Thread(target=site.get, args=("/flood?5000",))
    client.start()
    pid = site.get()
    server.signal(signal.SIGHUP)  # and the supervisor hears it, although nobody reads
    assert told()[0] == "RELOADING=1"
    assert told()[0] == "READY=1"
    assert site.get() != pid
    printed = full_pipe.read_until(b" line 4999 xxx")
    client.join()
    numbers = re.findall(r"(?m)^\[worker 1\] line (\d+) ", "\n".join(printed))
    assert list(map(int, numbers)) == list(range(5000))


@pytest.mark.skipif(sys.platform != "linux", reason="opens a named pipe for both directions")
def test_the_server_stops_while_nobody_reads_what_is_printed(
    serve: Serve, site: Site, told: Told
) -> None:
    server = serve("-w", "1", "--graceful-timeout", "1s", *TAGGED, source=APP)
    told()
    client = threading.Thread(target=get_or_be_cut, args=(site, "/flood?5000"))
    client.start()
    site.get()
    assert server.stop() == 0
    client.join()
    assert not server.has_left_processes()


def get_or_be_cut(site: Site, path: str) -> None:
    try:
        site.get(path)
    except (OSError, http.client.HTTPException):
        pass


def test_a_view_may_print_after_the_supervisor_was_killed(site: Site, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    server = site.serve("-w", "1", *TAGGED)
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(site.get(f"/wait?{gate}")))
    client.start()
    with gate.open("w") as opened:  # waits for the view
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        wait_until(lambda: "supervisor-lost" in server.output, "the worker has noticed")
        opened.write("go on")
    client.join()
    assert answers
    wait_until(lambda: "\nprinted after that\n" in server.output, "the view has printed")
    wait_until(lambda: not server.has_left_processes(), "everything has ended")
