"""Every error that Trivet raises on purpose, and how each is told to the user; nothing raises here.

    TrivetError                         name                    exit code   who can mend it
    ├── UsageError                      wrong-usage             2           who typed the command
    │   └── UnknownCommand              unknown-command
    ├── SettingError                    wrong-setting           2           the operator
    │   ├── UnknownSetting              unknown-setting
    │   ├── InvalidSetting              invalid-setting
    │   ├── ConflictingSettings         conflicting-settings
    │   ├── ExtraMissing                extra-missing
    │   └── ConfigurationUnreadable     configuration-unreadable
    ├── AppError                        app-failed              3           the author of the app
    │   ├── AppNotFound                 app-not-found
    │   ├── AppImportFailed             app-import-failed
    │   ├── AppNotCallable              app-not-callable
    │   ├── FactoryFailed               factory-failed
    │   ├── HookFailed                  hook-failed
    │   └── DebugInProduction           debug-in-production
    ├── HostError                       host-refused            4           who runs the machine
    │   ├── AddressInUse                address-in-use
    │   ├── AddressUnavailable          address-unavailable
    │   ├── AddressNotPermitted         address-not-permitted
    │   ├── TooFewFiles                 too-few-files
    │   └── ServerNotFound              server-not-found
    ├── WorkersKeepFailing              workers-keep-failing    5           the author of the app
    └── TrivetBug                       trivet-bug              70          Trivet's developers

The names are stable: logs, documentation and tests use them.
Exit code 70 is EX_SOFTWARE of sysexits.h.
"""

from __future__ import annotations


class TrivetError(Exception):
    """A failure that was foreseen: `what` happened, where, with the value; then what to do.

    `what` is one line in the user's words, without a full stop. `hint` says what to do. `details`
    are lines that belong between the two, such as the places looked at or the user's own frames.
    Keeps all of it when pickled, because a worker sends its errors to the supervisor.
    """

    name = "trivet-error"
    exit_code = 1

    def __init__(self, what: str, *, hint: str | None = None, details: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.details = details

    @property
    def explanation(self) -> str:
        """The details and the hint, as lines to put below `what`."""
        hint = f"hint: {self.hint}" if self.hint else ""
        return "\n".join(part for part in (self.details.rstrip("\n"), hint) if part)

    def __reduce__(self) -> tuple[object, ...]:
        # The default calls the class with `args` alone, which fails for a subclass whose
        # constructor needs more than that.
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(
    error_class: type[TrivetError], arguments: tuple[object, ...], attributes: dict[str, object]
) -> TrivetError:
    """Make a pickled error again without calling its constructor."""
    error = error_class.__new__(error_class, *arguments)
    error.__dict__.update(attributes)
    return error


def escape_controls(text: str) -> str:
    """Return a text that a terminal only prints: ESC becomes `\\x1b`; line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in "\n\t"
        else character.encode("unicode_escape").decode()
        for character in text
    )


class UsageError(TrivetError):
    """The command line cannot be understood."""

    name = "wrong-usage"
    exit_code = 2


class UnknownCommand(UsageError):
    """There is no command of that name."""

    name = "unknown-command"


class SettingError(TrivetError):
    """A setting is wrong, wherever it was given."""

    name = "wrong-setting"
    exit_code = 2


class UnknownSetting(SettingError):
    """A name that is no setting: a key of a file, a flag, a variable or a keyword."""

    name = "unknown-setting"


class InvalidSetting(SettingError):
    """A setting has a value that it cannot have."""

    name = "invalid-setting"


class ConflictingSettings(SettingError):
    """Two settings, each right alone, that cannot both hold."""

    name = "conflicting-settings"


class ExtraMissing(SettingError):
    """A setting needs packages that are not installed."""

    name = "extra-missing"


class ConfigurationUnreadable(SettingError):
    """A configuration file is missing, cannot be read, or is not TOML."""

    name = "configuration-unreadable"


class AppError(TrivetError):
    """The application cannot be served.

    Its texts quote the user's code, whose exceptions may hold anything: controls are escaped.
    """

    name = "app-failed"
    exit_code = 3

    def __init__(self, what: str, *, hint: str | None = None, details: str = "") -> None:
        super().__init__(
            escape_controls(what),
            hint=hint if hint is None else escape_controls(hint),
            details=escape_controls(details),
        )


class AppNotFound(AppError):
    """No application where it was looked for."""

    name = "app-not-found"


class AppImportFailed(AppError):
    """Importing the application raised."""

    name = "app-import-failed"


class AppNotCallable(AppError):
    """What was found is no application that Trivet can serve."""

    name = "app-not-callable"


class FactoryFailed(AppError):
    """The function that makes the application raised, or could not be called."""

    name = "factory-failed"


class HookFailed(AppError):
    """A function that the settings name for a certain moment cannot be had, or has failed."""

    name = "hook-failed"


class DebugInProduction(AppError):
    """The application is in debug mode, which lets visitors run code; production refuses it."""

    name = "debug-in-production"


class HostError(TrivetError):
    """The operating system refused something that Trivet needs."""

    name = "host-refused"
    exit_code = 4


class AddressInUse(HostError):
    """Somebody else listens on the address."""

    name = "address-in-use"


class AddressUnavailable(HostError):
    """The address is not one of this machine's, or its name does not resolve."""

    name = "address-unavailable"


class AddressNotPermitted(HostError):
    """This user may not listen on the address."""

    name = "address-not-permitted"


class TooFewFiles(HostError):
    """The process may not open as many files as the settings need."""

    name = "too-few-files"


class ServerNotFound(HostError):
    """No running server answers, or several do and nobody said which."""

    name = "server-not-found"


class WorkersKeepFailing(TrivetError):
    """Workers failed so often, before any was ready, that starting more makes no sense."""

    name = "workers-keep-failing"
    exit_code = 5


class RequestTimedOut(BaseException):
    """Raised in a view that runs for longer than `timeout`, after its client got 504.

    Not an Exception, so that `except Exception` in the view or in a framework lets it through and
    the thread comes back. `finally` blocks and context managers run as for any exception.
    """


class TrivetBug(TrivetError):
    """Something that cannot happen has happened: a defect of Trivet, to be reported."""

    name = "trivet-bug"
    exit_code = 70
