"""The SQLite database: made when the app starts, opened once per request."""

import secrets
import sqlite3
from pathlib import Path

from flask import Flask, current_app, g

# How long a worker waits while another one writes.
BUSY_TIMEOUT_SECONDS = 10.0


def init_app(app: Flask) -> None:
    """Make the tables and the secret key if they are missing; close connections after requests."""
    path = Path(app.config["DATABASE"])
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = open_database(path)
    try:
        secret_key = prepare(connection)
    finally:
        connection.close()
    if not app.config["SECRET_KEY"]:
        app.config["SECRET_KEY"] = secret_key
    app.teardown_appcontext(close_connection)


def prepare(connection: sqlite3.Connection) -> str:
    """Run the schema and return the secret key that all workers share.

    Several workers may start at the same moment. BEGIN IMMEDIATE lets one write at a time, and
    what the second one runs changes nothing.
    """
    schema = (Path(__file__).parent / "schema.sql").read_text()
    # executescript() would commit before it starts, so the transaction is part of the script.
    connection.executescript(f"BEGIN IMMEDIATE;\n{schema}\nCOMMIT;")
    connection.execute(
        "INSERT OR IGNORE INTO secrets (name, value) VALUES ('secret_key', ?)",
        (secrets.token_hex(32),),
    )
    connection.commit()
    row = connection.execute("SELECT value FROM secrets WHERE name = 'secret_key'").fetchone()
    return str(row["value"])


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file, with rows that are read by column name."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def get_database() -> sqlite3.Connection:
    """Return this request's connection, opened at its first use."""
    if "database" not in g:
        g.database = open_database(Path(current_app.config["DATABASE"]))
    connection: sqlite3.Connection = g.database
    return connection


def close_connection(error: BaseException | None = None) -> None:
    """Close this request's connection, if it opened one."""
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()
