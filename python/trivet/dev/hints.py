"""The commonest mistakes, and what to do about each: a table of recognisers; text only, no action.

Exceptions are recognised by the names of their classes: no framework is imported. Which name was
meant is looked for here: Python suggests only what it prints itself, and less in older versions.
"""

from __future__ import annotations

import builtins
import difflib
import inspect
import linecache
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

MOST_CAUSES_LOOKED_AT = 10
MOST_KEYS_SHOWN = 8


@dataclass(frozen=True)
class Hint:
    """One mistake: the classes that show it (any of a class's bases), what its message matches,
    and the sentence; `advise` returns "" when on a closer look it is something else."""

    name: str
    classes: tuple[str, ...]
    advise: Callable[[BaseException, Sequence[str]], str]
    message: str = ""
    #: The sentence tells of what values hold; who must not see values does not get it.
    tells_values: bool = False
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pattern", re.compile(self.message, re.IGNORECASE | re.DOTALL))

    def applies(self, error: BaseException) -> bool:
        names = {base.__name__ for base in type(error).__mro__}
        return bool(names & set(self.classes)) and bool(self._pattern.search(_message(error)))


def hints_for(
    error: BaseException, roots: Sequence[str], *, with_values: bool = True
) -> Iterator[str]:
    """Yield what to do about an error or what it came from, each once, the likeliest first."""
    told = set()
    for each in _chain(error):
        for hint in HINTS:
            if not hint.applies(each) or (hint.tells_values and not with_values):
                continue
            try:
                text = hint.advise(each, roots)
            except Exception:  # noqa: BLE001 - attributes of foreign exceptions; no hint is worth an error
                continue
            if text and text not in told:
                told.add(text)
                yield text
                break


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(MOST_CAUSES_LOOKED_AT):
        if current is None:
            return
        yield current
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - __str__ of users' classes may raise anything
        return ""


def _says(text: str) -> Callable[[BaseException, Sequence[str]], str]:
    return lambda error, roots: text


#: Modules whose distribution has another name.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "flask_debugtoolbar": "Flask-DebugToolbar",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}


def _installer() -> str:
    """The command that this project seems to install packages with."""
    for lock, command in (
        ("uv.lock", "uv add"),
        ("poetry.lock", "poetry add"),
        ("pdm.lock", "pdm add"),
        ("Pipfile", "pipenv install"),
    ):
        if os.path.exists(lock):
            return command
    return f"{os.path.basename(sys.executable)} -m pip install"


def _missing_module(error: BaseException, roots: Sequence[str]) -> str:
    name = getattr(error, "name", None) or ""
    top = name.partition(".")[0]
    if not top:
        return ""
    if top in sys.modules:
        return f"{top} is there, but {name} is not a part of it: look at the spelling, and at which version is installed."
    own = sorted(
        {
            entry.name.removesuffix(".py")
            for root in roots
            for entry in Path(root).iterdir()
            if entry.name.isidentifier() or entry.suffix == ".py"
        }
    )
    if near := difflib.get_close_matches(top, own, 1, 0.75):
        return f"The project has {near[0]!r}: is it that which you mean?"
    if beside := _beside(error, top):
        return f"{beside} is in the same folder: `from . import {top}` finds it."
    known = sorted(set(sys.stdlib_module_names) | set(sys.modules))
    near = [
        name for name in difflib.get_close_matches(top, known, 1, 0.8) if not name.startswith("_")
    ]
    also = f" Or is {near[0]!r} meant?" if near else ""
    return (
        f"Install it where this Python finds it: {_installer()} {DISTRIBUTIONS.get(top, top)}{also}"
    )


def _beside(error: BaseException, module: str) -> str:
    for point in traceback.extract_tb(error.__traceback__)[::-1]:
        file = os.path.join(os.path.dirname(point.filename), f"{module}.py")
        if not point.filename.startswith("<") and os.path.exists(file):
            return os.path.basename(file)
    return ""


