"""Registering, logging in and out, and forms that did not come from this blog."""

from conftest import Visitor
from flask import Flask


def test_a_name_is_registered_once(visitor: Visitor, another_visitor: Visitor) -> None:
    visitor.register("ada")
    status, page = another_visitor.send("/register", name="ada", password="something else")
    assert status == 422
    assert "The name ada is taken." in page


def test_an_author_logs_out_and_in_again(visitor: Visitor) -> None:
    visitor.register("ada")
    visitor.send("/logout", form_page="/")
    assert "Log out ada" not in visitor.read("/")
    _, page = visitor.send("/login", name="ada", password="correct horse")
    assert "Log out ada" in page


def test_a_wrong_password_is_refused(visitor: Visitor) -> None:
    visitor.register("ada")
    visitor.send("/logout", form_page="/")
    status, page = visitor.send("/login", name="ada", password="wrong horse")
    assert status == 422
    assert "The name or the password is wrong." in page


def test_visitors_are_sent_to_the_login_page_before_they_write(visitor: Visitor) -> None:
    answer = visitor.client.get("/posts/new")
    assert (answer.status_code, answer.location) == (302, "/login")


def test_a_form_without_its_token_is_refused(app: Flask) -> None:
    answer = app.test_client().post("/register", data={"name": "eve", "password": "long enough"})
    assert answer.status_code == 400
