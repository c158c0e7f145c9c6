"""`trivet dev` when files change: what reloads, what does not, and who answers meanwhile."""

import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.process import ServerProcess
from tests.serving.wire import Wire, build_request
from tests.system.dev_server import DevServer

pytestmark = pytest.mark.system

Start = Callable[..., DevServer]


@pytest.fixture
def start(
    start_command: Callable[..., ServerProcess], tmp_path: Path, trivet_folder: Path
) -> Start:
    def start_dev(files: dict[str, str] | None = None, *flags: str, **more: object) -> DevServer:
        return DevServer(
            start_command,
            tmp_path / "project",
            trivet_folder,
            files or {},
            *flags,
            **more,  # type: ignore[arg-type]  # passed on
        )

    return start_dev


def changes(server: DevServer) -> list[str]:
    return re.findall(r"dev-changed paths=(\S+)", server.process.output)


def test_a_save_is_answered_by_new_code(start: Start) -> None:
    server = start()
    server.wait_until_ready()
    assert server.get()[1].startswith("first ")
    for number in range(3):
        server.edit(f"value = 'edit {number}'")
        assert server.get()[1].startswith(f"edit {number} ")
    assert server.process.stop() == 0


def test_a_kept_connection_is_answered_by_new_code(start: Start) -> None:
    server = start()
    server.wait_until_ready()
    with Wire(server.address) as wire:
        for number in range(3):
            server.edit(f"value = {number}")
            response = wire.exchange("GET", "/")
            assert response.body.startswith(f"{number} ".encode())
            assert not response.says_close


