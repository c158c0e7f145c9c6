"""A report as JSON, for programs that asked for it: the error first, then everything else."""

from __future__ import annotations

import json

from trivet.dev.report import Report, to_plain


def as_json(report: Report) -> str:
    """The report as one object. `error`, `message` and `place` are what most programs show."""
    place = report.place
    short = {
        "error": report.error.kind,
        "message": report.error.message,
        "place": f"{place.shown_file}:{place.line}" if place is not None else "",
        "page": f"/-/trivet/errors/{report.number}" if report.number else "",
    }
    return json.dumps({**short, **to_plain(report)}, ensure_ascii=False, indent=1)
