"""Hints for the commonest mistakes, each made in earnest, with the real packages."""

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.dev.pages import caught
from trivet.dev.hints import HINTS, hints_for


def hints(function: Callable[[], object], *roots: Path) -> str:
    return "\n".join(hints_for(caught(function), [str(root) for root in roots]))


def in_flask(path: str, view: Callable[[], Any], **config: Any) -> Callable[[], object]:
    """Ask a Flask app for a path; exceptions come out."""
    from flask import Flask

    app = Flask("shop")
    app.testing = True
    app.config.update(config)
    app.add_url_rule(path, view_func=view, endpoint="view", methods=["GET", "POST"])
    return lambda: app.test_client().get(path)


def test_a_missing_module_is_to_be_installed_by_its_real_name() -> None:
    assert "-m pip install PyYAML" in hints(lambda: raise_missing("yaml.nothing"))


def raise_missing(name: str) -> None:
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_misspelt_module_of_the_project_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "inventory.py").touch()
    assert "'inventory'" in hints(lambda: raise_missing("inventroy"), tmp_path)


def test_a_misspelt_module_of_python_is_recognised() -> None:
    assert "'datetime'" in hints(lambda: __import__("datetme"))


def test_a_circular_import_is_told_as_one(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "first_circle.py").write_text("from second_circle import b\na = 1\n")
    (tmp_path / "second_circle.py").write_text("from first_circle import a\nb = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert hints(lambda: __import__("first_circle")).startswith("Circular import: first_circle")


def test_a_missing_template_names_folders_and_the_near_one(tmp_path: Path) -> None:
    from flask import render_template

    folder = tmp_path / "templates" / "orders"
    folder.mkdir(parents=True)
    (folder / "index.html").touch()
    told = hints(in_flask("/", lambda: render_template("order/index.html")), tmp_path)
    assert str(tmp_path / "templates") in told
    assert "'orders/index.html'" in told


def test_a_wrong_endpoint_suggests_the_near_one() -> None:
    from flask import url_for

    assert "'view'" in hints(in_flask("/", lambda: url_for("veiw")))


def test_a_missing_argument_of_an_endpoint_is_named() -> None:
    from flask import Flask, url_for

    app = Flask("shop")
    app.add_url_rule("/orders/<int:number>", "order", lambda number: "")

    def build() -> str:
        with app.test_request_context():
            return url_for("order")

    assert "number" in hints(build)


def test_a_missing_table_names_the_way_to_make_it() -> None:
    connection = sqlite3.connect(":memory:")
    try:
        told = hints(lambda: connection.execute("SELECT * FROM orders"))
    finally:
        connection.close()
    assert "tables were not made" in told or "migrat" in told or "upgrade" in told


def test_a_missing_secret_key_is_told_with_the_line_to_write() -> None:
    from flask import session

    def view() -> str:
        session["seen"] = True
        return ""

    assert 'app.config["SECRET_KEY"]' in hints(in_flask("/", view))


def test_a_view_without_return() -> None:
    assert "without `return`" in hints(in_flask("/", lambda: None))


def test_a_missing_field_of_a_form() -> None:
    from flask import request

    assert "'email'" in hints(in_flask("/", lambda: request.form["email"], DEBUG=True))


def test_outside_of_a_request() -> None:
    from flask import request

    assert "exist only while a request" in hints(lambda: request.args)


def test_outside_of_an_application() -> None:
    from flask import current_app

    assert "app.app_context()" in hints(lambda: current_app.name)


def test_an_undefined_name_in_a_template() -> None:
    from flask import render_template_string

    told = hints(in_flask("/", lambda: render_template_string("{{ user.name }}")))
    assert "was not given" in told


def test_a_value_in_a_template_that_is_something_else() -> None:
    from flask import render_template_string

    told = hints(in_flask("/", lambda: render_template_string("{{ user.name.first }}", user=1)))
    assert "not what the template takes it for" in told


def test_a_value_that_json_does_not_know() -> None:
    assert "dict(row)" in hints(lambda: json.dumps(object()))


def test_none_where_something_was_expected() -> None:
    nothing: Any = None
    assert "None" in hints(lambda: nothing.name)
    assert "None" in hints(lambda: nothing["name"])


def test_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert "Set DATABASE_URL" in hints(lambda: os.environ["DATABASE_URL"])
    empty: dict[str, str] = {}
    assert "environment" not in hints(lambda: empty["DATABASE_URL"])


def test_a_misspelt_name_is_found_among_those_that_there_are() -> None:
    surname = "Hopper"

    def view() -> object:
        return surnam, surname  # type: ignore[name-defined]  # noqa: F821 - the mistake

    assert hints(view) == "Is 'surname' meant?"


def test_a_name_that_only_the_object_has_is_told_with_self() -> None:
    class Account:
        def __init__(self) -> None:
            self.balance = 1

        def read(self) -> object:
            return balance  # type: ignore[name-defined]  # noqa: F821 - the mistake

    assert "self.balance" in hints(Account().read)


def test_a_misspelt_attribute_is_found_whatever_its_capitals() -> None:
    wrong: Any = []
    assert "'append'" in hints(lambda: wrong.apend(1))
    assert "'append'" in hints(lambda: wrong.Append(1))


def test_a_key_that_is_not_there_is_told_beside_those_that_are() -> None:
    order = {"customer": 1, "lines": 2}
    assert "'customer'" in hints(lambda: order["costumer"])
    assert "order has 'customer', 'lines'" in hints(lambda: order["total"])
    nothing: dict[str, int] = {}
    assert "nothing is empty" in hints(lambda: nothing["total"])
    # Nobody can tell which of the two lacks it.
    assert hints(lambda: nothing["x"] or order["x"]) == ""


def test_keys_are_not_told_to_who_must_not_see_values() -> None:
    order = {"customer": 1}
    error = caught(lambda: order["total"])
    assert list(hints_for(error, [], with_values=False)) == []


def test_a_view_that_returns_what_is_no_response_is_named() -> None:
    def view() -> set[int]:
        return {1, 2}

    told = hints(in_flask("/", view))
    assert "returns set, of which" in told
    assert "view (test_hints.py, line " in told


def test_a_misspelt_name_of_python_is_found() -> None:
    assert hints(lambda: eval("pritn(1)")) == "Is 'print' meant?"


def test_a_forgotten_import_of_the_standard_library() -> None:
    assert "`import datetime`" in hints(lambda: eval("datetime.now()"))


def test_the_cause_is_looked_at_as_well() -> None:
    def chained() -> None:
        try:
            raise_missing("yaml")
        except ImportError as error:
            raise RuntimeError("settings cannot be read") from error

    assert "PyYAML" in hints(chained)


def test_an_ordinary_error_has_no_hint() -> None:
    assert hints(lambda: int("x")) == ""


def test_a_strange_exception_costs_no_error() -> None:
    class Strange(ImportError):
        def __str__(self) -> str:
            raise ValueError

    def raise_it() -> None:
        raise Strange

    assert hints(raise_it) == ""


def test_names_of_hints_are_unique() -> None:
    names = [hint.name for hint in HINTS]
    assert len(set(names)) == len(names) >= 10
