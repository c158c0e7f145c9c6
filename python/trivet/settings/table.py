"""Every setting of Trivet: its name, type, default, kind, group and help; nothing is read here.

A table, and longer than other modules for that. One name gives four spellings, without exception:
`keep_alive` is the flag `--keep-alive`, the variable `TRIVET_KEEP_ALIVE`, the key `keep_alive` in
trivet.toml, and the keyword `keep_alive` of serve(). Groups are headings only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from trivet.settings.access_log_format import AccessLogFormat
from trivet.settings.addresses import HOST, Address, AddressKind
from trivet.settings.field_names import FieldName
from trivet.settings.file_modes import FileMode
from trivet.settings.function_names import FunctionName
from trivet.settings.kinds import Choice, Kind, ListOf, Switch, Text, WholeNumber
from trivet.settings.paths import UrlPath
from trivet.settings.peers import PeerList
from trivet.settings.quantities import KIB, MIB, Duration, Size
from trivet.settings.statsd_names import reject_statsd_name, reject_statsd_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    Mode = Literal["serve", "dev", "script"]

#: The ways to run Trivet, which differ in nothing but defaults (`defaults_in` below). "script" is
#: serve(app) called by a Python program, which may have started threads that a fork would lose.
MODES: tuple[Mode, ...] = ("serve", "dev", "script")

#: The tables of a configuration file for one way to run, and the modes that read each.
FILE_TABLES: Mapping[str, tuple[Mode, ...]] = {"serve": ("serve", "script"), "dev": ("dev",)}

#: Headings in the order in which help and reference show them.
GROUPS = (
    "Application",
    "Addresses",
    "Proxies",
    "Processes",
    "Users and files",
    "Timeouts",
    "Health",
    "Limits",
    "Responses",
    "Logging",
    "Monitoring and control",
    "Hooks",
    "Development",
)


# Frozen and comparable would cost half a millisecond of every start, and nobody changes a Spec.
@dataclass(eq=False, repr=False, kw_only=True)
class Spec:
    """All that is known about one setting, but for its value."""

    name: str = ""
    default: object
    kind: Kind
    group: str
    help: str
    #: A one-letter flag such as "-w".
    short: str | None
    #: Where a mode's default differs.
    defaults_in: Mapping[Mode, object]
    #: Variables beside TRIVET_…, which other software sets and which win over a file.
    extra_environment: tuple[str, ...]
    #: What an empty or zero value stands for, in a few words.
    empty_means: str
    #: Handed to the Rust engine.
    engine: bool
    #: Never shown, not even in an error.
    secret: bool
    #: Given on the command line by its place and not by a flag.
    positional: bool
    #: The only command that has the flag, where the others would do nothing with it.
    only_in: Mode | None

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def negative_flag(self) -> str:
        return f"--no-{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        return f"TRIVET_{self.name.upper()}"

    def default_in(self, mode: Mode) -> object:
        return self.defaults_in.get(mode, self.default)

    def show(self, value: object) -> str:
        """A value as a user would write it; what it stands for, when it is empty or zero."""
        if self.secret and value:
            return "(secret)"
        return self.empty_means if self.empty_means and not value else self.kind.show(value)


def setting(
    default: object,
    kind: Kind,
    group: str,
    help: str,
    *,
    short: str | None = None,
    defaults_in: Mapping[Mode, object] | None = None,
    extra_environment: tuple[str, ...] = (),
    empty_means: str = "",
    engine: bool = False,
    secret: bool = False,
    positional: bool = False,
    only_in: Mode | None = None,
) -> Any:
    """Declare one field of Settings. Returns Any: to type checkers the field is its value."""
    spec = Spec(
        default=default,
        kind=kind,
        group=group,
        help=help,
        short=short,
        defaults_in=defaults_in or {},
        extra_environment=extra_environment,
        empty_means=empty_means,
        engine=engine,
        secret=secret,
        positional=positional,
        only_in=only_in,
    )
    return field(default=default, metadata={"spec": spec})


def hook(help: str) -> Any:
    """Declare a function of the user's that is called at a certain moment (trivet.app.hooks)."""
    return setting("", FunctionName(), "Hooks", help, empty_means="none", only_in="serve")


