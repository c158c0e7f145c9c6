"""How text and dates are shown: template filters, nothing else."""

from datetime import datetime

from flask import Flask
from markupsafe import Markup, escape


def init_app(app: Flask) -> None:
    """Make the filters known to the templates."""
    app.add_template_filter(paragraphs)
    app.add_template_filter(day)
    app.add_template_filter(summary)


def paragraphs(text: str) -> Markup:
    """Return the text as HTML: an empty line starts a paragraph, everything else is escaped."""
    blocks = [block.strip() for block in text.replace("\r\n", "\n").split("\n\n")]
    return Markup("\n").join(Markup("<p>{}</p>").format(escape(block)) for block in blocks if block)


def day(timestamp: str) -> str:
    """Return SQLite's `2026-01-31 10:00:00` as `31 January 2026`."""
    moment = datetime.fromisoformat(timestamp)
    return f"{moment.day} {moment:%B %Y}"


def summary(text: str, length: int = 240) -> str:
    """Return the first paragraph, cut at a word when it is longer than `length` characters."""
    first = text.replace("\r\n", "\n").strip().split("\n\n")[0]
    return first if len(first) <= length else first[:length].rsplit(" ", 1)[0] + " …"
