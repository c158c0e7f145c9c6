"""Flags of gunicorn that Trivet does not have, and what to do; shared ones are settings.

A table. Fingers and Procfiles come from gunicorn; "unknown flag" would leave people guessing
whether they misspelt it. Read off gunicorn 27.0.1.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NO_WORKER_CLASSES = "leave it out: Trivet has one kind of worker, which makes threads as needed"
NO_ASGI = "leave it out: Trivet does not serve ASGI applications yet"
NO_TLS = "Trivet does not do TLS yet; put a proxy in front and use --url-scheme https"
NO_HTTP2 = "leave it out: Trivet speaks HTTP/1.1 only so far"
NO_SYSLOG = "leave it out: Trivet writes to standard output; the service manager takes it to syslog"
NO_LEGACY = "leave it out: Trivet follows RFC 9112 and has no switches to weaken it"
NO_DIRTY = "leave it out: Trivet has no dirty workers"
NO_FILES = "leave it out: the application's standard output and standard error can be redirected"
OWN_LOGGING = "leave it out: configure your application's logging in the application"
NO_DAEMON = (
    "leave it out: let systemd or a container run Trivet, see docs/guides/systemd.md for a unit"
)

#: Flag → hint.
GUNICORN_FLAGS: Mapping[str, str] = {
    "-k": NO_WORKER_CLASSES,
    "--worker-class": NO_WORKER_CLASSES,
    "--worker-tmp-dir": "leave it out: workers report over a pipe and never through files",
    "--reload-engine": "leave it out: trivet dev chooses by the file system; see --reload-poll",
    "--reload-extra-file": "in Trivet it is --reload-extra-files, of trivet dev",
    "--limit-request-line": "in Trivet it is --request-line-limit, a size such as 8KiB",
    "--limit-request-fields": "in Trivet it is --header-count-limit",
    "--limit-request-field_size": "in Trivet it is --header-limit, for all headers together",
    "--spew": "leave it out: use a debugger or a profiler",
    "--check-config": "use `trivet settings`, which fails when a setting is wrong",
    "--print-config": "use `trivet settings`",
    "--no-sendfile": "leave it out: Trivet uses sendfile only where the application asks for it",
    "--reuse-port": "leave it out: the workers share one listening socket",
    "-D": NO_DAEMON,
    "--daemon": NO_DAEMON,
    "-e": "set the variable before starting: NAME=value trivet serve",
    "--env": "set the variable before starting: NAME=value trivet serve",
    "-p": "for the port it is --port, for a pid file --pid-file",
    "--pid": "in Trivet it is --pid-file",
    "--initgroups": "leave it out: with --user Trivet always takes the user's groups",
    "-n": "leave it out: Trivet does not rename its processes",
    "--name": "leave it out: Trivet does not rename its processes",
    "--forwarded-allow-ips": "in Trivet it is --trusted-proxies, addresses or networks; never *",
    "--forwarder-headers": "leave it out: X-Forwarded-Prefix of --trusted-proxies counts",
    "--proxy-allow-from": "in Trivet it is --trusted-proxies, addresses or networks; never *",
    "--protocol": "leave it out: Trivet speaks HTTP only",
    "--uwsgi-allow-from": "leave it out: Trivet speaks HTTP only",
    "--access-logfile": "in Trivet it is --access-log-file, a path or -; without it it is on, too",
    "--access-logformat": "in Trivet it is --access-log-format, with the same format strings",
    "--error-logfile": "in Trivet it is --log-file",
    "--capture-output": "in Trivet it is --worker-output tagged",
    "-R": NO_FILES,
    "--enable-stdio-inheritance": NO_FILES,
    "--logger-class": OWN_LOGGING,
    "--log-config": OWN_LOGGING,
    "--log-config-json": OWN_LOGGING,
    "--disable-redirect-access-to-syslog": NO_SYSLOG,
    "--log-syslog": NO_SYSLOG,
    "--log-syslog-to": NO_SYSLOG,
    "--log-syslog-prefix": NO_SYSLOG,
    "--log-syslog-facility": NO_SYSLOG,
    "--statsd-host": "in Trivet it is --statsd",
    "--dogstatsd-tags": "in Trivet it is --statsd-tags",
    "--enable-backlog-metric": "leave it out: the length of the backlog is not told",
    "--paste": "give the application as module:attribute",
    "--paster": "give the application as module:attribute",
    "--paste-global": "give the application as module:attribute",
    "--keyfile": NO_TLS,
    "--certfile": NO_TLS,
    "--ca-certs": NO_TLS,
    "--cert-reqs": NO_TLS,
    "--ciphers": NO_TLS,
    "--ssl-version": NO_TLS,
    "--suppress-ragged-eofs": NO_TLS,
    "--do-handshake-on-connect": NO_TLS,
    "--http-protocols": NO_HTTP2,
    "--http2-cleartext": NO_HTTP2,
    "--http2-max-concurrent-streams": NO_HTTP2,
    "--http2-initial-window-size": NO_HTTP2,
    "--http2-max-frame-size": NO_HTTP2,
    "--http2-max-header-list-size": NO_HTTP2,
    "--http-parser": "leave it out: Trivet has one parser",
    "--permit-obsolete-folding": NO_LEGACY,
    "--strip-header-spaces": NO_LEGACY,
    "--permit-unconventional-http-method": NO_LEGACY,
    "--permit-unconventional-http-version": NO_LEGACY,
    "--casefold-http-method": NO_LEGACY,
    "--header-map": NO_LEGACY,
    "--asgi-loop": NO_ASGI,
    "--asgi-lifespan": NO_ASGI,
    "--asgi-disconnect-grace-period": NO_ASGI,
    "--websocket-max-message-size": NO_ASGI,
    "--dirty-app": NO_DIRTY,
    "--dirty-workers": NO_DIRTY,
    "--dirty-timeout": NO_DIRTY,
    "--dirty-threads": NO_DIRTY,
    "--dirty-graceful-timeout": NO_DIRTY,
    "--control-socket": "in Trivet it is --control, a path",
    "--control-socket-mode": "leave it out: the control socket is its owner's and root's alone",
    "--no-control-socket": "in Trivet it is --control off",
}
