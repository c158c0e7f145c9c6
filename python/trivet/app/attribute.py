"""Which attribute of an imported module is the application, or makes it; calls nothing."""

from __future__ import annotations

from types import ModuleType

from trivet.app.interface import Parameters, a, parameters_of
from trivet.errors import AppNotCallable, AppNotFound
from trivet.project.frameworks import APP_NAMES, FACTORY_NAMES, framework_of
from trivet.settings.nearest import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.project.find_app import AppChoice
    from trivet.project.target import Call

_MISSING = object()


class Found:
    """An attribute of the module: its text, its value, and how to call it if it is a factory."""

    __slots__ = ("call", "text", "value")

    def __init__(self, text: str, value: object, call: Call | None) -> None:
        self.text = text
        self.value = value
        self.call = call


def find_attribute(module: ModuleType, choice: AppChoice) -> Found:
    """Return the attribute that was chosen, or the best there is when the user named none.

    Raises AppNotFound, and AppNotCallable for parentheses behind an application.
    """
    if choice.attribute is not None:
        value = _resolve(module, choice.attribute)
        if value is not _MISSING and (choice.named or _can_be_app(value, choice.call is not None)):
            return _as_factory_if_it_is_one(choice.attribute, value, choice.call, choice.name)
        if choice.named:
            raise _attribute_missing(module, choice)
    found = _search(module)
    if found is None:
        raise AppNotFound(
            f"the module {module.__name__} has no application: no app, application, create_app"
            " or make_app, and not exactly one other that is known",
            details=_callables_in_words(module),
            hint=f"name it: {module.__name__}:name",
        )
    return found


def _resolve(module: ModuleType, attribute: str) -> object:
    value: object = module
    for name in attribute.split("."):
        value = getattr(value, name, _MISSING)
    return value


def _search(module: ModuleType) -> Found | None:
    """Return the application of a module as flask.cli.find_best_app finds it, of any framework."""
    for name in APP_NAMES:
        value = getattr(module, name, _MISSING)
        if _can_be_app(value, False):
            return _as_factory_if_it_is_one(name, value, None, f"{module.__name__}:{name}")
    known = {
        id(value): Found(name, value, None)
        for name, value in vars(module).items()
        if framework_of(value)
    }
    if len(known) == 1:
        return next(iter(known.values()))
    for name in FACTORY_NAMES:
        value = getattr(module, name, _MISSING)
        if value is not _MISSING and callable(value):
            return Found(f"{name}()", value, ((), {}))
    return None


def _can_be_app(value: object, is_factory: bool) -> bool:
    return callable(value) if is_factory else bool(callable(value) or framework_of(value))


def _as_factory_if_it_is_one(text: str, value: object, call: Call | None, name: str) -> Found:
    """Return the attribute, to be called when the user wrote so or when it can only be a factory.

    `module:create_app` without parentheses is called, as Flask does: a WSGI application needs two
    arguments and a factory can do without.
    """
    if call is not None:
        framework = framework_of(value)
        if framework:
            raise AppNotCallable(
                f"{name}: {text} is {a(framework.name)} application already, not what makes one",
                hint="leave out the parentheses",
            )
        return Found(name.partition(":")[2], value, call)
    parameters = parameters_of(value)
    if parameters is not None and _is_factory(text, value, parameters):
        return Found(f"{text}()", value, ((), {}))
    return Found(text, value, None)


def _is_factory(text: str, value: object, parameters: Parameters) -> bool:
    if framework_of(value) or isinstance(value, type) or not hasattr(value, "__code__"):
        return False
    if text.rpartition(".")[2] in FACTORY_NAMES:
        return True
    return parameters.required == 0 and not parameters.takes_more


def _attribute_missing(module: ModuleType, choice: AppChoice) -> AppNotFound:
    assert choice.attribute is not None
    holder: object = module
    path = module.__name__
    missing = choice.attribute
    for name in choice.attribute.split("."):
        inner = getattr(holder, name, _MISSING)
        if inner is _MISSING:
            missing = name
            break
        holder, path = inner, f"{path}.{name}"
    near = did_you_mean(missing, [name for name in dir(holder) if not name.startswith("_")])
    return AppNotFound(
        f"{path} has no attribute {missing!r}",
        details=_callables_in_words(module),
        hint=near or f"name what {module.__name__} has",
    )


def _callables_in_words(module: ModuleType) -> str:
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (framework_of(value) or getattr(value, "__module__", None) == module.__name__)
        and callable(value)
    ]
    return f"callable in {module.__name__}: {', '.join(names) or 'nothing'}"
