"""A list of tasks as a JSON API, kept in SQLite so that all workers see the same list."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from flask import Flask, g, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException, NotFound

DATABASE = Path(
    os.environ.get("TASKS_DATABASE", Path(__file__).parent / "instance" / "tasks.sqlite")
)

# BEGIN IMMEDIATE: workers that start at the same moment run this one after the other.
SCHEMA = """
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS tasks (
        id INTEGER PRIMARY KEY,
        title TEXT NOT NULL,
        done INTEGER NOT NULL DEFAULT 0
    );
    COMMIT;
"""

app = Flask(__name__)


def get_database() -> sqlite3.Connection:
    """Return this request's connection, opened at its first use."""
    if "database" not in g:
        g.database = sqlite3.connect(DATABASE, timeout=10.0)
        g.database.row_factory = sqlite3.Row
    connection: sqlite3.Connection = g.database
    return connection


@app.teardown_appcontext
def close_database(error: BaseException | None) -> None:
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()


@app.get("/tasks")
def list_tasks() -> ResponseReturnValue:
    rows = get_database().execute("SELECT * FROM tasks ORDER BY id").fetchall()
    return jsonify([as_json(row) for row in rows])


@app.post("/tasks")
def add_task() -> ResponseReturnValue:
    fields = read_fields(required={"title"})
    database = get_database()
    cursor = database.execute(
        "INSERT INTO tasks (title, done) VALUES (?, ?)",
        (fields["title"], fields.get("done", False)),
    )
    database.commit()
    task = as_json(find_task(cursor.lastrowid))
    return jsonify(task), 201, {"Location": task["url"]}


@app.get("/tasks/<int:task_id>")
def read_task(task_id: int) -> ResponseReturnValue:
    return jsonify(as_json(find_task(task_id)))


@app.patch("/tasks/<int:task_id>")
def change_task(task_id: int) -> ResponseReturnValue:
    task = {**find_task(task_id), **read_fields(required=set())}
    database = get_database()
    database.execute(
        "UPDATE tasks SET title = ?, done = ? WHERE id = ?", (task["title"], task["done"], task_id)
    )
    database.commit()
    return jsonify(as_json(find_task(task_id)))


@app.delete("/tasks/<int:task_id>")
def delete_task(task_id: int) -> ResponseReturnValue:
    find_task(task_id)
    database = get_database()
    database.execute("DELETE FROM tasks WHERE id = ?", (task_id,))
    database.commit()
    return "", 204


@app.errorhandler(HTTPException)
def error_as_json(error: HTTPException) -> ResponseReturnValue:
    """Answer every error as JSON, also those that Flask raises itself."""
    return jsonify(error=error.name, detail=error.description), error.code or 500


FIELDS: dict[str, type] = {"title": str, "done": bool}


def read_fields(required: set[str]) -> dict[str, Any]:
    """Return the fields of the JSON object that was sent, or answer 400 with what is wrong."""
    fields = request.get_json()
    if not isinstance(fields, dict):
        raise BadRequest("Send a JSON object.")
    for name, value in fields.items():
        if name not in FIELDS:
            raise BadRequest(f"There is no field {name!r}; the fields are title and done.")
        if not isinstance(value, FIELDS[name]):
            raise BadRequest(f"{name} is {value!r}, expected a {FIELDS[name].__name__}.")
    missing = sorted(required - fields.keys())
    if missing:
        raise BadRequest(f"{' and '.join(missing)} must be given.")
    return fields


def find_task(task_id: int | None) -> sqlite3.Row:
    """Return the task, or answer 404."""
    task: sqlite3.Row | None = (
        get_database().execute("SELECT * FROM tasks WHERE id = ?", (task_id,)).fetchone()
    )
    if task is None:
        raise NotFound(f"There is no task {task_id}.")
    return task


def as_json(task: sqlite3.Row) -> dict[str, Any]:
    return {
        "url": url_for("read_task", task_id=task["id"]),
        "title": task["title"],
        "done": bool(task["done"]),
    }


def make_tables() -> None:
    """Make the database when the app starts; running it again changes nothing."""
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(DATABASE, timeout=10.0)
    try:
        connection.executescript(SCHEMA)
    finally:
        connection.close()


make_tables()
