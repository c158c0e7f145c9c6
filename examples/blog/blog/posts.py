"""Pages to read, write, change and delete posts."""

import sqlite3

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from blog.accounts import login_required
from blog.database import get_database

pages = Blueprint("posts", __name__)

SELECT_POSTS = """
    SELECT posts.id, author_id, title, body, written_at,
           coalesce(accounts.name, 'the blog') AS author
    FROM posts LEFT JOIN accounts ON accounts.id = author_id
"""


@pages.get("/")
def index() -> str:
    page = max(request.args.get("page", 1, type=int), 1)
    size = current_app.config["POSTS_PER_PAGE"]
    # One post more than the page shows tells whether there is a next page.
    posts = (
        get_database()
        .execute(
            SELECT_POSTS + "ORDER BY posts.id DESC LIMIT ? OFFSET ?", (size + 1, size * (page - 1))
        )
        .fetchall()
    )
    return render_template(
        "posts/index.html", posts=posts[:size], page=page, has_next=len(posts) > size
    )


@pages.get("/posts/<int:post_id>")
def read(post_id: int) -> str:
    return render_template("posts/read.html", post=find_post(post_id))


@pages.get("/posts/new")
@login_required
def new() -> ResponseReturnValue:
    return render_template("posts/write.html", post=None)


@pages.post("/posts/new")
@login_required
def create() -> ResponseReturnValue:
    title, body = read_form()
    if not (title and body):
        return ask_again(title, body)
    database = get_database()
    post = database.execute(
        "INSERT INTO posts (author_id, title, body) VALUES (?, ?, ?)",
        (g.account["id"], title, body),
    )
    database.commit()
    return redirect(url_for("posts.read", post_id=post.lastrowid))


@pages.get("/posts/<int:post_id>/edit")
@login_required
def edit(post_id: int) -> ResponseReturnValue:
    return render_template("posts/write.html", post=find_own_post(post_id))


@pages.post("/posts/<int:post_id>/edit")
@login_required
def change(post_id: int) -> ResponseReturnValue:
    find_own_post(post_id)
    title, body = read_form()
    if not (title and body):
        return ask_again(title, body)
    database = get_database()
    database.execute("UPDATE posts SET title = ?, body = ? WHERE id = ?", (title, body, post_id))
    database.commit()
    return redirect(url_for("posts.read", post_id=post_id))


@pages.post("/posts/<int:post_id>/delete")
@login_required
def delete(post_id: int) -> ResponseReturnValue:
    find_own_post(post_id)
    database = get_database()
    database.execute("DELETE FROM posts WHERE id = ?", (post_id,))
    database.commit()
    flash("The post is deleted.")
    return redirect(url_for("posts.index"))


def read_form() -> tuple[str, str]:
    """Return title and body as they were sent, without the space around them."""
    return request.form.get("title", "").strip(), request.form.get("body", "").strip()


def ask_again(title: str, body: str) -> ResponseReturnValue:
    """Show the form with what was typed, when a part of it is missing."""
    flash("A post needs a title and a text.")
    return render_template("posts/write.html", post={"title": title, "body": body}), 422


def find_post(post_id: int) -> sqlite3.Row:
    """Return the post with its author's name, or answer 404."""
    post: sqlite3.Row | None = (
        get_database().execute(SELECT_POSTS + "WHERE posts.id = ?", (post_id,)).fetchone()
    )
    if post is None:
        abort(404)
    return post


def find_own_post(post_id: int) -> sqlite3.Row:
    """Return the post, or answer 403 when somebody else wrote it."""
    post = find_post(post_id)
    if post["author_id"] != g.account["id"]:
        abort(403)
    return post
