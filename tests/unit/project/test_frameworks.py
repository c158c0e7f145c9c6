"""Recognising applications by the classes that they are made of."""

import flask
import pytest

from trivet.project.frameworks import FRAMEWORKS, framework_of


class MyFlask(flask.Flask):
    pass


def test_a_flask_is_recognised() -> None:
    found = framework_of(flask.Flask("shop"))
    assert found is not None
    assert found.name == "Flask"


def test_a_subclass_is_recognised() -> None:
    found = framework_of(MyFlask("shop"))
    assert found is not None
    assert found.name == "Flask"


@pytest.mark.parametrize("other", [None, 1, object(), flask.Flask, flask.Blueprint("a", "a")])
def test_anything_else_is_not(other: object) -> None:
    assert framework_of(other) is None


def test_no_two_frameworks_claim_the_same_class_or_maker() -> None:
    classes = [defined for framework in FRAMEWORKS for defined in framework.classes]
    makers = [maker for framework in FRAMEWORKS for maker in framework.makers]
    assert len(classes) == len(set(classes))
    assert len(makers) == len(set(makers))
