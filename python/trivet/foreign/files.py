"""Find out whose configuration a file is, and translate it; the tables say what becomes of it."""

from __future__ import annotations

import os

from trivet.errors import ConfigurationUnreadable
from trivet.foreign import gunicorn, gunicorn_file, uwsgi, waitress
from trivet.foreign.mapping import Translation, translate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SERVER_SECTION = "server:"


def from_gunicorn(file: str, environ: Mapping[str, str]) -> Translation:
    """gunicorn.conf.py (python:MODULE, - for none) and GUNICORN_CMD_ARGS."""
    source = gunicorn_file.VARIABLE if file == gunicorn_file.NO_FILE else file
    return translate(source, gunicorn_file.read(file, environ), gunicorn.SETTINGS)


def from_file(file: str, environ: Mapping[str, str]) -> Translation:
    """A file of gunicorn, uWSGI or waitress, by what is in it. Raises TrivetError."""
    if file == gunicorn_file.NO_FILE or file.startswith("python:") or file.endswith(".py"):
        return from_gunicorn(file, environ)
    try:
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationUnreadable(f"{file} cannot be read: {error}") from error
    yaml = os.path.splitext(file)[1] in (".yaml", ".yml")
    sections = read_yaml(text) if yaml else read_ini(text)
    if "uwsgi" in sections:
        return translate(file, combined(sections["uwsgi"], environ), uwsgi.SETTINGS)
    for name, entries in sections.items():
        if name.startswith(SERVER_SECTION):
            return translate(f"{file} [{name}]", combined(entries, {}), waitress.SETTINGS)
    raise ConfigurationUnreadable(
        f"{file} has no section [uwsgi] and none that begins with [{SERVER_SECTION}",
        hint="a file of gunicorn ends in .py",
    )


Entries = list[tuple[str, str]]


def read_ini(text: str) -> dict[str, Entries]:
    """Sections of `key = value` lines. Keys may come again, which configparser refuses."""
    sections: dict[str, Entries] = {}
    entries: Entries = []
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped.startswith("[") and stripped.endswith("]"):
            entries = sections.setdefault(stripped[1:-1].strip(), [])
            continue
        key, _, value = stripped.partition("=")
        entries.append((key.strip(), value.strip()))
    return sections


def read_yaml(text: str) -> dict[str, Entries]:
    """What uWSGI's own reader takes: a name on a line, and `key: value` lines below it."""
    sections: dict[str, Entries] = {}
    entries: Entries = []
    for line in text.splitlines():
        stripped = line.split(" #")[0].strip()
        if not stripped or stripped.startswith(("#", "---", "%")):
            continue
        key, _, value = stripped.partition(":")
        if not line[0].isspace() and not value.strip():
            entries = sections.setdefault(key.strip(), [])
            continue
        entries.append((key.removeprefix("- ").strip(), value.strip().strip("\"'")))
    return sections


def combined(entries: Entries, environ: Mapping[str, str]) -> list[tuple[str, object]]:
    """Each key once, with a list where it came again; $(NAME) and %(key) are put in."""
    values: dict[str, object] = {}
    for key, text in entries:
        value = _filled_in(text, environ, values)
        earlier = values.get(key)
        if earlier is None:
            values[key] = value
        else:
            values[key] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
    return list(values.items())


def _filled_in(text: str, environ: Mapping[str, str], values: Mapping[str, object]) -> str:
    for mark, known in (("$(", environ), ("%(", values)):
        parts = text.split(mark)
        text = parts[0]
        for part in parts[1:]:
            name, closed, rest = part.partition(")")
            text += f"{known[name]}{rest}" if closed and name in known else f"{mark}{part}"
    return text
