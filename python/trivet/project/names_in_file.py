"""Which names of a Python file may be an application, judged from its text; nothing is imported.

A name is judged by what the file assigns to it. What only running the file can tell (a star
import, a name set through `globals()`) is left to app/load.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from trivet.project.frameworks import (
    APP_NAMES,
    FACTORY_NAMES,
    FRAMEWORK_BY_MAKER,
    MAKERS_OF_OTHER_THINGS,
)


class AppName:
    """A name that may be the application: how good it is (0 is best), and why it is one."""

    __slots__ = ("is_factory", "name", "rank", "reason")

    def __init__(self, name: str, is_factory: bool, rank: int, reason: str) -> None:
        self.name = name
        self.is_factory = is_factory
        self.rank = rank
        self.reason = reason


class FileReading:
    """What a file's text says: the names that may be an application, best first.

    `problem` is set when the text is not Python; importing the file will then say it better.
    `unreadable` is set when the file is there and the operating system does not let us read it.
    `takes_all_from` is the module of a star import, through which any name may come.
    """

    __slots__ = ("names", "problem", "takes_all_from", "unreadable")

    def __init__(
        self,
        names: tuple[AppName, ...] = (),
        problem: str = "",
        takes_all_from: str = "",
        unreadable: str = "",
    ) -> None:
        self.names = names
        self.problem = problem
        self.takes_all_from = takes_all_from
        self.unreadable = unreadable

    @property
    def best(self) -> AppName | None:
        """The best name, or None when there is none or when several are equally good."""
        if not self.names or len(self.equals) > 1:
            return None
        return self.names[0]

    @property
    def equals(self) -> tuple[AppName, ...]:
        """The names that share the best rank."""
        return tuple(name for name in self.names if name.rank == self.names[0].rank)


# The order is that of flask.cli.find_best_app, with one difference: there, "is a Flask" can be
# asked of the object. Here an `app` made by something unknown (ProxyFix(…), socketio.WSGIApp(…))
# comes before a Flask of another name, which is often what `app` is wrapped around.
_RANK_KNOWN_APP = 0
_RANK_APP = _RANK_KNOWN_APP + len(APP_NAMES)
_RANK_KNOWN_OTHER_NAME = _RANK_APP + len(APP_NAMES)
_RANK_FACTORY = _RANK_KNOWN_OTHER_NAME + 1


def read_names(file: Path) -> FileReading:
    """Return what a file's text says about its application; one that is not there says nothing."""
    try:
        # Bytes, because ast honours the coding line (PEP 263).
        source = file.read_bytes()
    except FileNotFoundError:
        return FileReading()
    except OSError as error:
        return FileReading(unreadable=f"cannot be read: {error.strerror}")
    return read_source(source)


def read_source(source: bytes | str) -> FileReading:
    """Return what Python source says about its application."""
    try:
        statements = list(_top_level(ast.parse(source).body))
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes, before Python 3.12
        line = getattr(error, "lineno", None)
        return FileReading(problem=f"is not valid Python (line {line})" if line else str(error))
    origins = _imported_names(statements)
    found: dict[str, AppName] = {}
    for statement in statements:
        for name in _judge(statement, origins):
            found[name.name] = name  # a later assignment replaces an earlier one
    stars = (module for module, imported in _from_imports(statements) if imported.name == "*")
    return FileReading(
        tuple(sorted(found.values(), key=lambda name: name.rank)),
        takes_all_from=next(stars, ""),
    )


def _top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run at import, also inside if, try and with."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If):
            if not _asks_for_main(statement.test):
                yield from _top_level(statement.body)
            yield from _top_level(statement.orelse)
        elif isinstance(statement, ast.With):
            yield from _top_level(statement.body)
        elif isinstance(statement, ast.Try):
            yield from _top_level(statement.body)
            for handler in statement.handlers:
                yield from _top_level(handler.body)
            yield from _top_level(statement.orelse)
            yield from _top_level(statement.finalbody)


