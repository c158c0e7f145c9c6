"""Put the blog together. The pages themselves are in `posts` and `accounts`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, render_template

from blog import accounts, database, forgery, posts, text


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Return a new blog. `config` wins over the environment; tests pass their own DATABASE."""
    app = Flask(__name__, instance_path=str(Path(__file__).parent.parent / "instance"))
    app.config.from_mapping(
        DATABASE=os.environ.get("BLOG_DATABASE", str(Path(app.instance_path) / "blog.sqlite")),
        SECRET_KEY=os.environ.get("SECRET_KEY"),
        SESSION_COOKIE_SAMESITE="Lax",
        POSTS_PER_PAGE=5,
    )
    app.config.from_mapping(config or {})

    database.init_app(app)
    forgery.init_app(app)
    text.init_app(app)
    app.register_blueprint(accounts.pages)
    app.register_blueprint(posts.pages)
    app.register_error_handler(404, page_not_found)
    return app


def page_not_found(error: Exception) -> tuple[str, int]:
    """Answer with a page that leads back to the blog, in the place of Flask's bare one."""
    return render_template("not_found.html"), 404
