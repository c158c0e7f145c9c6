"""Whether an editor's debugger has this process in its hands; nothing of it is imported."""

from __future__ import annotations

import sys

#: The module that debugpy (VS Code and others) and PyCharm have in common: whoever is debugged by
#: them has imported it before his own code.
TRACER = "pydevd"

WHY_COLD = "an editor's debugger is attached"


def is_attached() -> bool:
    """Asked at the start, in the supervisor: its children are in the same hands."""
    return TRACER in sys.modules
