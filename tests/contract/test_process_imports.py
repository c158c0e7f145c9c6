"""What a production process loads: nothing of other commands, nothing that slows the start."""

import subprocess
import sys

import pytest

#: Modules that no ordinary start needs; each takes milliseconds or memory of every worker.
COSTLY = {"argparse", "asyncio", "email", "json", "logging", "subprocess", "traceback", "string"}
OTHER_COMMANDS = ("trivet.dev", "trivet.check", "trivet.deploy")


def modules_after(statement: str) -> set[str]:
    code = f"import sys\nsys.path[:0] = {sys.path!r}\n{statement}\nprint(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(result.stdout.split())


@pytest.mark.parametrize("module", ["trivet.cli.serve", "trivet.api", "trivet.worker.main"])
def test_production_loads_nothing_that_it_does_not_need(module: str) -> None:
    loaded = modules_after(f"import {module}")
    costly = sorted(COSTLY & loaded)
    assert not costly, f"import {costly} inside the functions that need them"
    assert not [name for name in loaded if name.startswith(OTHER_COMMANDS)]


def test_a_worker_knows_no_command_line() -> None:
    loaded = modules_after("import trivet.worker.main")
    assert not [name for name in loaded if name.startswith(("trivet.cli", "trivet.supervisor"))]
