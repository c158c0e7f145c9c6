"""Serve an app behind the error page with N worker processes, and nothing else of `trivet dev`.

    python serve_with_debugger.py MODULE:ATTRIBUTE PORT WORKERS STATE_DIRECTORY TOKEN

An app that cannot be imported is served as its error. Ends with its standard input.
"""

import os
import select
import socket
import sys
from importlib import import_module
from pathlib import Path

from trivet.dev.answer import Application
from trivet.dev.broadcast import Broadcast
from trivet.dev.debugger import Debugger, import_error_application
from trivet.dev.session import DevSession
from trivet.engine.serve import Engine
from trivet.settings.table import Settings


def main() -> None:
    target, port, workers, state_directory, token = sys.argv[1:]
    session = DevSession(
        token=token,
        state_directory=Path(state_directory),
        project_roots=(Path.cwd(),),
        console=True,
        console_off_reason="",
        locals_shown=True,
        refresh=False,
        editor=os.environ.get("TRIVET_EDITOR", ""),
        path_map=(),
        urls=(f"http://127.0.0.1:{port}",),
        app_name=target,
    )
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=128)
    # A pipe from the parent ends the workers with it, however it ends.
    alive, until_exit = os.pipe()
    for _ in range(int(workers) - 1):
        if os.fork() == 0:
            os.close(until_exit)
            serve(target, session, listener, alive)
            return
    serve(target, session, listener, sys.stdin.fileno())


def serve(target: str, session: DevSession, listener: socket.socket, until: int) -> None:
    sys.path.insert(0, os.getcwd())
    broadcast = Broadcast(1)
    module, _, attribute = target.partition(":")
    app: Application
    try:
        app = Debugger(getattr(import_module(module), attribute), session, broadcast)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - that is what is to be shown
        app = import_error_application(error, session, broadcast)
    engine = Engine(app, Settings(access_log=False), [listener], multiprocess=True)
    engine.start()
    while True:
        readable, _, _ = select.select([engine.fileno(), until], [], [])
        if engine.fileno() in readable:
            engine.handle_events()
        if until in readable:
            os._exit(0)


if __name__ == "__main__":
    main()