def _asks_for_main(test: ast.expr) -> bool:
    """Return whether this is the test of `if __name__ == "__main__"`, never true at import."""
    return isinstance(test, ast.Compare) and any(
        isinstance(node, ast.Constant) and node.value == "__main__" for node in ast.walk(test)
    )


def _from_imports(statements: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.alias]]:
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            for imported in statement.names:
                yield "." * statement.level + (statement.module or ""), imported


def _imported_names(statements: list[ast.stmt]) -> dict[str, str]:
    """Return local name → dotted name of everything that is imported."""
    origins: dict[str, str] = {}
    for statement in statements:
        if isinstance(statement, ast.Import):
            for imported in statement.names:
                # `import a.b` binds `a`; `import a.b as c` binds `c` to a.b.
                top = imported.name.partition(".")[0]
                origins[imported.asname or top] = imported.name if imported.asname else top
    for module, imported in _from_imports(statements):
        origins[imported.asname or imported.name] = f"{module}.{imported.name}"
    return origins


def _judge(statement: ast.stmt, origins: dict[str, str]) -> Iterator[AppName]:
    """Yield the names that one statement makes candidates."""
    if isinstance(statement, ast.ImportFrom):
        for imported in statement.names:
            where = f"imported from {'.' * statement.level}{statement.module or ''}"
            yield from _by_name(imported.asname or imported.name, where)
    elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield from _judge_function(statement)
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _judge_assignment(target, statement.value, origins)
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        yield from _judge_assignment(statement.target, statement.value, origins)


def _judge_function(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[AppName]:
    if function.name in APP_NAMES:
        yield _named_app(function.name, f"a function called {function.name}")
    elif function.name in FACTORY_NAMES:
        yield _factory(function.name, f"the factory {function.name}")


def _judge_assignment(
    target: ast.expr, value: ast.expr, origins: dict[str, str]
) -> Iterator[AppName]:
    if isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            if isinstance(element, ast.Name):
                yield from _by_name(element.id, f"a value called {element.id}")
        return
    if not isinstance(target, ast.Name) or isinstance(value, ast.Constant):
        return  # `app = None`, to be filled later, is no application
    name = target.id
    maker = _dotted_name(value.func, origins) if isinstance(value, ast.Call) else ""
    if maker in MAKERS_OF_OTHER_THINGS:
        return
    framework = FRAMEWORK_BY_MAKER.get(maker)
    if framework is None:
        yield from _by_name(name, f"{maker}() called {name}" if maker else f"a value called {name}")
        return
    reason = f"a {framework.name} application called {name}"
    if name in APP_NAMES:
        yield AppName(name, False, _RANK_KNOWN_APP + APP_NAMES.index(name), reason)
    else:
        yield AppName(name, False, _RANK_KNOWN_OTHER_NAME, reason)


def _by_name(name: str, reason: str) -> Iterator[AppName]:
    """Yield a candidate that only its name speaks for."""
    if name in APP_NAMES:
        yield _named_app(name, reason)
    elif name in FACTORY_NAMES:
        yield _factory(name, f"the factory {name}, {reason}")


def _named_app(name: str, reason: str) -> AppName:
    return AppName(name, False, _RANK_APP + APP_NAMES.index(name), reason)


def _factory(name: str, reason: str) -> AppName:
    return AppName(name, True, _RANK_FACTORY + FACTORY_NAMES.index(name), reason)


def _dotted_name(expression: ast.expr, origins: dict[str, str]) -> str:
    """Return `flask.Flask` for `Flask` and `flask.Flask` alike; nothing for what is no name."""
    if isinstance(expression, ast.Name):
        return origins.get(expression.id, expression.id)
    if isinstance(expression, ast.Attribute):
        left = _dotted_name(expression.value, origins)
        return f"{left}.{expression.attr}" if left else ""
    return ""
