"""Which answers are whole HTML pages for a browser's tab, and how the script's tag gets into them.

Pure decisions about headers and bytes; refresh.py is the middleware that acts on them.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Headers = list[tuple[str, str]]

#: A larger page is left alone: all of it is held in memory.
LARGEST_PAGE_BYTES = 8 * 1024 * 1024

HTML_TYPES = ("text/html", "application/xhtml+xml")

#: Answers without a body, or with a part of one.
STATUSES_WITHOUT_PAGE = ("204", "205", "206", "304")

#: Their presence in a request says that a script asked, and will put the answer into a page that
#: is there already: htmx, jQuery and others, Turbo frames, Unpoly, PJAX.
FRAGMENT_FIELDS = (
    "HTTP_HX_REQUEST",
    "HTTP_TURBO_FRAME",
    "HTTP_X_UP_VERSION",
    "HTTP_X_PJAX",
    "HTTP_RANGE",
)

#: Checksums of a body that is not the one we send.
CHECKSUMS = ("content-md5", "digest", "content-digest", "repr-digest")

#: Tells our entity tags from the app's; the generation of the code follows.
ETAG_MARK = "-trivet-"

_ETAG = re.compile(r'\s*(W/)?"([^"]*)"\s*')
_BODY_END = re.compile(rb"</body\s*>", re.IGNORECASE)


def asks_for_page(environ: Mapping[str, Any]) -> bool:
    """Whether a browser asks for what it will show in a tab, and no script for a part of a page.

    Sec-Fetch-Dest says it exactly; browsers leave it out towards hosts that are neither local nor
    https (Fetch Metadata, section 2), so that Accept must do there. curl and tests accept anything
    and get what production gives them.
    """
    if environ.get("REQUEST_METHOD") not in ("GET", "POST"):
        return False
    if any(field in environ for field in FRAGMENT_FIELDS):
        return False
    if environ.get("HTTP_X_REQUESTED_WITH", "").lower() == "xmlhttprequest":
        return False
    destination = environ.get("HTTP_SEC_FETCH_DEST")
    if destination is not None:
        return bool(destination == "document")
    return "text/html" in environ.get("HTTP_ACCEPT", "")


def is_whole_page(status: str, headers: Headers, body: object) -> bool:
    """Whether the answer is an HTML page that is all there, as it is, in bytes that can be read."""
    if status[:3] in STATUSES_WITHOUT_PAGE or status[:1] == "1":
        return False
    fields = {name.lower(): value for name, value in headers}
    kind, _, parameters = fields.get("content-type", "").partition(";")
    if kind.strip().lower() not in HTML_TYPES:
        return False
    # The tag is ASCII, which these are not made of.
    if "utf-16" in parameters.lower() or "utf-32" in parameters.lower():
        return False
    if fields.get("content-encoding", "identity").lower() != "identity":
        return False
    if "content-range" in fields or "no-transform" in fields.get("cache-control", "").lower():
        return False
    if fields.get("content-disposition", "").lower().startswith("attachment"):
        return False
    length = fields.get("content-length")
    if length is not None:
        return length.isdigit() and int(length) <= LARGEST_PAGE_BYTES
    return is_at_hand(body)


def is_at_hand(body: object) -> bool:
    """Whether a body without a Content-Length exists already, and does not come bit by bit.

    Django's responses say it themselves (`streaming`).
    """
    if isinstance(body, list | tuple):
        return sum(map(len, body)) <= LARGEST_PAGE_BYTES
    return getattr(body, "streaming", None) is False


def with_tag(page: bytes, tag: bytes) -> bytes:
    """The page with the tag before its last `</body>`, or at its end (HTML allows to omit it)."""
    ends = [found.start() for found in _BODY_END.finditer(page)]
    place = ends[-1] if ends else len(page)
    return page[:place] + tag + page[place:]


def changed_headers(headers: Headers, length: int, generation: str) -> Headers:
    """The headers of the page with the tag in it."""
    changed = []
    for name, value in headers:
        lowered = name.lower()
        if lowered in CHECKSUMS:
            continue
        if lowered == "content-length":
            value = str(length)
        elif lowered == "etag":
            value = marked_etag(value, generation)
        changed.append((name, value))
    return changed


def marked_etag(etag: str, generation: str) -> str:
    """The entity tag of a page after the script's tag was put in."""
    found = _ETAG.fullmatch(etag)
    if found is None:
        return etag
    return f'{found[1] or ""}"{found[2]}{ETAG_MARK}{generation}"'


def unmarked_condition(condition: str, generation: str) -> str:
    """If-None-Match as the app is to see it: its own tags again.

    What a browser has from before Trivet, or from code of another generation, is left out, so
    that the page comes anew.
    """
    if condition.strip() == "*":
        return condition
    kept = []
    for weak, tag in _ETAG.findall(condition):
        own, mark, made_in = tag.rpartition(ETAG_MARK)
        if mark and made_in == generation:
            kept.append(f'{weak}"{own}"')
    return ", ".join(kept)


def values_of(headers: Sequence[tuple[str, str]], name: str) -> list[str]:
    """Every value of a header."""
    return [value for field, value in headers if field.lower() == name]
