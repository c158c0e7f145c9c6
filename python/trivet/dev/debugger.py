"""WSGI middleware that answers an exception of the app with the error page; and the applications
that stand for an app which could not be loaded. What the page says is not decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from trivet.dev.answer import Application, Environ, StartResponse
from trivet.dev.broadcast import Broadcast
from trivet.dev.collect import versions
from trivet.dev.current_request import Noted, begin, end, resume, watch_logging
from trivet.dev.desk import IN_THE_MIDDLE, ErrorDesk, OnReport
from trivet.dev.load_failure import LoadFailure
from trivet.dev.report import Cause, Report
from trivet.dev.routes import own_page
from trivet.dev.session import DevSession
from trivet.dev.swallowing import hear_of_errors

#: An app that ends the process from a view (sys.exit) has made a mistake as well.
CAUGHT = (Exception, SystemExit)


class Debugger:
    """Passes requests to the app; its exceptions become pages as long as nothing was sent."""

    def __init__(
        self,
        app: Application,
        session: DevSession,
        broadcast: Broadcast,
        *,
        on_report: OnReport | None = None,
    ) -> None:
        self.app = app
        # The page of an import that failed has frames already, which one desk must answer for.
        if isinstance(app, ReportApplication):
            self.desk = app.desk
        else:
            self.desk = ErrorDesk(session, broadcast, on_report)
        hear_of_errors(app)
        watch_logging()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, in the thread that the engine calls."""
        own = own_page(self.desk, environ, start_response)
        if own is not None:
            return own
        noted = begin(environ)
        environ["wsgi.input"] = noted.body
        held = HeldStart(start_response)
        body: Any = None
        try:
            body = self.app(environ, held)
            if noted.swallowed is not None and held.is_server_error and not held.begun:
                raise noted.swallowed
            return self._begun(body, held, noted)
        except CAUGHT as error:
            _close(body)
            return self._failed(error, noted, held, start_response)

    def _begun(self, body: Any, held: HeldStart, noted: Noted) -> Iterable[bytes]:
        """Get as far as the first bytes, so that an error before them can still be a page."""
        wrapper = noted.environ.get("wsgi.file_wrapper")
        is_file = isinstance(wrapper, type) and isinstance(body, wrapper)
        if held.called and (is_file or isinstance(body, list | tuple)):
            held.begin()
            end()
            whole: Iterable[bytes] = body
            return whole  # as it is: the engine sends files and lists in one go
        pieces = iter(body)
        first = next((piece for piece in pieces if piece), b"")
        held.begin()
        return _Body(self, body, pieces, first, noted)

    def _failed(
        self,
        error: BaseException,
        noted: Noted,
        held: HeldStart,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        if held.begun:
            self.desk.report(error, noted, title=IN_THE_MIDDLE)
            end()
            raise error  # the engine cuts the connection, so that the client sees that it is cut
        try:
            report = self.desk.report(error, noted)
        finally:
            end()
        return self.desk.show(report, noted.environ, start_response)


class HeldStart:
    """start_response, which waits with the head until there is something to send (PEP 3333)."""

    def __init__(self, start_response: StartResponse) -> None:
        self._start_response = start_response
        self._arguments: tuple[Any, ...] = ()
        self._write: Any = None
        self.begun = False

    def __call__(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        if self.begun:
            # The engine raises what exc_info has, or complains; either is right here.
            return self._start_response(status, headers, exc_info)
        if self._arguments and exc_info is None:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333)")
        self._arguments = (status, headers)
        return self.write

    @property
    def called(self) -> bool:
        return bool(self._arguments)

    @property
    def is_server_error(self) -> bool:
        return self.called and str(self._arguments[0]).startswith("500")

    def write(self, data: bytes) -> Any:
        self.begin()
        return self._write(data)

    def begin(self) -> None:
        """Pass the head on. An app that never gave one is the engine's to complain about."""
        if not self.begun and self._arguments:
            self._write = self._start_response(*self._arguments)
            self.begun = True


#: Where it is kept on an exception that somebody has heard of it.
_TOLD = "_trivet_told"


class _Body:
    """The rest of a body after its first bytes, watched for an exception in the middle."""

    def __init__(
        self, debugger: Debugger, body: Any, pieces: Iterator[bytes], first: bytes, noted: Noted
    ) -> None:
        self._debugger = debugger
        self._body = body
        self._pieces = pieces
        self._first = first
        self._noted = noted

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        resume(self._noted)
        try:
            return next(self._pieces)
        except StopIteration:
            raise
        except CAUGHT as error:
            # Too late for a page: the head is out. Kept, told to the browsers, and raised.
            self._debugger.desk.report(error, self._noted, title=IN_THE_MIDDLE)
            _remember_as_told(error)
            raise

    def close(self) -> None:
        """Called by the engine at the end, whatever happened (PEP 3333)."""
        try:
            _close(self._body)
        finally:
            end()


def _remember_as_told(error: BaseException) -> None:
    try:
        vars(error)[_TOLD] = True
    except TypeError:
        pass  # one of the few without a __dict__ is told twice


def was_told(error: BaseException) -> bool:
    """Whether an exception that comes out of a debugger has been reported by it."""
    return _TOLD in getattr(error, "__dict__", ())


def _close(body: Any) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


class ReportApplication:
    """Answers every request with one report."""

    def __init__(self, desk: ErrorDesk, report: Report) -> None:
        self.desk = desk
        self.report = report

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        own = own_page(self.desk, environ, start_response)
        if own is not None:
            return own
        return self.desk.show(self.report, environ, start_response)


def import_error_application(
    exception: BaseException,
    session: DevSession,
    broadcast: Broadcast,
    *,
    log_lines: Iterable[str] = (),
    on_report: OnReport | None = None,
) -> Application:
    """Return what a worker serves whose app raised at import: that error, with its frames."""
    desk = ErrorDesk(session, broadcast, on_report)
    report = desk.report(exception, title="while the app was imported", log_lines=tuple(log_lines))
    return ReportApplication(desk, report)


def plain_error_application(
    summary: LoadFailure, session: DevSession, broadcast: Broadcast
) -> Application:
    """Return what a stand-in serves for a worker that ended or hangs: what is known of it."""
    desk = ErrorDesk(session, broadcast)
    report = desk.kept.keep(
        Report(
            app_name=session.app_name,
            when=datetime.now().astimezone().isoformat(timespec="seconds"),
            title="while the app was imported",
            chain=(Cause(kind="", module="", message=summary.what),),
            hints=(summary.hint,) if summary.hint else (),
            hints_without_values=(summary.hint,) if summary.hint else (),
            details=tuple(
                (name, text)
                for name, text in (("What is known", summary.detail), ("Stacks", summary.stacks))
                if text
            ),
            versions=tuple(versions()),
        )
    )
    desk.tell(report)
    return ReportApplication(desk, report)
