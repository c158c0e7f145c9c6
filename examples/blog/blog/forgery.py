"""Protection against forged forms: every form carries a token that only this session knows."""

import hmac
import secrets

from flask import Flask, abort, request, session

FIELD = "form_token"


def init_app(app: Flask) -> None:
    """Check the token before every view that changes something, and let templates write it."""
    app.before_request(refuse_forged_form)
    app.jinja_env.globals["form_token"] = form_token


def form_token() -> str:
    """Return the session's token, made at its first use."""
    if FIELD not in session:
        session[FIELD] = secrets.token_hex(16)
    return str(session[FIELD])


def refuse_forged_form() -> None:
    """Answer 400 when a POST comes without the token of its session."""
    if request.method != "POST":
        return
    expected = session.get(FIELD, "")
    if not expected or not hmac.compare_digest(
        expected.encode(), request.form.get(FIELD, "").encode()
    ):
        abort(400, "The form is too old. Go back, reload the page and send it again.")
