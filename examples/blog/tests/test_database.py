"""What happens when the blog starts: the tables, the key, and many workers at the same moment."""

import subprocess
import sys
from pathlib import Path

from blog import create_app

BLOG = Path(__file__).parent.parent

START_ONE_WORKER = """
import sys
print("imported", flush=True)
from blog import create_app
sys.stdin.readline()
print(create_app({"DATABASE": sys.argv[1]}).config["SECRET_KEY"])
"""


def test_the_database_survives_a_restart(tmp_path: Path) -> None:
    config = {"DATABASE": str(tmp_path / "new folder" / "blog.sqlite")}
    first, second = create_app(config), create_app(config)
    assert first.config["SECRET_KEY"] == second.config["SECRET_KEY"]
    assert second.test_client().get("/").text.count("<article") == 1


def test_workers_that_start_together_share_one_database_and_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START_ONE_WORKER, str(tmp_path / "blog.sqlite")]
    workers = [
        subprocess.Popen(
            command, cwd=BLOG, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "imported\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    answers = [worker.communicate(timeout=30)[0] for worker in workers]
    assert {worker.returncode for worker in workers} == {0}
    assert len(set(answers)) == 1
