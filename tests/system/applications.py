"""The applications that tests serve, as a table: where each is, its needs, its conversation."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.serving.requests import Request, Variable
from tests.system.conversations import (
    api,
    blog,
    bottle_notes,
    dash_board,
    django_shop,
    falcon_things,
    files,
    httpbin,
    package_index,
    script,
    stream,
)

APPS = REPOSITORY / "tests" / "apps"
EXAMPLES = REPOSITORY / "examples"


@dataclass(frozen=True, kw_only=True)
class Application:
    """`environment` gets an empty folder and the interpreter, returns variables for the server."""

    target: str
    directory: Path
    conversation: Sequence[Request]
    variables: Sequence[Variable]
    environment: Callable[[Path, Path], Mapping[str, str]] = lambda folder, python: {}


def prepare_django_shop(folder: Path, python: Path) -> dict[str, str]:
    """Make the database with one person who may do everything."""
    environment = {
        "SHOP_DATABASE": str(folder / "shop.sqlite"),
        "DJANGO_SUPERUSER_PASSWORD": "correct horse",
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    person = ["--noinput", "--username", "boss", "--email", "boss@app.test"]
    for command in (["migrate", "--verbosity=0"], ["createsuperuser", "--verbosity=0", *person]):
        subprocess.run(
            [str(python), "manage.py", *command],
            cwd=APPS / "django_shop",
            env=environment,
            check=True,
        )
    return {"SHOP_DATABASE": environment["SHOP_DATABASE"]}


APPLICATIONS: Mapping[str, Application] = {
    "blog": Application(
        target="app:app",
        directory=EXAMPLES / "blog",
        conversation=blog.CONVERSATION,
        variables=blog.VARIABLES,
        environment=lambda folder, python: {"BLOG_DATABASE": str(folder / "blog.sqlite")},
    ),
    "api": Application(
        target="app:app",
        directory=EXAMPLES / "api",
        conversation=api.CONVERSATION,
        variables=api.VARIABLES,
        environment=lambda folder, python: {"TASKS_DATABASE": str(folder / "tasks.sqlite")},
    ),
    "files": Application(
        target="app:app",
        directory=EXAMPLES / "files",
        conversation=files.CONVERSATION,
        variables=files.VARIABLES,
        environment=lambda folder, python: {"FILES_FOLDER": str(folder / "files")},
    ),
    "stream": Application(
        target="app:app",
        directory=EXAMPLES / "stream",
        conversation=stream.CONVERSATION,
        variables=stream.VARIABLES,
    ),
    "script": Application(
        target="app:app",
        directory=EXAMPLES / "script",
        conversation=script.CONVERSATION,
        variables=script.VARIABLES,
    ),
    "httpbin": Application(
        target="httpbin:app",
        directory=APPS,
        conversation=httpbin.CONVERSATION,
        variables=httpbin.VARIABLES,
    ),
    "django": Application(
        target="shop.wsgi:application",
        directory=APPS / "django_shop",
        conversation=django_shop.CONVERSATION,
        variables=django_shop.VARIABLES,
        environment=prepare_django_shop,
    ),
    "dash": Application(
        target="dash_board:server",
        directory=APPS,
        conversation=dash_board.CONVERSATION,
        variables=dash_board.VARIABLES,
    ),
    "pypiserver": Application(
        target="package_index:app",
        directory=APPS,
        conversation=package_index.CONVERSATION,
        variables=package_index.VARIABLES,
        environment=lambda folder, python: {"PACKAGES_FOLDER": str(folder)},
    ),
    "bottle": Application(
        target="bottle_notes:app",
        directory=APPS,
        conversation=bottle_notes.CONVERSATION,
        variables=bottle_notes.VARIABLES,
    ),
    "falcon": Application(
        target="falcon_things:app",
        directory=APPS,
        conversation=falcon_things.CONVERSATION,
        variables=falcon_things.VARIABLES,
    ),
}