def _circular(error: BaseException, roots: Sequence[str]) -> str:
    name = getattr(error, "name", "") or "the two modules"
    return (
        f"Circular import: {name} was asked for something before it had finished, by a module that it"
        " imports itself. Move one of the two imports into the function that uses it, or what both"
        " need into a third module. In Flask: make `db = SQLAlchemy()` in a module of its own and call"
        " db.init_app(app)."
    )


def _cannot_import_name(error: BaseException, roots: Sequence[str]) -> str:
    wanted = getattr(error, "name_from", "") or _quoted(_message(error))
    module = sys.modules.get(getattr(error, "name", "") or "")
    near = difflib.get_close_matches(wanted, dir(module), 1) if module and wanted else []
    return f"{error.name} has {near[0]!r}: is it that which you mean?" if near else ""  # type: ignore[attr-defined] # an ImportError, by the table


def _template_not_found(error: BaseException, roots: Sequence[str]) -> str:
    name = getattr(error, "name", None) or _message(error)
    folders = _template_folders(roots)
    templates = [
        str(path.relative_to(folder))
        for folder in folders
        for path in sorted(folder.rglob("*"))[:2_000]
        if path.is_file()
    ]
    shown = ", ".join(str(folder) for folder in folders[:6]) or "no folder called templates exists"
    near = difflib.get_close_matches(str(name), templates, 1, 0.5)
    by_base = [each for each in templates if os.path.basename(each) == os.path.basename(str(name))]
    found = (by_base or near)[:1]
    meant = f" There is {found[0]!r}: is it that which you mean?" if found else ""
    return f"Looked for in: {shown}.{meant}"


def _template_folders(roots: Sequence[str]) -> list[Path]:
    found = []
    for root in roots[:1]:
        for folder, children, _ in os.walk(root):
            children[:] = [
                name
                for name in children
                if not name.startswith(".")
                and name not in ("node_modules", "site-packages", "venv")
            ]
            if "templates" in children:
                found.append(Path(folder) / "templates")
            if len(found) > 20 or folder.count(os.sep) > root.count(os.sep) + 4:
                children.clear()
    return found


def _build_error(error: BaseException, roots: Sequence[str]) -> str:
    suggested = getattr(error, "suggested", None)
    endpoint = getattr(error, "endpoint", "")
    near = getattr(suggested, "endpoint", "")
    arguments: set[str] = getattr(suggested, "arguments", None) or set()
    if near and near != endpoint:
        return (
            f"There is an endpoint {near!r}. In a blueprint the endpoint is 'blueprint.function',"
            " or '.function' from inside it. `flask routes` lists them all."
        )
    missing = sorted(set(arguments) - set(getattr(error, "values", {}) or {}))
    if near and missing:
        return f"The URL of {endpoint!r} needs {', '.join(missing)}: url_for({endpoint!r}, {', '.join(f'{name}=…' for name in missing)})."
    return "`flask routes` lists the endpoints; in a blueprint it is 'blueprint.function'."


def _no_reverse_match(error: BaseException, roots: Sequence[str]) -> str:
    return (
        "The name is that of path(…, name=…), with 'app_name:' in front where urls.py sets app_name;"
        " arguments must match the converters of the path."
    )


def _no_such_table(error: BaseException, roots: Sequence[str]) -> str:
    if "django.db" in sys.modules:
        return "The database lacks a migration: python manage.py migrate (and makemigrations before it, when a model is new)."
    if "flask_migrate" in sys.modules or "alembic" in sys.modules:
        return "The database lacks a migration: flask db upgrade (with Alembic alone: alembic upgrade head)."
    if "flask_sqlalchemy" in sys.modules:
        return "The tables were not made: with app.app_context(): db.create_all() makes those of every imported model."
    return "The tables were not made in this database: run what makes them (a schema file, create_all, a migration), and see that it is this file which is opened."


