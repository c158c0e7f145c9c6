"""Pages to register, log in and log out; and `login_required` for the pages that need an author."""

import functools
import sqlite3
from collections.abc import Callable
from typing import ParamSpec

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.security import check_password_hash, generate_password_hash

from blog.database import get_database

pages = Blueprint("accounts", __name__)
Arguments = ParamSpec("Arguments")

SHORTEST_PASSWORD = 8


@pages.before_app_request
def load_account() -> None:
    """Put the account of this session into `g.account`; None for a visitor."""
    g.account = None
    if "account_id" in session:
        g.account = (
            get_database()
            .execute("SELECT id, name FROM accounts WHERE id = ?", (session["account_id"],))
            .fetchone()
        )


def login_required(
    view: Callable[Arguments, ResponseReturnValue],
) -> Callable[Arguments, ResponseReturnValue]:
    """Send visitors to the login page before they reach the view."""

    @functools.wraps(view)
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> ResponseReturnValue:
        if g.account is None:
            flash("Log in first, please.")
            return redirect(url_for("accounts.login"))
        return view(*args, **kwargs)

    return guarded


def start_session(account_id: int) -> None:
    """Begin a new session, so that nothing of the visitor's old one is trusted."""
    session.clear()
    session["account_id"] = account_id


@pages.get("/register")
def register() -> str:
    return render_template("accounts/register.html")


@pages.post("/register")
def create_account() -> ResponseReturnValue:
    name = request.form.get("name", "").strip()
    password = request.form.get("password", "")
    problem = problem_with_account(name, password)
    if problem is None:
        database = get_database()
        try:
            account = database.execute(
                "INSERT INTO accounts (name, password_hash) VALUES (?, ?)",
                (name, generate_password_hash(password)),
            )
            database.commit()
        except sqlite3.IntegrityError:
            problem = f"The name {name} is taken."
        else:
            start_session(account.lastrowid or 0)
            flash(f"Welcome, {name}.")
            return redirect(url_for("posts.index"))
    flash(problem)
    return render_template("accounts/register.html", name=name), 422


def problem_with_account(name: str, password: str) -> str | None:
    """Return what is wrong with a new account, in words for the page, or None."""
    if not name:
        return "A name is needed."
    if len(password) < SHORTEST_PASSWORD:
        return f"The password needs {SHORTEST_PASSWORD} characters or more."
    return None


@pages.get("/login")
def login() -> str:
    return render_template("accounts/login.html")


@pages.post("/login")
def check_login() -> ResponseReturnValue:
    name = request.form.get("name", "").strip()
    account = (
        get_database()
        .execute("SELECT id, password_hash FROM accounts WHERE name = ?", (name,))
        .fetchone()
    )
    if account is None or not check_password_hash(
        account["password_hash"], request.form.get("password", "")
    ):
        flash("The name or the password is wrong.")
        return render_template("accounts/login.html", name=name), 422
    start_session(account["id"])
    return redirect(url_for("posts.index"))


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    session.clear()
    return redirect(url_for("posts.index"))