SWITCH = Switch()
POSITIVE_DURATION = Duration(minimum=0.001)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The value of every setting. Durations are seconds, sizes are bytes, addresses are Address.

    Made by `resolve`, which checks; Settings(…) made by hand is for tests, and checks nothing.
    """

    app: str = setting(
        "",
        Text("an application such as shop:app, shop:create_app() or shop.py", "APP"),
        "Application",
        "The application: module:attribute, module:factory(), a path to a file or directory. "
        "Left out, it is found as Flask finds it.",
        empty_means="found at start",
        positional=True,
    )
    root_path: str = setting(
        "",
        UrlPath(),
        "Application",
        "The part of the URL in front of the application (SCRIPT_NAME), such as /shop when a "
        "proxy passes on only what is below it.",
        empty_means="none",
        engine=True,
    )
    url_scheme: str = setting(
        "http",
        Choice("http", "https"),
        "Application",
        "The scheme that the application sees in its URLs: https when a proxy in front does TLS.",
        engine=True,
    )

    bind: tuple[Address, ...] = setting(
        (),
        ListOf(AddressKind()),
        "Addresses",
        "Listen here: HOST:PORT, [IPV6]:PORT, :PORT for every address of the machine, unix:PATH, "
        "or fd://NUMBER for a socket that is already open. May be given several times.",
        short="-b",
        empty_means="host and port",
    )
    host: str = setting(
        "127.0.0.1",
        HOST,
        "Addresses",
        "The address to listen on; 0.0.0.0 is every IPv4 address of the machine. Becomes 0.0.0.0 "
        "when PORT gives the port and nobody gives the host, for that is how platforms ask.",
        empty_means="every address",
    )
    port: int | Literal["next"] = setting(
        8000,
        WholeNumber(0, 65535, words=("next",)),
        "Addresses",
        "The port to listen on; 0 lets the system choose. For development, next is the first free "
        "one from 8000 on.",
        # No -p: it is the pid file for gunicorn's users and the port for Flask's.
        extra_environment=("PORT",),
    )
    backlog: int = setting(
        2048,
        WholeNumber(1, 2**31 - 1),
        "Addresses",
        "Connections that may wait to be accepted; the system may allow fewer.",
    )

    trusted_proxies: tuple[str, ...] = setting(
        (),
        PeerList(),
        "Proxies",
        "Believe what these peers say of the client: addresses, networks such as 10.0.0.0/8, and "
        "unix for whoever may connect to a Unix socket. Fields such as X-Forwarded-For do not "
        "reach the application when anybody else sends them. May be given several times.",
        empty_means="nobody",
        engine=True,
    )
    forwarded_headers: str = setting(
        "x-forwarded",
        Choice("x-forwarded", "forwarded"),
        "Proxies",
        "Which fields of trusted proxies are read: X-Forwarded-For, -Proto, -Host, -Port and "
        "-Prefix, or Forwarded (RFC 7239). The others do not reach the application.",
        engine=True,
    )
    proxy_protocol: bool = setting(
        False,
        SWITCH,
        "Proxies",
        "Every connection begins with a header of the PROXY protocol, version 1 or 2. Connections "
        "without it, and those of peers that are not in trusted_proxies, are closed.",
        engine=True,
    )

    workers: int | Literal["auto"] = setting(
        "auto",
        WholeNumber(1, 1024, words=("auto",)),
        "Processes",
        "Worker processes. auto is one for each CPU that this process may use, fewer when memory "
        "is short.",
        short="-w",
        defaults_in={"dev": 1, "script": 1},
        extra_environment=("WEB_CONCURRENCY",),
    )
    min_workers: int = setting(
        1,
        WholeNumber(1, 1024),
        "Processes",
        "The fewest workers, where max_workers lets their number follow the load.",
    )
    max_workers: int = setting(
        0,
        WholeNumber(0, 1024),
        "Processes",
        "Let the number of workers follow the load, between min_workers and this one: more when "
        "their CPU time or threads are used up, fewer after a minute in which one less was enough. "
        "workers is how many there are at the start.",
        empty_means="the number is fixed",
    )
    threads: int = setting(
        128,
        WholeNumber(1, 10_000),
        "Processes",
        "The most requests that one worker handles at the same time. Threads are made when they "
        "are needed, so there is seldom a reason to change it.",
        engine=True,
    )

    preload: bool = setting(
        False,
        SWITCH,
        "Processes",
        "Import the application once, in a process that forks the workers, so that they share its "
        "memory. It must not start threads or open connections when it is imported. Linux only.",
    )
    max_requests: int = setting(
        0,
        WholeNumber(0),
        "Processes",
        "Replace a worker when it has answered so many requests, its successor first. A remedy for "
        "what leaks memory, until the leak is found.",
        empty_means="no limit",
    )
    max_requests_jitter: int = setting(
        0,
        WholeNumber(0, 2**32),
        "Processes",
        "Add a random number up to this one to max_requests, for each worker, so that they are not "
        "all replaced at the same time.",
        empty_means="none",
    )
    max_memory: int = setting(
        0,
        Size(),
        "Processes",
        "Replace a worker that uses more memory than this, its successor first. Memory that "
        "workers share counts in part. Looked at after requests; Linux only.",
        empty_means="no limit",
    )
    max_age: float = setting(
        0.0,
        Duration(),
        "Processes",
        "Replace a worker that has served for this long, its successor first, one worker after the "
        "other.",
        empty_means="no limit",
    )

    user: str = setting(
        "",
        Text("the name or number of a user", "USER"),
        "Users and files",
        "Import and run the application as this user, in the groups that the user is in. The "
        "supervisor, which runs nothing of the application, keeps its rights, so that a reload can "
        "open ports below 1024. Needs root.",
        short="-u",
        empty_means="who started it",
        only_in="serve",
    )
    group: str = setting(
        "",
        Text("the name or number of a group", "GROUP"),
        "Users and files",
        "Run the application with this group in the place of the user's own. Needs root.",
        short="-g",
        empty_means="the user's",
        only_in="serve",
    )
    umask: str = setting(
        "",
        FileMode(),
        "Users and files",
        "The permissions that new files of server and application do not get, in octal digits such "
        "as 027.",
        short="-m",
        empty_means="as it is",
        only_in="serve",
    )
    socket_mode: str = setting(
        "",
        FileMode(),
        "Users and files",
        "The permissions of the Unix sockets in bind, in octal digits such as 660. Whoever may "
        "write may connect.",
        empty_means="by the umask",
    )
    pid_file: str = setting(
        "",
        Text("a path", "PATH"),
        "Users and files",
        "Write the number of the supervisor's process to this file when the server is ready, and "
        "remove it at the end. A start is refused while the process that it names lives.",
        empty_means="none",
        only_in="serve",
    )
    chdir: str = setting(
        "",
        Text("a directory", "DIRECTORY"),
        "Users and files",
        "Go to this directory when the settings have been read, and look for the application "
        "there. A reload goes there again, which follows a symbolic link that was switched.",
        empty_means="where it was started",
        only_in="serve",
    )
    pythonpath: tuple[str, ...] = setting(
        (),
        ListOf(Text("a directory", "DIRECTORY", empty=False)),
        "Users and files",
        "Import modules from these directories too, after the application's own. May be given "
        "several times.",
        empty_means="none",
        only_in="serve",
    )

    keep_alive: float = setting(
        75.0,
        # Longer than the 60 s after which common load balancers drop an idle connection: whoever
        # closes first must not be the server, or a request is lost on the way.
        Duration(),
        "Timeouts",
        "Close a connection that has been idle for this long. Keep it longer than the idle time "
        "of the load balancer in front.",
        engine=True,
    )
    header_timeout: float = setting(
        30.0,
        POSITIVE_DURATION,
        "Timeouts",
        "The time that a client has to send the whole head of a request.",
        engine=True,
    )
    header_min_rate: int = setting(
        # A head is one or two packets: half of one has bought ten seconds more with this.
        50,
        Size(),
        "Timeouts",
        "The least that a client must send of a head in each second, on average, when a third of "
        "header_timeout is over. 0 asks for none.",
        empty_means="none",
        engine=True,
    )
    body_timeout: float = setting(
        30.0,
        POSITIVE_DURATION,
        "Timeouts",
        "The longest pause while a client sends a request body that is being waited for.",
        engine=True,
    )
    body_min_rate: int = setting(
        # Three seconds of a bad line, 1 KiB/s, within 30 s.
        100,
        Size(),
        "Timeouts",
        "The least that a client must send of a body in each second while it is waited for, on "
        "average over each body_timeout. 0 asks for none.",
        empty_means="none",
        engine=True,
    )
    write_timeout: float = setting(
        30.0,
        POSITIVE_DURATION,
        "Timeouts",
        "The longest pause while a client does not read the response.",
        engine=True,
    )
    write_min_rate: int = setting(
        100,
        Size(),
        "Timeouts",
        "The least that a client must take of the response in each second while it is waited for, "
        "on average over each write_timeout. 0 asks for none.",
        empty_means="none",
        engine=True,
    )
    timeout: float = setting(
        30.0,
        # Gunicorn's default. Platforms' routers give up after 30 s (Heroku) to 60 s (nginx) anyway.
        Duration(),
        "Timeouts",
        "The time that the application has to begin its response, and then from part to part of "
        "it. When it is over the client gets 504, the stack goes to the log, and the thread is "
        "freed, or its worker replaced. Time in which a slow client sends its body does not "
        "count; WebSockets have no deadline. 0 is no deadline.",
        short="-t",
        defaults_in={"dev": 0.0, "script": 0.0},
        empty_means="no deadline",
        engine=True,
    )
    slow: float = setting(
        0.0,
        Duration(),
        "Timeouts",
        "Write the stack of a request to the log when it has run for this long; it goes on. 0 is "
        "never.",
        empty_means="never",
        engine=True,
    )
    graceful_timeout: float = setting(
        20.0,
        Duration(),
        "Timeouts",
        "The time that requests in flight have to finish after TERM or the first INT.",
    )

    drain_delay: float = setting(
        0.0,
        Duration(),
        "Timeouts",
        "After TERM, serve on for this long while ready_path says 503 already, so that load "
        "balancers stop sending requests before the stop begins.",
    )

    live_path: str = setting(
        "/-/live",
        UrlPath(),
        "Health",
        "The path on which the engine itself answers 200 as long as the server runs, whatever the "
        "application does. Empty for none.",
        empty_means="none",
        engine=True,
    )
    ready_path: str = setting(
        "/-/ready",
        UrlPath(),
        "Health",
        "The path on which the engine itself answers 200 while new requests are welcome, and 503 "
        "when the server is about to stop. Empty for none.",
        empty_means="none",
        engine=True,
    )

    request_line_limit: int = setting(
        8 * KIB,
        # RFC 9112 section 3 recommends to support at least 8000 octets.
        Size(minimum=64, maximum=MIB),
        "Limits",
        "The longest request line; a longer one is answered with 414.",
        engine=True,
    )
    header_limit: int = setting(
        64 * KIB,
        Size(minimum=1 * KIB, maximum=16 * MIB),
        "Limits",
        "The largest head of a request, its request line and headers together; a larger one is "
        "answered with 431.",
        engine=True,
    )
    header_count_limit: int = setting(
        100,
        # The engine's tokenizer works in a fixed array (Limits::MOST_FIELDS of trivet-http).
        WholeNumber(1, 1024),
        "Limits",
        "The most header lines of a request; more are answered with 431.",
        engine=True,
    )
    body_limit: int = setting(
        0,
        Size(),
        "Limits",
        "The largest request body; a larger one is answered with 413. 0 is no limit.",
        empty_means="no limit",
        engine=True,
    )
    chunk_extension_limit: int = setting(
        4 * KIB,
        # The line holds the size, too: 16 digits.
        Size(minimum=16, maximum=MIB),
        "Limits",
        "The longest line that announces a chunk of a request body, with its extensions; a longer "
        "one is answered with 400.",
        engine=True,
    )
    trailer_limit: int = setting(
        8 * KIB,
        Size(minimum=0, maximum=16 * MIB),
        "Limits",
        "The most bytes of trailers after a chunked request body; more are answered with 431.",
        engine=True,
    )
    worker_connections: int = setting(
        0,
        WholeNumber(0, 2**31 - 1),
        "Limits",
        "The most connections of one worker. At the limit it closes those that have been idle for "
        "longest, and when none is idle it leaves new ones waiting. 0 is as many as the limit on "
        "open files has room for, with an eighth of it left to the application.",
        empty_means="by the limit on open files",
        engine=True,
    )
    queue_limit: int = setting(
        2048,
        WholeNumber(1, 2**31 - 1),
        "Limits",
        "The most requests of one worker that wait, complete, for a thread; more are answered with "
        "503 and Retry-After.",
        engine=True,
    )
    requests_per_connection: int = setting(
        0,
        WholeNumber(0, 2**31 - 1),
        "Limits",
        "The most requests on one connection; the answer to the last one closes it. 0 is no limit.",
        empty_means="no limit",
        engine=True,
    )

    server_header: str = setting(
        "trivet",
        Text(
            "text that may stand in a header",
            reject=lambda text: None if text.isascii() else "expected ASCII characters only",
        ),
        "Responses",
        "The Server header of responses that have none of their own; empty for no such header.",
        empty_means="no header",
        engine=True,
    )

    request_id: str = setting(
        "",
        FieldName("X-Request-Id"),
        "Logging",
        "Give each request an id: in its response under this name, in the environ, in the access "
        "log. Trusted proxies may send one in the same field; from anybody else it is not taken. "
        "on is X-Request-Id. Messages about single requests have an id also without it.",
        empty_means="off",
        engine=True,
    )
    access_log: bool = setting(
        True, SWITCH, "Logging", "Write one line for each request.", engine=True
    )
    access_log_format: str = setting(
        "auto",
        AccessLogFormat(),
        "Logging",
        "How a line of the access log looks: text (combined with the duration), common, combined, "
        "json, logfmt, or a format string of gunicorn, such as '%(h)s %(m)s %(U)s %(s)s'. auto is "
        "json or logfmt where log_format is, and else text.",
    )
    access_log_skip: tuple[str, ...] = setting(
        (),
        ListOf(
            Text(
                "a path such as /favicon.ico or /static/*",
                "PATH",
                empty=False,
                reject=lambda text: (
                    None
                    if text.startswith("/") and "*" not in text[:-1]
                    else "expected a path such as /favicon.ico, or with * at its end /static/*"
                ),
            )
        ),
        "Logging",
        "Requests for these paths are not in the access log, unless the status is 500 or above; "
        "* at the end is for everything that begins so. Health checks never are. May be given "
        "several times.",
        empty_means="none",
        engine=True,
    )
    access_log_file: str = setting(
        "-",
        Text("a path, or - for standard output", "PATH", empty=False),
        "Logging",
        "Where the access log goes: a file, or - for standard output. USR1 opens the file again "
        "after it was moved.",
        only_in="serve",
    )
    log_file: str = setting(
        "-",
        Text("a path, or - for standard error", "PATH", empty=False),
        "Logging",
        "Where the messages of Trivet go: a file, or - for standard error. USR1 opens the file "
        "again after it was moved. The access log has access_log_file; what the application "
        "prints stays on standard output and standard error.",
        only_in="serve",
    )
    log_format: str = setting(
        "auto",
        Choice("auto", "text", "json", "logfmt"),
        "Logging",
        "How log lines look: text for people, json or logfmt for machines. auto is text, shorter "
        "on a terminal than elsewhere. The access log follows, unless access_log_format is given.",
    )
    log_level: str = setting(
        "info",
        Choice("debug", "info", "warning", "error"),
        "Logging",
        "The least important messages that are still written. Says nothing about the access log.",
    )
    worker_output: str = setting(
        "raw",
        Choice("raw", "tagged"),
        "Logging",
        "What becomes of what the application prints. raw: it goes where the server's own output "
        "goes, as it is. tagged: each line goes to the log, with the number of its worker; an "
        "event in the forms json and logfmt. Lines leave at once in either case.",
        only_in="serve",
    )
    control: str = setting(
        "auto",
        Text("auto, off, or the path of a socket", "PATH", empty=False),
        "Monitoring and control",
        "The Unix socket over which trivet ps, top, stacks, reload, scale and stop reach this "
        "server; only its own user and root may. auto is a private path by process id, which they "
        "find; off is none.",
        only_in="serve",
    )
    metrics: tuple[Address, ...] = setting(
        (),
        ListOf(AddressKind()),
        "Monitoring and control",
        "Serve counters of all workers at /metrics of this address, for Prometheus and "
        "OpenMetrics: HOST:PORT or unix:PATH, not one that clients can reach. With it, serve() "
        "forks its worker also when there is only one.",
        empty_means="no metrics page",
    )
    traces: bool = setting(
        False,
        SWITCH,
        "Monitoring and control",
        "Make a span of OpenTelemetry for each request, which continues the trace of its "
        "traceparent header, and send it where the OTEL_... variables say. Needs trivet[otel].",
    )
    statsd: tuple[Address, ...] = setting(
        (),
        ListOf(AddressKind()),
        "Monitoring and control",
        "Send counters of all workers to a statsd server each second, in datagrams: HOST:PORT or "
        "unix:PATH. The names are those of gunicorn, behind statsd_prefix. With it, serve() forks "
        "its worker also when there is only one.",
        empty_means="nothing is sent",
    )
    statsd_prefix: str = setting(
        "trivet",
        Text("letters, digits, _, - and dots", "NAME", reject=reject_statsd_name),
        "Monitoring and control",
        "What the names of all statistics begin with, before a dot; empty is nothing.",
    )
    statsd_tags: str = setting(
        "",
        Text("tags as in env:live,team:shop", "TAGS", reject=reject_statsd_tags),
        "Monitoring and control",
        "Tags for every statistic, in the form of DogStatsD, separated by commas. Other statsd "
        "servers do not understand them.",
        empty_means="no tags",
    )

    on_starting: str = hook("Called in the supervisor before the sockets are opened.")
    on_reload: str = hook(
        "Called in the supervisor when a reload has read the settings, before it starts workers."
    )
    when_ready: str = hook(
        "Called in the supervisor when every worker is ready for the first time."
    )
    pre_fork: str = hook("Called in the supervisor before a worker is started.")
    post_fork: str = hook(
        "Called in a worker that has begun, before the application is imported. An exception "
        "ends the start of the worker."
    )
    post_worker_init: str = hook(
        "Called in a worker that has loaded the application, before its first request. An "
        "exception ends the start of the worker."
    )
    worker_int: str = hook("Called in a worker that is told to end at once.")
    worker_abort: str = hook(
        "Called in a worker that is replaced because a request is over its timeout and its "
        "thread cannot be freed."
    )
    worker_exit: str = hook("Called in a worker that has served its last request.")
    child_exit: str = hook(
        "Called in the supervisor when a worker has ended, however that happened."
    )
    nworkers_changed: str = hook("Called in the supervisor when the number of workers is changed.")
    pre_exec: str = hook("Called in the supervisor before an upgrade starts the new server.")
    on_exit: str = hook("Called in the supervisor when the last worker has ended.")

    reload: bool = setting(
        False,
        SWITCH,
        "Development",
        "Load the application again when its files change.",
        defaults_in={"dev": True},
        only_in="dev",
    )
    reload_extra_files: tuple[str, ...] = setting(
        (),
        ListOf(Text("a path or a pattern such as config/*.yaml", "PATH", empty=False)),
        "Development",
        "Load the application again when these files change too: paths or patterns, from the "
        "project's directory on. May be given several times.",
        empty_means="none",
        only_in="dev",
    )
    reload_ignore: tuple[str, ...] = setting(
        (),
        ListOf(Text("a pattern such as migrations/", "PATTERN", empty=False)),
        "Development",
        "Do not look at these files, beside what .gitignore names; patterns as in .gitignore. May "
        "be given several times.",
        empty_means="none",
        only_in="dev",
    )
    reload_poll: str = setting(
        "auto",
        Choice("auto", "on", "off"),
        "Development",
        "Look at every file again and again instead of being told by the system. auto does so "
        "where the file system tells nothing, as network shares and shared folders of virtual "
        "machines.",
        only_in="dev",
    )
    reload_grace: float = setting(
        2.0,
        Duration(),
        "Development",
        "How long streams and WebSockets of the old code go on after a change. Requests that have "
        "no answer yet are not cut.",
        only_in="dev",
    )
    warm: bool = setting(
        True,
        SWITCH,
        "Development",
        "Keep installed packages imported, so that a reload imports only the project's modules.",
        only_in="dev",
    )
    console: bool = setting(
        True,
        SWITCH,
        "Development",
        "Offer a Python console in each frame of the error page, to browsers on this machine that "
        "have the token of this start.",
        only_in="dev",
    )
    editor: str = setting(
        "",
        Text("an editor's name such as code, or a URL with {path} and {line}", "EDITOR"),
        "Development",
        "The editor in which the error page opens files: code, cursor, pycharm, zed, subl, emacs "
        "and others, or a URL with {path}, {line} and {column}.",
        empty_means="the one of VISUAL or EDITOR, if it can be opened from a page",
        only_in="dev",
    )
    path_map: tuple[str, ...] = setting(
        (),
        ListOf(
            Text(
                "two paths such as /app=/home/me/shop",
                "HERE=THERE",
                empty=False,
                reject=lambda text: (
                    None
                    if all(text.partition("=")[::2])
                    else "expected two paths such as /app=/home/me/shop"
                ),
            )
        ),
        "Development",
        "Where files of this container are on the machine with the editor. May be given several "
        "times.",
        empty_means="the same paths",
        only_in="dev",
    )

    refresh: bool = setting(
        False,
        SWITCH,
        "Development",
        "Let pages in the browser refresh themselves when files change. A small script is put into "
        "HTML pages for that.",
        defaults_in={"dev": True},
        only_in="dev",
    )
    show_static: bool = setting(
        False,
        SWITCH,
        "Development",
        "Show requests for static files in the terminal too.",
        only_in="dev",
    )
    open: bool = setting(
        False,
        SWITCH,
        "Development",
        "Open the page in the browser when it can be visited.",
        only_in="dev",
    )
    https: bool = setting(
        False,
        SWITCH,
        "Development",
        "Serve over https, with a certificate of a local authority that is made for this user.",
        only_in="dev",
    )
    lan: bool = setting(
        False,
        SWITCH,
        "Development",
        "Let other machines in the network visit, and show a QR code for phones. Errors are shown "
        "without console and values of variables then.",
        only_in="dev",
    )

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where to listen: `bind`, or else `host` and `port`, which is 8000 for `next`."""
        port = SPECS["port"].default if self.port == "next" else self.port
        return self.bind or (Address(self.host, port),)  # type: ignore[arg-type]  # it is a number


def _collect_specs() -> dict[str, Spec]:
    specs = {}
    for entry in fields(Settings):
        spec: Spec = entry.metadata["spec"]
        spec.name = entry.name
        specs[entry.name] = spec
    return specs


#: Every setting by its name, in the order of the table.
SPECS: Mapping[str, Spec] = _collect_specs()