def _name_error(error: BaseException, roots: Sequence[str]) -> str:
    name = getattr(error, "name", None) or _quoted(_message(error))
    frame = _last_frame(error)
    if frame is None or not name:
        return ""
    if hasattr(frame.f_locals.get("self"), name):
        return f"The object has it: self.{name}."
    # A module's name is its whole name: what is only near to one is misspelt otherwise.
    if name in sys.stdlib_module_names:
        return f"It is a module of Python: `import {name}` at the top of the file."
    near = _near(name, [*frame.f_locals, *frame.f_globals, *dir(builtins)])
    return f"Is {near!r} meant?" if near else ""


def _attribute_error(error: BaseException, roots: Sequence[str]) -> str:
    name, owner = getattr(error, "name", None), getattr(error, "obj", None)
    if not name or owner is None:
        return ""
    near = _near(name, dir(owner))
    return f"There is {near!r}: is it that which you mean?" if near else ""


def _key_error(error: BaseException, roots: Sequence[str]) -> str:
    """Which keys there are, where the failing line leaves no doubt of which dict is meant."""
    key, frame = (error.args or (None,))[0], _last_frame(error)
    if not isinstance(key, str) or frame is None:
        return ""
    line = linecache.getline(frame.f_code.co_filename, _last_line(error))
    names = set(re.findall(r"([^\W\d]\w*)\[", line))
    lacking = [
        (name, value)
        for name, value in {**frame.f_globals, **frame.f_locals}.items()
        if name in names and isinstance(value, dict) and key not in value
    ]
    if len(lacking) != 1:
        return ""
    name, value = lacking[0]
    keys = [each for each in value if isinstance(each, str)]
    near = _near(key, keys)
    if near:
        return f"{name} has {near!r}: is it that which you mean?"
    if not value:
        return f"{name} is empty. {name}.get({key!r}) gives None instead of an error."
    shown = ", ".join(repr(each) for each in list(value)[:MOST_KEYS_SHOWN])
    more = ", …" if len(value) > MOST_KEYS_SHOWN else ""
    return f"{name} has {shown}{more}. {name}.get({key!r}) gives None instead of an error."


def _near(name: str, known: Iterable[str]) -> str:
    """The one that was probably meant; letters in another case are no difference."""
    by_folded = {each.lower(): each for each in known if each != name}
    wanted = difflib.get_close_matches(name.lower(), list(by_folded), 1, 0.7)
    return by_folded[wanted[0]] if wanted else ""


def _last_frame(error: BaseException) -> FrameType | None:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return frames[-1] if frames else None


def _last_line(error: BaseException) -> int:
    return next((line for _, line in reversed(list(traceback.walk_tb(error.__traceback__)))), 0)


def _unbound(error: BaseException, roots: Sequence[str]) -> str:
    name = getattr(error, "name", None) or _quoted(_message(error)) or "the name"
    return f"The function assigns {name} somewhere, so it is local everywhere in it. To change the module's one write `global {name}` first, or give the local one a value on every way."


def _none_attribute(error: BaseException, roots: Sequence[str]) -> str:
    return "A value is None where none is expected: a query that found nothing, .get() of a missing key, or a function that ends without return. The values of the names on this line tell which."


def _environ_key(error: BaseException, roots: Sequence[str]) -> str:
    key = error.args[0] if error.args else None
    if isinstance(key, str) and key not in os.environ and re.fullmatch(r"[A-Z][A-Z0-9_]*", key):
        last = traceback.extract_tb(error.__traceback__)[-1:]
        if last and last[0].filename == type(os.environ).__getitem__.__code__.co_filename:
            return f"Set {key} in the environment, or in .env beside the app: trivet dev reads it (with python-dotenv)."
    return ""


def _form_key(error: BaseException, roots: Sequence[str]) -> str:
    key = error.args[0] if error.args else "the key"
    return f"The request has no {key!r}: look at the name= of the field, and whether the form is sent by POST (request.form) or GET (request.args). request.form.get({key!r}) gives None instead of an error."


