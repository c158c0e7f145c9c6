"""`flask serve` and `flask dev`: hand the application that Flask's own CLI names over to Trivet.

Flask imports this module for each of its commands, so it loads nothing of Trivet's before one of
them is really called. Flask does not load the app here: every worker does that for itself.
"""

from __future__ import annotations

import os
import sys

import click
from flask.cli import ScriptInfo

HANDED_ON = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    # --help is for Trivet's own flags too.
    "help_option_names": [],
}


@click.command(
    "serve",
    short_help="Serve the app in production, with Trivet.",
    context_settings=HANDED_ON,
    add_help_option=False,
)
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def serve(context: click.Context, flags: tuple[str, ...]) -> None:
    """Serve the app in production; takes the flags of `trivet serve`."""
    _hand_on("serve", context, flags)


@click.command(
    "dev",
    short_help="Serve the app while you write it, with Trivet.",
    context_settings=HANDED_ON,
    add_help_option=False,
)
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def dev(context: click.Context, flags: tuple[str, ...]) -> None:
    """Serve the app while you write it; takes the flags of `trivet dev`."""
    _hand_on("dev", context, flags)


def _hand_on(command: str, context: click.Context, flags: tuple[str, ...]) -> None:
    from trivet.cli.main import main

    # Flask's CLI sets this for itself. Left in place it would be inherited by the programs that the
    # app starts, and any Flask app among them would refuse to run; Trivet's own guard is enough.
    os.environ.pop("FLASK_RUN_FROM_CLI", None)
    target = target_of(context.ensure_object(ScriptInfo))
    context.exit(main([command, *([target] if target else []), *flags]))


def target_of(info: ScriptInfo) -> str:
    """Return Trivet's APP for what Flask was told; empty when it was told nothing.

    Raises click.UsageError for a custom FlaskGroup whose `create_app` cannot be imported by name.
    """
    if info.app_import_path:
        return info.app_import_path
    if info.create_app is None:
        return ""
    name = getattr(info.create_app, "__qualname__", "<unknown>")
    module = getattr(info.create_app, "__module__", "")
    if module == "__main__":
        specification = getattr(sys.modules["__main__"], "__spec__", None)
        module = specification.name if specification else sys.argv[0]
    if not module or not name.replace(".", "").isidentifier():
        raise click.UsageError(
            f"this command makes its app with {name}, which workers cannot import by name;"
            " name the app: --app module:create_app"
        )
    return f"{module}:{name}()"
