"""How a script's serve() gives its application to the process that runs the script for it.

`trivet dev` runs a script again in each new worker, as far as its call of serve(): there the
application is complete. This is a switch and an exception; dev/script.py runs scripts, api.py
raises.
"""

from __future__ import annotations


class ServeReached(BaseException):
    """The script has called serve() with this application. No Exception: scripts catch those."""

    def __init__(self, app: object) -> None:
        super().__init__("serve() was called")
        self.app = app


class Switch:
    """Whether serve() is to raise ServeReached. Set once, by a worker, before the script runs."""

    wanted = False
