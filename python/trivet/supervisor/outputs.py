"""What workers print, when it is to be tagged: pipes that are read to their end, line by line.

All of it runs in the supervisor's only thread, which never waits here: the pipes are read when the
loop says so, and left alone while the reader of the log is behind. Then they fill up, and who
prints waits, as with any pipe; nothing of it is dropped.
"""

from __future__ import annotations

import os
import selectors
from contextlib import contextmanager
from functools import partial

from trivet.worker.output import OutputEnds

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Iterator

    from trivet.observe.log import Log
    from trivet.supervisor.child import Child
    from trivet.supervisor.loop import Supervisor
    from trivet.worker.main import WorkerPlan

#: Read at once, so that one worker that prints much does not keep the loop from the others.
READ_BYTES = 32 * 1024

#: A longer line is passed on in pieces of this size: nobody says how long a line may become.
LINE_BYTES = 64 * 1024


class Output:
    """One stream of one worker: whole lines of it go to the log."""

    def __init__(self, descriptor: int, stream: str, log: Log) -> None:
        self.descriptor = descriptor
        self.worker: Child | None = None
        self.ended = False
        self._stream = stream
        self._log = log
        self._rest = b""

    def fileno(self) -> int:
        return self.descriptor

    def read(self) -> bool:
        """Pass on what has come; false when there is nothing (any more)."""
        try:
            data = os.read(self.descriptor, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self.ended = True
            self.pass_on_rest()
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > LINE_BYTES:
            lines.append(self._rest[:LINE_BYTES])
            self._rest = self._rest[LINE_BYTES:]
        self._pass_on(lines)
        return True

    def pass_on_rest(self) -> None:
        """The line that was begun will not be completed."""
        if self._rest:
            self._pass_on([self._rest])
            self._rest = b""

    def _pass_on(self, lines: list[bytes]) -> None:
        if lines and self.worker is not None:
            self._log.pass_on(lines, self.worker.number, self.worker.pid, self._stream)


class Pipes:
    """The pipes of a worker that is about to be started; without any when it keeps its own."""

    def __init__(self, outputs: list[Output], ends: OutputEnds | None) -> None:
        self.outputs = outputs
        #: The worker's.
        self.ends = ends


class Outputs:
    """The output of every worker of one supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._outputs: list[Output] = []
        #: Those that the loop looks at.
        self._heard: set[Output] = set()

    @contextmanager
    def pipes(self, plan: WorkerPlan) -> Iterator[Pipes]:
        """Make pipes for a worker that is started inside `with`, where it is given to `belong_to`.

        Raises OSError when there are no descriptors left.
        """
        if plan.own_output is None:
            yield Pipes([], None)
            return
        pipes = self._open()
        try:
            yield pipes
        except BaseException:
            for output in pipes.outputs:
                self._forget(output)
            raise
        finally:
            assert pipes.ends is not None, "a worker whose output is tagged has pipes"
            # The worker has its own: here they would hide the end of what it writes.
            pipes.ends.close()

    def _open(self) -> Pipes:
        log = self._supervisor.log
        output_read, output_write = os.pipe()
        try:
            error_read, error_write = os.pipe()
        except OSError:
            os.close(output_read)
            os.close(output_write)
            raise
        outputs = [Output(output_read, "stdout", log), Output(error_read, "stderr", log)]
        for output in outputs:
            os.set_blocking(output.descriptor, False)
        self._outputs += outputs
        return Pipes(outputs, OutputEnds(output_write, error_write))

    def belong_to(self, child: Child, pipes: Pipes) -> None:
        """It has been started; what it prints is read from now on."""
        for output in pipes.outputs:
            output.worker = child
        self.look()

    def look(self) -> None:
        """Before each sleep of the loop: hear those that have a worker, while the log takes it."""
        takes_more = not self._supervisor.log.is_behind
        wanted = {output for output in self._outputs if output.worker} if takes_more else set()
        if wanted == self._heard:
            return
        for output in self._heard - wanted:
            self._supervisor.unregister(output)
        for output in wanted - self._heard:
            read = partial(self._read, output)
            self._supervisor.register(output, selectors.EVENT_READ, read)
        self._heard = wanted

    def _read(self, output: Output) -> None:
        # Another one may have filled the log in the same round, or found the end of this one.
        if output in self._heard and not self._supervisor.log.is_behind:
            output.read()
            if output.ended:
                self._forget(output)

    def read_last_words(self, child: Child) -> None:
        """A worker has ended: pass on what it has left, before anything is said of its end.

        A program that it has started may hold the pipes open, and is heard on.
        """
        for output in [one for one in self._outputs if one.worker is child]:
            while output.read():
                pass
            output.pass_on_rest()
            if output.ended:
                self._forget(output)

    def _forget(self, output: Output) -> None:
        if output in self._heard:
            self._heard.discard(output)
            self._supervisor.unregister(output)
        self._outputs.remove(output)
        os.close(output.descriptor)

    def close(self) -> None:
        """At the end of the server; what still runs below it has nobody to print to."""
        for output in list(self._outputs):
            self._forget(output)

    def close_in_child(self) -> None:
        """In a worker: it must not keep the pipes of the others open."""
        for output in self._outputs:
            os.close(output.descriptor)
