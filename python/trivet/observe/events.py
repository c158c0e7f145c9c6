"""Table of every event that Trivet logs: name, level, text, fields, meaning; log.py writes them.

The names are stable: alerts and tests may rely on them. The page docs/reference/events.md is made
from this table by document.py, and a test compares the two.
"""

from __future__ import annotations

#: From the least to the most important; a log of one level leaves out what stands before it.
LEVELS = ("debug", "info", "warning", "error")


class Event:
    """One thing that can happen.

    `template` is the sentence shown on a terminal, with the fields in braces; `meaning` says to an
    operator why it happens and what to do; `optional` are fields that the sentence does not show.
    """

    __slots__ = ("fields", "level", "meaning", "name", "template")

    def __init__(
        self, name: str, level: str, template: str, meaning: str, optional: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.level = level
        self.template = template
        self.meaning = meaning
        # string.Formatter would do, and costs 3 ms of every start.
        shown = (part.partition("}")[0] for part in template.split("{")[1:])
        self.fields = tuple(dict.fromkeys((*shown, *optional)))


def _table(*events: Event) -> dict[str, Event]:
    return {event.name: event for event in events}


EVENTS = _table(
    # Starting
    Event(
        "app-chosen",
        "info",
        "app: {app} ({reason})",
        "Which application is served, and why this one.",
    ),
    Event(
        "workers-chosen",
        "info",
        "workers: {workers} ({reason})",
        "How many worker processes are kept running, and what that number comes from.",
    ),
    Event(
        "setting-note",
        "info",
        "{note}",
        "Something about the settings that may surprise, such as a host that follows from PORT.",
    ),
    Event(
        "log-not-reopened",
        "error",
        "process {pid} cannot open {path} again and writes to the old file: {error}",
        "After USR1. The workers open the file as the user that `user` names.",
    ),
    Event(
        "log-lines-lost",
        "warning",
        "{lines} lines of the log were dropped here while nobody read it",
        "Whoever reads standard error had stopped, and a process of Trivet kept its lines until"
        " they filled a mebibyte. The server has gone on meanwhile; look at the reader.",
        optional=("pid",),
    ),
    Event(
        "worker-output",
        "info",
        "{message}",
        "A line that the application has printed, with `worker_output = tagged`; `stream` is stdout"
        " or stderr. Only the forms for machines have it as an event, whatever `log_level` is.",
        optional=("worker", "pid", "stream"),
    ),
    Event(
        "hooks-in-supervisor",
        "warning",
        "the supervisor has imported {modules} for {hooks}; a reload does not renew that, and it"
        " should import nothing of the app",
        "Hooks that run in the supervisor need their module there, with the supervisor's rights."
        " What such a module breaks or blocks, it breaks or blocks for the whole server. Workers"
        " import it anew.",
    ),
    Event(
        "hook-failed",
        "error",
        "{hook} ({function}) failed: {error}",
        "A function that the settings name for this moment has raised an exception. The server goes"
        " on as without it.",
        optional=("pid", "detail"),
    ),
    Event(
        "hook-slow",
        "warning",
        "{hook} ({function}) took {seconds} s, in which the supervisor did nothing else",
        "No signal was heard and no worker replaced meanwhile. Do such work in a worker, or in a"
        " process of its own.",
    ),
    Event(
        "logs-reopened",
        "info",
        "{path} was opened again",
        "USR1 asked for it, most likely because the file was moved away. Workers do the same.",
    ),
    Event(
        "sockets-passed",
        "info",
        "{sockets} listening sockets came from the service manager ({names})",
        "Socket activation: LISTEN_FDS and LISTEN_PID name them, and nothing else says where to"
        " listen.",
    ),
    Event(
        "sockets-not-used",
        "warning",
        "{sockets} listening sockets came from the service manager ({names}) and are not used,"
        " because bind, host or port says where to listen",
        "Clients of those sockets wait for ever. Leave out the address, or the socket unit.",
    ),
    Event(
        "pid-file-stale",
        "info",
        "pid file {path} names process {pid}, which is not running; it is replaced",
        "The server of that file ended without removing it, most likely by SIGKILL or a power cut.",
    ),
    Event(
        "listening",
        "info",
        "listening on {url}",
        "The address is bound: connections are not refused, and wait there for the first worker.",
    ),
    Event(
        "metrics-served",
        "info",
        "metrics on {url}/metrics",
        "The page for Prometheus is served there by the supervisor, apart from the application.",
    ),
    Event(
        "statsd-reported",
        "info",
        "statistics are sent to {address}",
        "Each second, in datagrams; names and meanings are in docs/guides/monitoring.md.",
    ),
    Event(
        "statsd-unreachable",
        "warning",
        "no statistics reach {address}: {error}",
        "Told once. The server goes on, and sends again each second; a name that was not found is "
        "looked up again when the server is started anew.",
    ),
    Event(
        "worker-started",
        "debug",
        "worker {worker} (pid {pid}) was started",
        "A worker process exists and begins to load the application.",
    ),
    Event(
        "preload-started",
        "debug",
        "the process that imports the app for all workers (pid {pid}) was started",
        "With `preload`: the workers will be forked from it. Where the log names worker 0, this"
        " process is meant.",
    ),
    Event(
        "preload-ready",
        "info",
        "the app is imported after {seconds} s, and workers are forked from pid {pid}",
        "With `preload`: the application has loaded, and the workers can begin.",
    ),
    Event(
        "preload-threads",
        "warning",
        "importing the app has started threads ({threads}), which do not exist in the workers. "
        "Start them when they are first used, or turn preload off",
        "A forked process has one thread, however many its parent had; and what such a thread held"
        " locked at the time stays locked.",
    ),
    Event(
        "worker-still-loading",
        "warning",
        "worker {worker} (pid {pid}) is still importing {app} after {seconds} s",
        "The application's module has not come to its end: it works, or waits for something such as"
        " a database, when it is imported. Connections wait until a worker is ready.",
    ),
    Event(
        "worker-ready",
        "info",
        "worker {worker} (pid {pid}) is ready after {seconds} s",
        "The worker has loaded the application and accepts requests.",
    ),
    Event(
        "server-ready",
        "info",
        "ready after {seconds} s; Ctrl-C stops it",
        "Every worker that was asked for accepts requests.",
        optional=("pid",),
    ),
    Event(
        "run-ignored",
        "warning",
        "{call} at {place} was ignored: Trivet serves this app already. "
        'Put it below if __name__ == "__main__":',
        "The application's module starts a server of its own when it is imported. Under Trivet that"
        ' call does nothing, but it belongs below `if __name__ == "__main__":`.',
    ),
    Event(
        "signal-handler-replaced",
        "warning",
        "the app had set its own handler for {signal}; Trivet handles {signal} itself. "
        "Use atexit for what must happen at the end",
        "The application called signal.signal() while it was imported. With its handler in place"
        " the worker could not finish the requests in flight when it is told to stop.",
    ),
    Event(
        "signals-unavailable",
        "warning",
        "serve() was not called in the main thread: no signal stops it gracefully",
        "Python lets only the main thread handle signals. The server runs until the process ends.",
    ),
    Event(
        "threads-not-inherited",
        "warning",
        "the script runs {threads} threads of its own; they do not exist in the workers. "
        "Start them in the app, or use workers=1",
        "serve(app, workers=2) forks, and a forked process has one thread, however many its parent"
        " had.",
    ),
    # A worker ends
    Event(
        "worker-failed",
        "error",
        "worker {worker} (pid {pid}) could not start: {error}",
        "The application did not load in a worker. The other workers go on; the worker is started"
        " again, later and later.",
        optional=("name", "detail"),
    ),
    Event(
        "worker-died",
        "error",
        "worker {worker} (pid {pid}) {how} after {seconds} s",
        "A worker ended although nobody told it to. The requests that it was answering are lost.",
        optional=("detail",),
    ),
    Event(
        "restart-delayed",
        "warning",
        "worker {worker} starts again in {delay_seconds} s; early ends in a row: {deaths}",
        "A crash loop. The wait doubles each time, up to 30 s, so that the machine has time for the"
        " workers that do serve.",
    ),
    Event(
        "fork-failed",
        "error",
        "worker {worker} could not be started: {error}",
        "The operating system refused a new process: a limit of processes or memory is reached.",
    ),
    Event(
        "worker-bug",
        "error",
        "worker {worker} (pid {pid}) failed inside Trivet: {error}",
        "A defect of Trivet. Please report it, with the detail.",
        optional=("detail",),
    ),
    Event(
        "supervisor-lost",
        "warning",
        "the supervisor is gone: worker {worker} (pid {pid}) finishes its requests and stops",
        "The supervisor was killed. No worker outlives it for longer than the graceful timeout.",
    ),
    # Serving
    Event(
        "tls-on-plain-port",
        "warning",
        "a client spoke TLS (https) to a port that speaks plain HTTP; it got 400",
        "Logged once by each worker. Somebody uses https:// in an address where http:// belongs,"
        " or a proxy in front was told to speak TLS to Trivet. Strangers who try ports do so too.",
    ),
    Event(
        "http2-preface",
        "warning",
        "a client spoke HTTP/2 without asking first; this port speaks HTTP/1.1, so it got 505",
        "Logged once by each worker. A proxy or a client is set to HTTP/2 with prior knowledge"
        " (h2c). Set it to HTTP/1.1.",
    ),
    # Room
    Event(
        "connections-scarce",
        "warning",
        "worker {worker} (pid {pid}) has no room for more connections: it closed {shed} idle ones, "
        "and new ones had to wait {held_back} times",
        "The worker has as many connections as worker_connections or the limit on open files"
        " allows. Connections that idle are closed first; when none is idle, new ones wait. Raise"
        " the limit (LimitNOFILE= under systemd, --ulimit nofile= for a container), or lower"
        " keep_alive. Said at most once in ten seconds; the numbers are those since the last time.",
    ),
    # Workers are replaced
    Event(
        "reloading",
        "info",
        "{cause}: reading the settings again and replacing the workers",
        "A reload has begun. The old workers go on until new ones are ready.",
    ),
    Event(
        "reloaded",
        "info",
        "every worker ({workers}) runs the new code after {seconds} s",
        "The reload is over: every new connection is answered by the new code. Old workers may"
        " still finish requests.",
    ),
    Event(
        "address-closed",
        "info",
        "no longer listening on {url}",
        "A reload has taken the address out of the settings, or could not use it after all.",
    ),
    Event(
        "reload-failed",
        "error",
        "reload failed, the old workers go on: {error}",
        "The settings or the application could not be loaded. Nothing is lost: the old code answers"
        " until a reload succeeds. A worker that crashes meanwhile cannot be replaced by old code.",
        optional=("name", "detail"),
    ),
    Event(
        "upgrading",
        "info",
        "upgrading because of {cause}: the new server has pid {pid}",
        "A new server starts in the place of this one, with what is installed now. This one goes on"
        " until it is ready.",
    ),
    Event(
        "handed-over",
        "info",
        "the new server (pid {pid}) is ready, and has the sockets now",
        "The upgrade is over. This server finishes its requests and ends.",
    ),
    Event(
        "taken-over",
        "info",
        "the place of the server with pid {pid} is taken",
        "Said by the new server: sockets, pid file and control socket are its own now.",
    ),
    Event(
        "upgrade-failed",
        "error",
        "upgrade failed, the old server goes on: {error}",
        "The new server did not start, and has ended. Nothing has changed.",
        ("name", "detail"),
    ),
    Event(
        "worker-retired",
        "info",
        "worker {worker} (pid {pid}) is replaced: {reason}",
        "Its successor starts first; then it finishes its requests and ends.",
    ),
    Event(
        "scaling",
        "info",
        "{cause}: from {before} to {workers} workers",
        "The number of workers was changed while the server runs.",
    ),
    # Requests that fail or take too long
    Event(
        "request-failed",
        "error",
        "{method} {target} failed: {error}",
        "The application let an exception through, or gave an answer that is none. The client got"
        " 500, or a cut answer where it had begun. The detail is the traceback. An exception that"
        " the framework has caught is not seen here: its own logging tells.",
        optional=("request_id", "detail", "worker", "pid"),
    ),
    Event(
        "request-timed-out",
        "error",
        "{method} {target} got {answer} after {seconds} s; its thread is at {place}",
        "The application did not answer within `timeout`. The detail is the stack of its thread at"
        " that moment. RequestTimedOut is raised there, which frees the thread as soon as it runs"
        " Python code again.",
        optional=("request_id", "detail", "worker", "pid"),
    ),
    Event(
        "slow-request",
        "warning",
        "{method} {target} has taken {seconds} s so far; its thread is at {place}",
        "A request has run for `slow`, and goes on. The detail is the stack of its thread.",
        optional=("request_id", "detail", "worker", "pid"),
    ),
    Event(
        "thread-lost",
        "error",
        "the thread of {method} {target}, which timed out, is still at {place} after {seconds} s",
        "A call that does not return keeps the thread: Python cannot interrupt it. The worker is"
        " replaced, after its other requests have finished; with serve() there is nobody to do"
        " that, and the process goes on with a thread less.",
        optional=("request_id", "worker", "pid"),
    ),
    Event(
        "worker-stuck",
        "error",
        "worker {worker} (pid {pid}) is stuck, and nothing in it can run. Its requests: {requests}",
        "Something holds Python's interpreter lock: a C extension that computes or waits without"
        " releasing it. It is in one of these requests, or in a thread of the app's own: first come"
        " those that compute, then those that run for longest. Where only one request can be meant"
        " the other fields are about it. The detail is the stacks of all threads, each with its"
        " innermost line first. The worker is replaced.",
        optional=("method", "target", "seconds", "place", "request_id", "detail"),
    ),
    # Stopping
    Event(
        "stop-announced",
        "info",
        "{cause}: not ready any more; the stop begins in {seconds} s",
        "`drain_delay`: the check of readiness fails already, and everything is served until load"
        " balancers have noticed. A second signal begins the stop at once.",
        optional=("pid",),
    ),
    Event(
        "stopping",
        "info",
        "{cause}: stopping; requests in flight have {seconds} s to finish",
        "The graceful stop has begun. A second Ctrl-C, or SIGQUIT, ends it at once.",
        optional=("pid",),
    ),
    Event(
        "stopping-at-once",
        "warning",
        "{cause}: stopping at once",
        "Requests in flight are not waited for.",
        optional=("pid",),
    ),
    Event(
        "listeners-closed",
        "debug",
        "the listening sockets are closed",
        "Every worker has taken in what waited there. From now on connections are refused.",
    ),
    Event(
        "worker-stopped",
        "debug",
        "worker {worker} (pid {pid}) has stopped",
        "A worker ended because it was told to.",
    ),
    Event(
        "connections-cut",
        "warning",
        "connections that still waited for an answer after {seconds} s and were cut: {connections}",
        "The graceful timeout was too short for these requests. Raise graceful_timeout, or find out"
        " why they take so long.",
        optional=("worker", "pid"),
    ),
    Event(
        "workers-killed",
        "warning",
        "{workers} of the workers did not stop within {seconds} s and were killed (pid {pids})",
        "The workers did not react, so the supervisor killed them. Their requests were cut.",
    ),
    Event(
        "exit-hindered",
        "warning",
        "worker {worker} (pid {pid}) ends without waiting for: {hindrance}",
        "Threads or atexit functions of the application were still running when the worker had to"
        " go. Make such threads daemons, or let them end.",
    ),
    Event(
        "stopped",
        "info",
        "stopped after {seconds} s",
        "Every worker has ended; the server goes. After an upgrade that is the old one, as its pid"
        " says.",
        optional=("pid",),
    ),
    # Told what to do
    Event(
        "control-unavailable",
        "info",
        "there is no control socket: {reason}",
        "`trivet ps`, `reload` and the others cannot reach this server: no private directory could"
        " be made. Give it a path with `control`, or `off`.",
    ),
    Event(
        "signal-ignored",
        "warning",
        "{signal} was ignored: {reason}",
        "A signal that has nothing to do here at this time: it asks for more or fewer workers than"
        " there may be, or to open log files again where there are none.",
    ),
    # Development; on a terminal the same is told in other words (dev/voices.py)
    Event(
        "dev-started",
        "info",
        "{app} is served on {url}",
        "`trivet dev` listens. The fields say what was chosen and why; of variables from `.env` and"
        " `.flaskenv` only the names.",
        ("reason", "workers", "threads", "framework", "env", "watch", "errors", "console"),
    ),
    Event(
        "dev-ready",
        "info",
        "ready after {seconds} s",
        "The first worker has loaded the application. Requests that came before it have waited.",
    ),
    Event(
        "dev-changed",
        "info",
        "changed: {paths} ({action})",
        "Files have new contents. The action is `reload`, or what browsers do by themselves.",
    ),
    Event(
        "dev-reloaded",
        "info",
        "reloaded in {seconds} s",
        "The new code answers. `why_cold` says why installed packages were imported again too.",
        ("why_cold",),
    ),
    Event(
        "dev-failed",
        "error",
        "{error} ({place})",
        "The new code does not load. Browsers are shown the error, and the next save tries again.",
        ("source", "url", "detail"),
    ),
    Event(
        "dev-recovered",
        "info",
        "back in {seconds} s",
        "The code loads again after an error.",
        ("why_cold",),
    ),
    Event(
        "dev-exception",
        "error",
        "{error} ({place})",
        "A view has raised. `place` is the last frame of the project's own code; `url` is the page"
        " with everything.",
        ("source", "url", "detail"),
    ),
    Event(
        "dev-request",
        "info",
        "{method} {path} {status} in {ms} ms",
        "A request was answered. Requests for static files are left out unless `show_static` is"
        " on. `view` is the function that answered, for Flask.",
        ("view",),
    ),
    Event(
        "dev-warm",
        "debug",
        "{modules} modules from outside the project are imported for later workers, in {seconds} s",
        "From now on a reload imports only the project's own modules.",
    ),
    Event(
        "dev-note",
        "info",
        "{note}",
        "Something to know about this start of `trivet dev`.",
    ),
)
