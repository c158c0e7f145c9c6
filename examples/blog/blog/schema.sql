-- Every statement may run again and again: each worker runs this file when it starts.

CREATE TABLE IF NOT EXISTS accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS posts (
    id INTEGER PRIMARY KEY,
    author_id INTEGER REFERENCES accounts (id),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    written_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE IF NOT EXISTS secrets (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

INSERT OR IGNORE INTO posts (id, title, body) VALUES (
    1,
    'Welcome',
    'This blog is a Flask application served by Trivet. Its database was made when the first worker started.

Register, write a post, and read the code: it fits on a few pages.'
);
