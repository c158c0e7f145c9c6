"""Trivet serves WSGI applications. This is its whole public interface; all else may change.

    from trivet import serve
    serve(app, host="127.0.0.1", port=5000)

`serve` runs an application until it is told to stop; every setting is a keyword of it.
`Settings` is what all settings are together. `TrivetError` is the base of what `serve` raises.
"""

__all__ = ["Settings", "TrivetError", "__version__", "serve"]

#: Cargo.toml's version, a copy, because asking the installed package costs more than all the rest
#: of this import (tests/contract/test_version.py keeps the two equal).
__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.api import serve as serve
    from trivet.errors import TrivetError as TrivetError
    from trivet.settings.table import Settings as Settings

#: Public name → the module that has it. Loaded when first used: a worker imports `trivet` for one
#: submodule only, and its start and memory are counted.
_HOMES = {
    "serve": "trivet.api",
    "Settings": "trivet.settings.table",
    "TrivetError": "trivet.errors",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'trivet' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
