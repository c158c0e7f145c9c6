"""Every command of `trivet`: its name, module and one line of help; none is run here."""

from __future__ import annotations


class Command:
    """One command. `module` has a function `run(arguments: list[str]) -> int`, the exit code."""

    def __init__(self, module: str, help: str) -> None:
        self.module = module
        self.help = help


COMMANDS: dict[str, Command] = {
    "dev": Command(
        "trivet.cli.dev",
        "Serve an application while you write it: it reloads itself.",
    ),
    "serve": Command("trivet.cli.serve", "Serve an application in production."),
    "healthcheck": Command(
        "trivet.cli.healthcheck", "Ask a running server whether it is ready; exit code 0 if so."
    ),
    "settings": Command(
        "trivet.cli.settings", "Show every setting, its value, and where the value came from."
    ),
    "ps": Command("trivet.cli.ps", "Show the workers of a running server."),
    "top": Command("trivet.cli.top", "Watch a running server: its workers, rates, and threads."),
    "stacks": Command("trivet.cli.stacks", "Show where the threads of a running server are."),
    "reload": Command("trivet.cli.reload", "Replace the workers of a running server: new code."),
    "upgrade": Command(
        "trivet.cli.upgrade",
        "Replace a running server itself: new Trivet, new Python.",
    ),
    "scale": Command("trivet.cli.scale", "Change the number of workers of a running server."),
    "stop": Command("trivet.cli.stop", "Stop a running server gracefully."),
}

HELP_WORDS = ("-h", "--help")


class HelpWanted(Exception):  # no error: how a parser deep in a command hands help to main
    """Somebody asked for help; `text` is what to show."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
