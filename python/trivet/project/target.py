"""Reading APP, such as `shop.wsgi:create_app("eu")`, into its parts; find_app looks for them."""

from __future__ import annotations

import ast
import re

from trivet.errors import AppNotFound

Call = tuple[tuple[object, ...], dict[str, object]]
"""Positional and keyword arguments of a factory, all of them literals."""

FORMS = "`module`, `module:name`, `module:factory()`, a path to a file, or a path to a directory"


class Target:
    """APP in its parts: a module or a path, the attribute in it, and how to call that."""

    __slots__ = ("attribute", "call", "place")

    def __init__(self, place: str, attribute: str | None, call: Call | None) -> None:
        self.place = place
        self.attribute = attribute
        self.call = call


def parse_target(text: str) -> Target:
    """Return the parts of APP.

    Raises AppNotFound when what follows the colon is neither a name nor a call with literals.
    """
    # Not the colon of a Windows drive: the rule is Flask's (ScriptInfo.load_app).
    place, colon, expression = _split(text.strip())
    if not colon:
        return Target(place, None, None)
    attribute, call = _parse_attribute(expression.strip(), text)
    return Target(place, attribute, call)


def _split(text: str) -> tuple[str, str, str]:
    found = re.search(r":(?![\\/])", text)
    return (text[: found.start()], ":", text[found.end() :]) if found else (text, "", "")


def _parse_attribute(expression: str, text: str) -> tuple[str, Call | None]:
    try:
        parsed = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError):
        raise AppNotFound(
            f"{text!r}: {expression!r} is neither a name nor a call",
            hint=f"APP is {FORMS}; quote it when it has parentheses",
        ) from None
    if not isinstance(parsed, ast.Call):
        return _dotted(parsed, expression, text), None
    name = _dotted(parsed.func, expression, text)
    try:
        positional = tuple(ast.literal_eval(argument) for argument in parsed.args)
        # `**more` has no name to give the value to.
        keywords = {
            argument.arg or "": ast.literal_eval(argument.value) for argument in parsed.keywords
        }
        if "" in keywords:
            raise ValueError
    except ValueError:
        raise AppNotFound(
            f"{text!r}: the arguments of {name}() are not literals",
            hint="give strings in quotes, numbers, True, False, None, and lists or dicts of them",
        ) from None
    return name, (positional, keywords)


def _dotted(expression: ast.expr, whole: str, text: str) -> str:
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Attribute):
        return f"{_dotted(expression.value, whole, text)}.{expression.attr}"
    raise AppNotFound(
        f"{text!r}: {whole!r} is neither a name nor a call of one", hint=f"APP is {FORMS}"
    )
