"""input() in a worker, and so pdb: the supervisor, who reads single keys, lends the keyboard.

Runs in workers, in whatever thread asks. Debuggers that read the terminal in their own way, such
as those of IPython, are not helped.
"""

from __future__ import annotations

import builtins
import sys
import termios
import threading
import time

from trivet.dev import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.dev.messages import Link

#: The supervisor is not waited for any longer; nor does it need so long.
PATIENCE_SECONDS = 1.0
LOOK_SECONDS = 0.005


def borrow_for_input(link: Link) -> None:
    """Let input() ask for the keyboard first, where there is one."""
    try:
        if sys.stdin is None or not sys.stdin.isatty():
            return
    except ValueError:  # it was closed
        return
    ask = builtins.input
    one_at_a_time = threading.Lock()

    def borrowed_input(prompt: object = "", /) -> str:
        with one_at_a_time:
            link.send(messages.KEYBOARD, wanted=True)
            try:
                _wait_for_lines()
                return ask(prompt)
            finally:
                link.send(messages.KEYBOARD, wanted=False)

    builtins.input = borrowed_input


def _wait_for_lines() -> None:
    """Return when the terminal gives whole lines and shows what is typed."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            if termios.tcgetattr(sys.stdin.fileno())[3] & termios.ICANON:
                return
        except (termios.error, ValueError):
            return
        time.sleep(LOOK_SECONDS)