def _view_returned_none(error: BaseException, roots: Sequence[str]) -> str:
    message = _message(error)
    where = _flask_view(error)
    wrong = re.search(r"but it was an? (\w+(?:\.\w+)*)", message)
    if wrong and wrong[1] != "NoneType":
        return (
            f"The view{where} returns {wrong[1]}, of which Flask cannot make a response: return text,"
            " a dict or a list, or what jsonify() or render_template() gives."
        )
    return (
        f"The view{where} ends without `return` on some way through it: return the response there."
    )


def _flask_view(error: BaseException) -> str:
    """Name and place of the view, which is not in the traceback: it has come to its end."""
    endpoint, functions = "", None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        owner, context = frame.f_locals.get("self"), frame.f_locals.get("ctx")
        functions = getattr(owner, "view_functions", functions)
        endpoint = getattr(getattr(context, "request", None), "endpoint", None) or endpoint
    view: Any = functions.get(endpoint) if isinstance(functions, Mapping) else None
    code = getattr(inspect.unwrap(view), "__code__", None) if view is not None else None
    if code is None:
        return ""
    file = os.path.basename(code.co_filename)
    return f" {endpoint} ({file}, line {code.co_firstlineno})"


def _cannot_encode(error: BaseException, roots: Sequence[str]) -> str:
    return "JSON knows dict, list, str, numbers, True, False and None: convert the value first, for example dict(row), str(date), list(query)."


def _address(error: BaseException, roots: Sequence[str]) -> str:
    return "The database or service is not running, or listens elsewhere: look at the address in the configuration. In a container `localhost` is the container itself; the other service's name is its address."


def _quoted(message: str) -> str:
    match = re.search(r"'([^']+)'", message)
    return match[1] if match else ""