def test_requests_wait_for_the_new_code_while_it_loads(start: Start, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    server = start()
    server.wait_until_ready()
    with Wire(server.address) as kept:
        first, pid = kept.exchange("GET", "/").body.split()
        assert first == b"first"
        server.save(f"value = open({str(gate)!r}).read()")
        # When the old worker has gone, the supervisor has its connection.
        gone = Path(f"/proc/{int(pid)}")
        server.process.wait_until(lambda: not gone.exists(), "the old worker has gone")
        kept.send(build_request("GET", "/"))
        with Wire(server.address) as new:
            new.send(build_request("GET", "/"))
            gate.write_text("second")
            assert new.read_response().body.startswith(b"second ")
        assert kept.read_response().body.startswith(b"second ")


def test_a_request_in_flight_is_finished_by_the_old_code(start: Start, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    app = f"""\
import helper

def app(environ, start_response):
    value = helper.value
    if environ["PATH_INFO"] == "/slow":
        print("slow has begun", flush=True)
        value += open({str(gate)!r}).read()
    start_response("200 OK", [("Content-Length", str(len(value)))])
    return [value.encode()]
"""
    server = start({"app.py": app})
    server.wait_until_ready()
    with Wire(server.address) as wire:
        wire.send(build_request("GET", "/slow"))
        server.process.wait_for_output("slow has begun")
        server.edit("value = 'second'")
        assert server.get() == (200, "second")
        gate.write_text(" and the end")
        assert wire.read_response().body == b"first and the end"
        # The connection has followed to the new code.
        assert wire.exchange("GET", "/").body == b"second"


def test_a_stream_of_the_old_code_is_cut_after_the_grace(start: Start) -> None:
    app = """\
import threading

def app(environ, start_response):
    start_response("200 OK", [])
    def stream():
        yield b"begun"
        threading.Event().wait()
    return stream()
"""
    server = start({"app.py": app}, "--reload-grace", "50ms")
    server.wait_until_ready()
    with Wire(server.address) as wire:
        wire.send(build_request("GET", "/"))
        assert b"begun" in wire.socket.recv(4096)
        server.edit("# another\n" + app, name="app.py")
        while wire.socket.recv(4096):
            pass


BROKEN_STREAM = """\
def app(environ, start_response):
    start_response("200 OK", [])
    def parts():
        yield b"one part"
        raise ValueError("in the middle")
    if environ["PATH_INFO"] == "/stream":
        return parts()
    return [b"whole"]
"""


def test_an_exception_in_the_middle_of_a_stream_is_told_once(start: Start) -> None:
    server = start({"app.py": BROKEN_STREAM})
    server.process.wait_for_output("dev-ready")
    with Wire(server.address) as wire:
        wire.request("GET", "/stream")
        assert b"one part" in wire.read_to_end()
    server.process.wait_for_output(r'dev-exception error="ValueError: in the middle"')
    assert server.process.stop() == 0
    # That of the report is indented.
    assert "\nTraceback" not in server.process.output


def test_contents_decide_and_not_times(start: Start) -> None:
    server = start({"second.py": ""})
    server.wait_until_ready()
    (server.folder / "helper.py").touch()
    os.utime(server.folder / "helper.py", (1, 1))
    server.edit("# changed", name="second.py")
    assert changes(server) == ["second.py"]
    # Older than what it replaces, as `mv` and many tools make it.
    draft = server.folder / "draft"
    draft.write_text("value = 'older'\n")
    os.utime(draft, (1000, 1000))
    before = server.count("dev-reloaded")
    draft.rename(server.folder / "helper.py")
    server.wait_for("dev-reloaded", before + 1)
    assert server.get()[1].startswith("older ")


def test_two_saves_of_the_same_length_in_one_second_are_two(start: Start) -> None:
    server = start(PYTHONDONTWRITEBYTECODE="")
    server.wait_until_ready()
    for letter in "abcdefgh":
        path = server.folder / "helper.py"
        before = server.count("dev-reloaded")
        path.write_text(f"value = '{letter}'\n")
        os.utime(path, (5, 5))
        server.wait_for("dev-reloaded", before + 1)
        assert server.get()[1].startswith(f"{letter} ")


def test_what_git_ignores_is_not_watched_unless_it_is_imported(start: Start) -> None:
    server = start(
        {
            ".gitignore": "generated/\nlocal_*.py\n",
            "generated/code.py": "",
            "node_modules/package/tool.py": "",
            "local_unused.py": "",
            "local_settings.py": "value = 'local'\n",
            "helper.py": "from local_settings import value\n",
        }
    )
    server.wait_until_ready()
    for name in ("generated/code.py", "node_modules/package/tool.py", "local_unused.py"):
        server.save("changed = True", name)
    server.edit("value = 'changed'", name="local_settings.py")
    assert server.get()[1].startswith("changed ")
    assert changes(server) == ["local_settings.py"]


def test_patterns_add_files_and_leave_some_out(start: Start) -> None:
    server = start(
        {"data/names.json": "{}", "scratch/notes.py": ""},
        *("--reload-extra-files", "data/*.json", "--reload-ignore", "scratch/"),
    )
    server.wait_until_ready()
    server.save("# changed", "scratch/notes.py")
    server.edit('{"a": 1}', name="data/names.json")
    assert changes(server) == ["data/names.json"]


def test_new_files_in_new_folders_are_seen(start: Start) -> None:
    server = start()
    server.wait_until_ready()
    server.edit("value = 'package'", name="package/sub/__init__.py")
    server.edit("import importlib\nvalue = importlib.import_module('package.sub').value")
    assert server.get()[1].startswith("package ")
    server.edit("value = 'again'", name="package/sub/__init__.py")
    assert server.get()[1].startswith("again ")


def test_templates_and_styles_restart_nothing(start: Start) -> None:
    server = start({"templates/page.html": "1", "static/site.css": "1"})
    server.wait_until_ready()
    before = server.get()
    server.edit("2", "dev-changed", "static/site.css")
    server.edit("2", "dev-changed", "templates/page.html")
    assert changes(server) == ["static/site.css", "templates/page.html"]
    assert server.get() == before
    assert server.count("dev-reloaded") == 0


def test_polling_finds_the_same(start: Start) -> None:
    server = start({}, "--reload-poll", "on")
    server.wait_until_ready()
    assert "reload_poll is on" in server.process.output
    (server.folder / "helper.py").touch()
    server.edit("value = 'polled'")
    assert server.get()[1].startswith("polled ")
    assert changes(server) == ["helper.py"]


def test_without_reload_nothing_is_watched(start: Start) -> None:
    server = start({}, "--no-reload")
    assert server.get()[1].startswith("first ")
    server.save("value = 'second'")
    assert server.get()[1].startswith("first ")
    assert len(server.process.child_pids()) == 1


def test_several_workers_are_all_replaced(start: Start) -> None:
    server = start({}, "--workers", "3")
    server.wait_until_ready()
    server.edit("value = 'second'")
    answers = [server.get()[1] for _ in range(30)]
    assert all(answer.startswith("second ") for answer in answers)


def test_nothing_is_left_when_the_supervisor_is_killed(start: Start) -> None:
    server = start()
    server.wait_until_ready()
    server.edit("value = 'second'")
    server.process.signal(signal.SIGKILL)
    server.process.wait()
    ended = threading.Event()
    while server.process.has_left_processes():
        # The group's end sends nothing that could be waited for.
        ended.wait(0.01)


def test_outside_modules_are_imported_once(start: Start, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.touch()
    module = f"open({str(journal)!r}, 'a').write('imported\\n')\n"
    server = start({"helper.py": "import outside\nvalue = 1"}, outside={"outside.py": module})
    server.wait_until_ready()
    for number in range(3):
        server.edit(f"import outside\nvalue = {number}")
    # By the first worker, and by the warm parent.
    assert journal.read_text().splitlines() == ["imported"] * 2
    assert server.get()[1].startswith("2 ")


def test_a_module_that_starts_threads_is_imported_anew_each_time(start: Start) -> None:
    module = (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    server = start({"helper.py": "import outside\nvalue = 1"}, outside={"outside.py": module})
    server.process.wait_for_output("importing outside starts threads")
    server.edit("import outside\nvalue = 2")
    assert server.get()[1].startswith("2 ")
    assert 'why_cold="importing outside starts threads"' in server.process.output


def test_a_module_that_cannot_be_forked_is_imported_anew_each_time(start: Start) -> None:
    code = "import os, outside\nif outside.pid != os.getpid(): os.abort()\nvalue = "
    server = start(
        {"helper.py": code + "1"}, outside={"outside.py": "import os\npid = os.getpid()"}
    )
    server.wait_until_ready()
    server.edit(code + "2")
    server.process.wait_for_output("SIGABRT while it loaded the app, and loads without it")
    server.edit(code + "3")
    assert server.get()[1].startswith("3 ")


def test_a_library_that_fails_in_the_warm_parent_alone_is_no_error_of_the_app(start: Start) -> None:
    outside = "import os\npid = os.getpid()\ndef check():\n    assert pid == os.getpid()"
    code = "import outside\noutside.check()\nvalue = "
    server = start({"helper.py": code + "1"}, outside={"outside.py": outside})
    server.wait_until_ready()
    server.edit(code + "2")
    assert server.get()[1].startswith("2 ")
    assert server.count("dev-failed") == 0


def test_warm_can_be_off(start: Start) -> None:
    server = start({}, "--no-warm")
    server.edit("value = 2")
    assert 'why_cold="warm is off"' in server.process.output


def test_the_project_is_never_kept_by_a_library_that_imports_it(start: Start) -> None:
    server = start(
        {"helper.py": "import plugin\nvalue = plugin.value()", "settings_of_mine.py": "v = 1"},
        outside={"plugin.py": "import settings_of_mine\ndef value(): return settings_of_mine.v"},
    )
    server.wait_until_ready()
    server.edit("v = 2", name="settings_of_mine.py")
    assert server.get()[1].startswith("2 ")


def stuck_when_imported_again(folder: Path) -> tuple[Path, Path, str]:
    """A module whose second import, the warm parent's, waits until the gate is opened.

    The journal has a letter for each import.
    """
    gate, journal = folder / "gate", folder / "journal"
    os.mkfifo(gate)
    journal.touch()
    module = f"""\
with open({str(journal)!r}, "r+") as journal:
    second = journal.read() == "x"
    journal.write("x")
if second:
    open({str(gate)!r}).read()
"""
    return gate, journal, module


def test_a_save_while_the_warm_parent_imports_waits_for_it(start: Start, tmp_path: Path) -> None:
    gate, journal, module = stuck_when_imported_again(tmp_path)
    server = start({"helper.py": "import outside\nvalue = 1"}, outside={"outside.py": module})
    server.process.wait_for_output(" dev-ready ")
    server.process.wait_until(lambda: journal.read_text() == "xx", "the warm parent imports")
    with gate.open("w"):
        server.edit("import outside\nvalue = 2", "dev-changed")
    server.wait_for("dev-reloaded", 1)
    assert journal.read_text() == "xx"
    assert server.get()[1].startswith("2 ")


def test_a_warm_parent_that_hangs_is_given_up(start: Start, tmp_path: Path) -> None:
    _, journal, module = stuck_when_imported_again(tmp_path)
    server = start({"helper.py": "import outside\nvalue = 1"}, outside={"outside.py": module})
    server.process.wait_for_output(" dev-ready ")
    server.process.wait_until(lambda: journal.read_text() == "xx", "the warm parent imports")
    server.edit("import outside\nvalue = 2")
    assert 'why_cold="importing outside the app takes longer than in it"' in server.process.output
    assert server.get()[1].startswith("2 ")
    assert server.process.stop() == 0
