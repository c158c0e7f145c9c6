"""One line for each request: time, method, path, status, how long it took, and the view.

Pure functions. Which requests are hidden is decided here too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from trivet.dev.cells import cells, cut, cut_in_the_middle, one_line, padded
from trivet.dev.styles import paint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: Below this, Trivet's own pages and events: nobody's requests.
OWN_PREFIX = "/-/"

#: Ends of paths that name a static file, whoever serves it.
STATIC_SUFFIXES = (
    *(".css", ".js", ".mjs", ".map", ".wasm"),
    *(".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".ico"),
    *(".woff", ".woff2", ".ttf", ".otf"),
)

#: First digit of a status, and the style of its number.
STATUS_STYLES = {"1": "quiet", "2": "good", "3": "name", "4": "warning", "5": "error"}

#: Fewer columns than these leave something out.
COLUMNS_FOR_VIEW = 64
COLUMNS_FOR_CLOCK = 44


@dataclass(frozen=True, kw_only=True)
class SeenRequest:
    """A request that was answered. `view` is empty when the framework does not tell."""

    method: str
    path: str
    status: int
    seconds: float
    view: str = ""
    #: Flask's own view for static files, or one of a blueprint.
    static: bool = False
    #: When it was answered, in seconds since 1970.
    at: float = 0.0

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> SeenRequest:
        """Make one of a worker's message; whatever is missing or odd becomes something plain."""
        status, milliseconds, at = (data.get(name) for name in ("status", "ms", "at"))
        query = data.get("query")
        return cls(
            method=str(data.get("method") or ""),
            path=str(data.get("path") or "") + (f"?{query}" if query else ""),
            status=int(str(status)) if str(status).isdecimal() else 0,
            seconds=milliseconds / 1000 if isinstance(milliseconds, int | float) else 0.0,
            view=str(data.get("view") or ""),
            static=bool(data.get("static")),
            at=at if isinstance(at, int | float) else time.time(),
        )

    def to_data(self) -> dict[str, object]:
        """Plain data for a message."""
        return {
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "ms": round(self.seconds * 1000, 3),
            "view": self.view,
            "static": self.static,
            "at": self.at,
        }


def is_own(request: SeenRequest) -> bool:
    """Whether it was for Trivet's own pages; such requests are never shown."""
    return request.path.startswith(OWN_PREFIX)


def is_static(request: SeenRequest) -> bool:
    """Whether a static file was answered as it should be; a missing one is worth a line."""
    if request.status >= 400 or request.method not in ("GET", "HEAD"):
        return False
    path = request.path.partition("?")[0].lower()
    return request.static or path.endswith(STATIC_SUFFIXES)


def duration(seconds: float) -> str:
    """A duration in three digits or fewer: `0.4 ms`, `12 ms`, `1.2 s`."""
    milliseconds = seconds * 1000
    if milliseconds < 0.95:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 99.95 else f"{seconds:.0f} s"


def clock(at: float) -> str:
    """A moment as a person's watch shows it."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def request_line(request: SeenRequest, columns: int, colour: bool) -> str:
    """The line, without its end, in no more columns than there are."""
    with_clock = columns >= COLUMNS_FOR_CLOCK
    with_view = columns >= COLUMNS_FOR_VIEW
    beginning = f"{clock(request.at)} " if with_clock else ""
    method = padded(cut(one_line(request.method), 7), 5)
    status = str(request.status or "-")
    took = f"{duration(request.seconds):>7}"
    left = columns - cells(beginning) - cells(method) - 1 - 5 - 8
    path_columns = left - (left * 2 // 5 if with_view else 0)
    path = padded(cut_in_the_middle(one_line(request.path), path_columns), path_columns)
    view = cut_in_the_middle(one_line(request.view), left - path_columns - 2) if with_view else ""
    style = STATUS_STYLES.get(status[0], "quiet")
    line = "".join(
        [
            paint(beginning, "quiet", colour),
            method,
            " ",
            path,
            " ",
            paint(f"{status:>3}", style, colour),
            " ",
            took,
            paint(f"  {view}" if view else "", "quiet", colour),
        ]
    )
    return line.rstrip()
