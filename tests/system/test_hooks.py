"""Functions of the user's that are called at certain moments of a server's life."""

import os
import re
import signal

import pytest

from tests.system.test_reloading import FAILED, RELOADED, Site, site

pytestmark = pytest.mark.system

__all__ = ["site"]  # a fixture

MODULE = """\
import os

def told(call):
    names = sorted(set(type(call).__slots__) - {"settings", "hook"})
    values = [f"{name}={getattr(call, name)}" for name in names if getattr(call, name) is not None]
    setting = f"workers_setting={call.settings.workers}"
    print(f"told of {call.hook}:", f"in={os.getpid()}", setting, *values)

def fail(call):
    raise ValueError("no such thing")
"""

OF_SUPERVISOR = ("on_starting", "pre_fork", "when_ready", "on_reload", "child_exit", "on_exit")
OF_WORKER = ("post_fork", "post_worker_init", "worker_int", "worker_exit")


@pytest.fixture(autouse=True)
def deployed(site: Site) -> None:
    (site.folder / "hooks.py").write_text(MODULE)


def flags(*names: str, function: str = "told") -> list[str]:
    return [f"--{name.replace('_', '-')}=hooks:{function}" for name in names]


def calls(output: str) -> list[tuple[str, str]]:
    return re.findall(r"(?m)^told of (\w+): (.*)$", output)


@pytest.mark.parametrize("more", [(), ("--preload",)])
def test_hooks_are_called_in_their_order_and_their_process(
    site: Site, more: tuple[str, ...]
) -> None:
    server = site.serve("-w", "1", *more, *flags(*OF_SUPERVISOR, *OF_WORKER))
    server.wait_for_output("told of when_ready")
    assert site.get() == "0"
    assert server.stop() == 0
    called = calls(server.output)
    assert [name for name, _ in called] == [
        "on_starting",
        "pre_fork",
        "post_fork",
        "post_worker_init",
        "when_ready",
        "worker_exit",
        "child_exit",
        "on_exit",
    ]
    about = dict(called)
    worker_pid = re.search(r"worker_pid=(\d+)", about["post_fork"])
    assert worker_pid is not None
    for name, text in called:
        process = server.pid if name in OF_SUPERVISOR else worker_pid.group(1)
        assert text.startswith(f"in={process} workers_setting=1 "), (name, text)
        assert f"server_pid={server.pid}" in text
    assert "worker=1" in about["pre_fork"]
    assert worker_pid.group() in about["child_exit"]


def test_the_number_of_workers_a_reload_and_an_end_at_once_are_told(site: Site) -> None:
    names = ("on_reload", "nworkers_changed", "worker_int", "child_exit")
    server = site.serve("-w", "1", *flags(*names))
    site.reload(site.version(1), RELOADED)
    server.signal(signal.SIGTTIN)
    server.wait_for_output("worker-ready worker=2")
    os.kill(int(re.findall(r"worker-ready worker=2 pid=(\d+)", server.output)[0]), signal.SIGKILL)
    server.wait_for_output(r"told of child_exit: .*worker=2")
    server.signal(signal.SIGQUIT)
    assert server.wait() == 0
    about = dict(calls(server.output))
    assert "cause=SIGHUP" in about["on_reload"]
    assert about["nworkers_changed"].endswith("workers=2 workers_before=1")
    assert "was killed by SIGKILL" in server.output
    assert "worker_int" in about


@pytest.mark.parametrize("name", ["post_fork", "post_worker_init"])
def test_a_worker_does_not_start_when_a_hook_of_its_start_fails(site: Site, name: str) -> None:
    server = site.serve("-w", "1", *flags(name, function="fail"), until="")
    assert server.wait() == 3
    assert f"trivet: {name} hooks:fail failed: ValueError: no such thing" in server.output
    assert 'hooks.py", line 10, in fail' in server.output


def test_a_failing_hook_of_another_moment_is_logged_and_nothing_else(site: Site) -> None:
    names = ("on_starting", "pre_fork", "when_ready", "worker_exit", "child_exit", "on_exit")
    server = site.serve("-w", "1", *flags(*names, function="fail"), until="hook=when_ready")
    assert site.get() == "0"
    assert server.stop() == 0
    assert re.findall(r"hook-failed hook=(\w+)", server.output) == list(names)
    assert 'hooks.py", line 10, in fail' in server.output


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("when_ready", "hooks:none", "when_ready hooks:none: hooks has no none"),
        ("when_ready", "nothing:told", "importing nothing failed: ModuleNotFoundError"),
        ("worker_exit", "hooks:os", "worker_exit hooks:os cannot be called: it is module"),
        ("worker_exit", "hooks", "--worker-exit is hooks, expected a function such as"),
    ],
)
def test_a_wrong_name_is_told_at_the_start(site: Site, name: str, value: str, what: str) -> None:
    server = site.serve("-w", "1", f"--{name.replace('_', '-')}={value}", until="")
    assert server.wait() in (2, 3)
    assert what in server.output


def test_workers_have_the_new_code_of_a_module_that_the_supervisor_has_imported(
    site: Site,
) -> None:
    site.deploy("def ready(call):\n    pass\n" + site.version(0))
    server = site.serve("-w", "1", "--when-ready=shop:ready")
    assert "hooks-in-supervisor hooks=when_ready modules=shop" in server.output
    site.reload("def ready(call):\n    pass\n" + site.version(1), RELOADED)
    assert site.get() == "1"


def test_a_reload_with_a_wrong_name_leaves_the_old_workers(site: Site) -> None:
    settings = site.folder / "trivet.toml"
    settings.write_text(f'bind = "{site.address.bind}"\n')
    site.serve("-w", "1")
    settings.write_text(f'bind = "{site.address.bind}"\nwhen_ready = "hooks:none"\n')
    site.reload(site.version(1), FAILED)
    assert site.get() == "0"


def test_a_worker_with_a_stuck_thread_calls_worker_abort(site: Site) -> None:
    site.deploy(
        "import ctypes\n"
        "def app(environ, start_response):\n"
        "    if environ['PATH_INFO'] == '/stuck':\n"
        "        ctypes.CDLL(None).sleep(600)\n"
        "    start_response('200 OK', [])\n"
        "    return [b'ok']\n"
    )
    server = site.serve("-w", "1", "--timeout", "1s", *flags("worker_abort"))
    site.get("/stuck")
    server.wait_for_output(r"told of worker_abort: .*cause=a thread is stuck at .*shop\.py:4")
    server.wait_for_output("worker-retired worker=1")
