"""Which application to serve: APP as the user gave it, or found in the project; never imports it.

Without APP the project is asked in this order: FLASK_APP, FLASK_APP in `.env` and `.flaskenv`, the
files that servers agree on (APP_FILES), a Django project's manage.py, a package, and the only other
file that makes an application. What was looked at is kept, for the error when nothing is found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trivet.errors import AppNotFound
from trivet.project import modules
from trivet.project.django import find_django
from trivet.project.flask_variable import FLASK_APP, flask_app_in_files
from trivet.project.frameworks import APP_FILES
from trivet.project.modules import Module
from trivet.project.names_in_file import AppName, FileReading, read_names
from trivet.project.target import FORMS, Call, Target, parse_target
from trivet.settings.nearest import did_you_mean

NAME_IT = (
    'name it, such as `trivet serve shop:app` or `trivet serve "shop:create_app()"`; APP is '
    + FORMS
)


@dataclass(frozen=True)
class AppChoice:
    """The application to load, and why this one.

    `directory_to_add` goes to the front of sys.path, so that `module` can be imported. `attribute`
    is None when only importing can tell. `call` is None unless the attribute is known to be a
    factory. `named` says that the user wrote the attribute, so that no other one will do.
    """

    module: str
    directory_to_add: Path
    attribute: str | None
    call: Call | None
    reason: str
    looked_at: tuple[str, ...] = ()
    named: bool = False

    @property
    def name(self) -> str:
        """The choice as a person writes it, such as `shop:create_app('eu')`."""
        if self.attribute is None:
            return self.module
        if self.call is None:
            return f"{self.module}:{self.attribute}"
        positional, keywords = self.call
        arguments = [repr(value) for value in positional]
        arguments += [f"{key}={value!r}" for key, value in keywords.items()]
        return f"{self.module}:{self.attribute}({', '.join(arguments)})"


def find_app(
    target: str, directory: Path, environ: Mapping[str, str], origin: str = "named as APP"
) -> AppChoice:
    """Return the application that `target` names, or the one found in `directory` when it is empty.

    `origin` says who has named it. Relative paths in `target` and in FLASK_APP start at
    `directory`. Raises AppNotFound, which lists what was looked at.
    """
    directory = Path(os.path.abspath(directory))
    if target.strip():
        return _from_target(target, directory, environ, origin)
    return _search(directory, environ)


# --- APP was given ---------------------------------------------------------------------------


def _from_target(text: str, directory: Path, environ: Mapping[str, str], origin: str) -> AppChoice:
    target = parse_target(text)
    if not target.place:
        raise AppNotFound(f"{text!r} names no module", hint=NAME_IT)
    path = Path(os.path.abspath(directory / target.place))
    for folder in (path.parent, path):
        _refuse_closed_directory(folder)
    # As in an import, a package goes before a file of the same name, and any folder after it.
    if (path / "__init__.py").is_file():
        return _in_package(path, target, origin)
    for file in (path, path.with_name(path.name + ".py")):
        if file.suffix == ".py" and file.is_file():
            return _in_module(modules.of_file(file), target, origin)
    if path.is_dir():
        return _in_folder(path, target, environ)
    if target.place.endswith(".py") or "/" in target.place or os.sep in target.place:
        raise _no_such_path(target.place, path)
    if target.attribute is None and "." in target.place:
        _refuse_dot_for_colon(target.place, directory)
    return _in_module(_find_module(target.place, text, directory), target, origin)


def _find_module(name: str, text: str, directory: Path) -> Module:
    found = modules.find(name, directory)
    if found is None:
        if (directory / name).is_file():
            raise _no_such_path(name, directory / name)
        top = name.partition(".")[0]
        here = [path.stem for path in sorted(directory.glob("*.py"))]
        here += [path.parent.name for path in sorted(directory.glob("*/__init__.py"))]
        near = did_you_mean(top, here)
        raise AppNotFound(
            f"{text!r}: there is no module {name!r} in {directory} or among the installed ones",
            hint=near or NAME_IT,
        )
    return found


def _refuse_dot_for_colon(place: str, directory: Path) -> None:
    """Raise AppNotFound for `shop.app`, where shop is a module and app a name in it."""
    module, _, attribute = place.rpartition(".")
    found = modules.find(module, directory)
    if found is None or found.file is None:
        return
    if found.file.name == "__init__.py" and modules.find(place, directory) is not None:
        return
    raise AppNotFound(
        f"there is no module {place!r} in {directory}", hint=f"did you mean {module}:{attribute}?"
    )


def _refuse_closed_directory(directory: Path) -> None:
    """Raise AppNotFound when this user may not look into a directory."""
    try:
        (directory / "wsgi.py").stat()
    except PermissionError as error:
        raise AppNotFound(
            f"the directory {directory} cannot be searched: {error.strerror}",
            hint="let the user that runs Trivet enter it and the directories above it",
        ) from None
    except OSError:
        return  # nothing there, or no directory: others say that


def _unreadable(file: Path, reading: FileReading) -> AppNotFound:
    return AppNotFound(f"{file} {reading.unreadable}", hint="let the user that runs Trivet read it")


def _no_such_path(place: str, path: Path) -> AppNotFound:
    if path.exists():
        return AppNotFound(f"{place} is no Python file: its name does not end in .py", hint=NAME_IT)
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    return AppNotFound(
        f"there is no file or directory {place}", hint=did_you_mean(path.name, names) or NAME_IT
    )


def _in_module(module: Module, target: Target, origin: str) -> AppChoice:
    """Return the choice of a module: with the attribute that was named, or the best in its file."""
    choice = AppChoice(module.name, module.directory, None, None, origin)
    if target.attribute is not None:
        return replace(choice, attribute=target.attribute, call=target.call, named=True)
    if module.file is None:
        return choice
    reading = read_names(module.file)
    if reading.unreadable:
        raise _unreadable(module.file, reading)
    if reading.best is None and len(reading.equals) > 1:
        names = ", ".join(f"{module.name}:{name.name}" for name in reading.equals)
        raise AppNotFound(
            f"{module.file.name} has {len(reading.equals)} applications and none is called app",
            details=names,
            hint=f"say which one, such as {module.name}:{reading.equals[0].name}",
        )
    if reading.best is None:
        return choice
    return replace(_with_name(choice, reading.best), reason=f"{origin}; has {reading.best.reason}")


def _with_name(choice: AppChoice, name: AppName | None) -> AppChoice:
    if name is None:
        return choice
    return replace(choice, attribute=name.name, call=((), {}) if name.is_factory else None)


def _in_package(path: Path, target: Target, origin: str) -> AppChoice:
    """Return the choice of a folder with `__init__.py`: the package, or what is in the folder."""
    package = modules.of_file(path / "__init__.py")
    if target.attribute is not None or read_names(path / "__init__.py").names:
        return _in_module(package, target, origin)
    inner = _first(_app_files(path), [])
    if inner is not None:
        return replace(inner, reason=f"{origin}; {inner.reason}")
    return _in_module(package, target, origin)


def _in_folder(path: Path, target: Target, environ: Mapping[str, str]) -> AppChoice:
    """Return the choice of a folder that is no package: what is found in it, as if run there."""
    # FLASK_APP names something in the current directory, which was not asked for.
    elsewhere = {key: value for key, value in environ.items() if key != FLASK_APP}
    found = _search(path, elsewhere)
    if target.attribute is not None:
        return replace(found, attribute=target.attribute, call=target.call, named=True)
    return found


# --- nothing was given: search the project -----------------------------------------------------

Finding = Callable[[list[str]], "AppChoice | None"]
"""One way to look for an application; notes in the list what it looked at."""


def _search(directory: Path, environ: Mapping[str, str]) -> AppChoice:
    _refuse_closed_directory(directory)
    ways: list[Finding] = [
        lambda notes: _by_flask_variable(directory, environ, notes),
        lambda notes: _first(_app_files(directory), notes),
        lambda notes: _by_django(directory, environ, notes),
        lambda notes: _only(_packages(directory), notes, directory),
        lambda notes: _only(_other_files(directory), notes, directory),
    ]
    notes: list[str] = []
    for way in ways:
        found = way(notes)
        if found is not None:
            return replace(found, looked_at=tuple(notes))
    raise AppNotFound(
        f"no application found in {directory}",
        details="\n".join(f"looked at {note}" for note in notes),
        hint=NAME_IT,
    )


def _by_flask_variable(
    directory: Path, environ: Mapping[str, str], notes: list[str]
) -> AppChoice | None:
    value, where = environ.get(FLASK_APP, ""), "the environment"
    if not value:
        value, where = flask_app_in_files(directory, environ)
    if not value:
        notes.append(f"{FLASK_APP}: not set, neither in the environment nor in .env or .flaskenv")
        return None
    origin = f"{FLASK_APP}={value} in {where}"
    try:
        return _from_target(value, directory, environ, origin)
    except AppNotFound as error:
        raise AppNotFound(
            f"{origin}: {error.what}", details=error.details, hint=error.hint
        ) from None


def _by_django(directory: Path, environ: Mapping[str, str], notes: list[str]) -> AppChoice | None:
    found = find_django(directory, environ)
    notes.append(found.note)
    if found.wsgi_file is None:
        return None
    module = modules.of_file(found.wsgi_file, top=directory)
    return _in_module(module, Target(module.name, None, None), found.note)


def _app_files(directory: Path) -> Iterator[Path]:
    """Yield the places of a directory that servers agree on; a package hides a file of its name."""
    for name in APP_FILES:
        package = directory / name.removesuffix(".py") / "__init__.py"
        yield package if package.is_file() else directory / name


def _first(files: Iterator[Path], notes: list[str]) -> AppChoice | None:
    """Return the choice of the first file that may have an application."""
    for file in files:
        choice = _consider(file, notes)
        if choice is not None:
            return choice
    return None


def _only(files: Iterator[Path], notes: list[str], directory: Path) -> AppChoice | None:
    """Return the choice of the only file that has an application; several are for the user."""
    choices = [choice for choice in (_consider(file, notes) for file in files) if choice]
    if len(choices) > 1:
        raise AppNotFound(
            f"found {len(choices)} applications in {directory}, and no reason to prefer one",
            details="\n".join(f"{choice.name}: {choice.reason}" for choice in choices),
            hint=f"say which one, such as `trivet serve {choices[0].name}`",
        )
    return choices[0] if choices else None


def _consider(file: Path, notes: list[str]) -> AppChoice | None:
    """Return the choice of a file, or None with a note why it is not the one."""
    module = modules.of_file(file)
    shown = file.relative_to(module.directory)
    if not file.is_file():
        notes.append(f"{shown}: not there")
        return None
    reading = read_names(file)
    if reading.unreadable and file.name in APP_FILES:
        raise _unreadable(file, reading)  # what it hides goes before all that follows
    if reading.names and reading.best is None:
        return _in_module(module, Target(module.name, None, None), str(shown))
    finding = _in_words(reading)
    notes.append(f"{shown}: {finding or reading.unreadable or 'makes no application'}")
    if not finding:
        return None
    choice = AppChoice(module.name, module.directory, None, None, "")
    return replace(_with_name(choice, reading.best), reason=f"{shown} {finding}")


def _in_words(reading: FileReading) -> str:
    """Return what speaks for a file, or nothing. Importing it may be the only way to know more."""
    if reading.best is not None:
        return f"has {reading.best.reason}"
    if reading.problem:
        return reading.problem  # whoever has a typo in app.py wants to hear of the typo
    if reading.takes_all_from:
        return f"takes all names from {reading.takes_all_from}"
    return ""


NOT_THE_PROJECT = frozenset(
    {"tests", "test", "docs", "doc", "examples", "venv", "env", "node_modules", "build", "dist",
     "migrations", "site-packages"}
)  # fmt: skip


def _packages(directory: Path) -> Iterator[Path]:
    """Yield, for each package of the project, the file in it that has an application."""
    for top in (directory, directory / "src"):
        for package in sorted(top.glob("*/__init__.py")):
            folder = package.parent
            if folder.name in NOT_THE_PROJECT or f"{folder.name}.py" in APP_FILES:
                continue
            inside = (file for file in _app_files(folder) if read_names(file).names)
            yield package if read_names(package).names else next(inside, package)


def _other_files(directory: Path) -> Iterator[Path]:
    """Yield the remaining files at the top of the project that have an application."""
    for file in sorted(directory.glob("*.py")):
        others = (*APP_FILES, "manage.py", "setup.py", "conftest.py")
        if file.name in others:
            continue
        reading = read_names(file)
        if reading.names or reading.unreadable:
            yield file
