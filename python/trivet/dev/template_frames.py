"""Where in a template an error happened, for engines whose tracebacks do not say so: Django's.

Jinja2 needs nothing here but to be recognised: in its tracebacks the frames of templates have the
template's file and line already. No template engine is imported.
"""

from __future__ import annotations

from types import FrameType
from typing import NamedTuple

#: Names that Jinja2, Flask and Django put into every template, and that tell nothing.
NAMES_IN_EVERY_TEMPLATE = frozenset(
    {
        "__jinja_exception__",
        "config",
        "csrf_token",
        "cycler",
        "dict",
        "g",
        "get_flashed_messages",
        "joiner",
        "lipsum",
        "namespace",
        "range",
        "request",
        "self",
        "session",
        "url_for",
        "perms",
        "messages",
        "DEFAULT_MESSAGE_LEVELS",
        "True",
        "False",
        "None",
    }
)


class TemplatePlace(NamedTuple):
    """A line of a template, and the names that the template had."""

    file: str
    line: int
    names: dict[str, object]


def is_jinja(frame: FrameType) -> bool:
    """Whether Jinja2 put this frame into the traceback to stand for a line of a template."""
    return "__jinja_exception__" in frame.f_globals


def is_jinja_compiled(frame: FrameType) -> bool:
    return "environment" in frame.f_globals and frame.f_code.co_filename.endswith("<template>")


def django_place(frame: FrameType) -> TemplatePlace | None:
    """The template's line when this frame is Django's, rendering one node of a template."""
    code = frame.f_code
    if (
        code.co_name != "render_annotated"
        or frame.f_globals.get("__name__") != "django.template.base"
    ):
        return None
    node = frame.f_locals.get("self")
    line = getattr(getattr(node, "token", None), "lineno", None)
    file = getattr(getattr(node, "origin", None), "name", None)
    if not isinstance(line, int) or not isinstance(file, str):
        return None
    return TemplatePlace(file, line, _names_of(frame.f_locals.get("context")))


def django_syntax_place(error: BaseException) -> TemplatePlace | None:
    """The template's line when Django could not compile a template."""
    details = getattr(error, "template_debug", None)
    if not isinstance(details, dict):
        return None
    file, line = details.get("name"), details.get("line")
    if not isinstance(file, str) or not isinstance(line, int):
        return None
    return TemplatePlace(file, line, {})


def _names_of(context: object) -> dict[str, object]:
    flatten = getattr(context, "flatten", None)
    if flatten is None:
        return {}
    try:
        names = flatten()
    except Exception:  # noqa: BLE001 - a context of the user's own class may raise anything
        return {}
    return {str(name): value for name, value in names.items()} if isinstance(names, dict) else {}