#: Looked through from the top for each exception of the chain; the first that applies is told.
HINTS: tuple[Hint, ...] = (
    Hint("missing-module", ("ModuleNotFoundError",), _missing_module),
    Hint(
        "circular-import",
        ("ImportError", "AttributeError"),
        _circular,
        "partially initialized module|circular import",
    ),
    Hint("cannot-import-name", ("ImportError",), _cannot_import_name, "^cannot import name"),
    Hint(
        "relative-import",
        ("ImportError",),
        _says(
            "A file that is started by its path belongs to no package. Start the app as a module, `trivet dev package.module:app`, from the folder that holds the package."
        ),
        "attempted relative import",
    ),
    Hint("template-not-found", ("TemplateNotFound", "TemplateDoesNotExist"), _template_not_found),
    Hint(
        "attribute-in-template",
        ("UndefinedError",),
        _says(
            "The value is there, but is not what the template takes it for: the values of the names below tell what it is instead."
        ),
        "object' has no attribute",
    ),
    Hint(
        "undefined-in-template",
        ("UndefinedError",),
        _says(
            "The template uses a name that render_template() was not given, or that is None there. `{{ name | default('') }}` shows nothing in its place; a macro sees no context unless imported `with context`."
        ),
    ),
    Hint("build-error", ("BuildError",), _build_error),
    Hint("no-reverse-match", ("NoReverseMatch",), _no_reverse_match),
    Hint(
        "no-such-table",
        ("OperationalError", "ProgrammingError"),
        _no_such_table,
        r"no such table|relation \S+ does not exist|table \S+ doesn't exist",
    ),
    Hint(
        "no-such-column",
        ("OperationalError", "ProgrammingError"),
        _says(
            "The model and the database differ: a migration is missing, or, in development without migrations, the database file is older than the model."
        ),
        r"no such column|has no column named|column \S+ does not exist|unknown column",
    ),
    Hint(
        "database-locked",
        ("OperationalError",),
        _says(
            "Another connection holds SQLite's lock: a shell or a viewer with an open transaction, or a request that has not committed. Commit soon, and set a timeout: sqlite3.connect(file, timeout=10)."
        ),
        "database is locked",
    ),
    Hint(
        "no-database",
        ("OperationalError",),
        _address,
        r"could not connect|connection refused|can't connect|could not translate host name",
    ),
    Hint("connection-refused", ("ConnectionRefusedError", "gaierror"), _address),
    Hint(
        "secret-key",
        ("RuntimeError",),
        _says(
            'Set it before the session is used: app.config["SECRET_KEY"] = os.environ["SECRET_KEY"], with a value made by python -c "import secrets; print(secrets.token_hex())". In development .env is a good place for it.'
        ),
        "no secret key was set|set the secret_key",
    ),
    Hint(
        "secret-key-django",
        ("ImproperlyConfigured",),
        _says(
            "Set SECRET_KEY in settings.py, best from the environment: SECRET_KEY = os.environ['SECRET_KEY']."
        ),
        "secret_key setting must not be empty",
    ),
    Hint(
        "django-settings",
        ("ImproperlyConfigured",),
        _says(
            "Set DJANGO_SETTINGS_MODULE before the app is made, as the wsgi.py of startproject does."
        ),
        "settings are not configured",
    ),
    Hint(
        "disallowed-host",
        ("DisallowedHost",),
        _says(
            "Add the host to ALLOWED_HOSTS in settings.py; for development ['localhost', '127.0.0.1', '[::1]']."
        ),
    ),
    Hint(
        "outside-request",
        ("RuntimeError",),
        _says(
            "request, session and g exist only while a request is handled: not at import, not in a thread of your own. Pass the values that the thread needs as arguments, or use copy_current_request_context."
        ),
        "working outside of request context",
    ),
    Hint(
        "outside-app",
        ("RuntimeError",),
        _says(
            "current_app and what stands on it (url_for, the database) need `with app.app_context():` when no request is being handled."
        ),
        "working outside of application context",
    ),
    Hint(
        "view-returned-none",
        ("TypeError",),
        _view_returned_none,
        "did not return a valid response|didn't return an HttpResponse",
    ),
    Hint(
        "view-returned-none-django",
        ("ValueError",),
        _view_returned_none,
        "didn't return an HttpResponse",
    ),
    Hint(
        "endpoint-overwritten",
        ("AssertionError",),
        _says(
            "Two views have the same name: a decorator without functools.wraps gives every view its own name, or two functions are called the same. endpoint='another-name' in the route also parts them."
        ),
        "overwriting an existing endpoint",
    ),
    Hint("form-key", ("BadRequestKeyError", "MultiValueDictKeyError"), _form_key),
    Hint("environ-key", ("KeyError",), _environ_key),
    Hint("none", ("AttributeError", "TypeError"), _none_attribute, "'NoneType'"),
    Hint("not-json", ("TypeError",), _cannot_encode, "is not JSON serializable"),
    Hint("unbound-local", ("UnboundLocalError",), _unbound),
    Hint("misspelt-name", ("NameError",), _name_error),
    Hint("misspelt-attribute", ("AttributeError",), _attribute_error),
    Hint("missing-key", ("KeyError",), _key_error, tells_values=True),
    Hint(
        "tabs",
        ("TabError",),
        _says("The file mixes tabs and spaces: let the editor convert all to spaces."),
    ),
    Hint(
        "exit",
        ("SystemExit",),
        _says(
            'A module that is served must not end the process: put sys.exit() below `if __name__ == "__main__":`.'
        ),
    ),
    Hint(
        "recursion",
        ("RecursionError",),
        _says(
            "A function calls itself without end; frames that repeat show which. A __repr__ or property that uses itself, and models that refer to each other in JSON, are the usual ones."
        ),
    ),
    Hint(
        "detached",
        ("DetachedInstanceError",),
        _says(
            "The object was loaded by a session that is closed: load what is needed before (joinedload), or keep the session open as long as the object is used."
        ),
    ),
    Hint(
        "address-in-use",
        ("OSError",),
        _says(
            "Somebody else listens on that port, often an older start of the same program: `ss -ltnp` shows who."
        ),
        "address already in use",
    ),
)  # fmt: skip - a table, one row a mistake
