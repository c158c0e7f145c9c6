"""What a setting's value can be: how it is read, checked and shown. No setting is named here.

Each kind reads a value in three ways, because the three sources know different things:
`from_text` (environment and command line: always text), `from_file` (TOML: has its own numbers and
booleans) and `from_keyword` (Python: `serve(keep_alive=5)`). All raise ValueError with a clause
that finishes the sentence "keep_alive is 5, …". Durations and sizes are in quantities.py.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

SWITCH_WORDS: Mapping[str, bool] = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}


class Kind:
    """What a value can be. Subclasses say how it is read; this class holds what they share."""

    #: The type of the value inside Settings.
    type: type
    #: What the user should have written, after "expected ".
    expected: str
    #: What stands for a value in usage texts, such as `--workers NUMBER`.
    placeholder: str
    #: Whether empty text is a value. Where it is not, an empty variable counts as not set.
    empty_is_a_value = False

    def from_text(self, text: str) -> Any:
        """Read a value from the environment or the command line."""
        raise NotImplementedError

    def from_file(self, value: object) -> Any:
        """Read a value that TOML has already made into text, a number, a boolean or a list."""
        if isinstance(value, str):
            return self.from_text(value)
        raise self.wrong()

    def from_keyword(self, value: object) -> Any:
        """Read a value given in Python: what a file accepts, and what Settings holds."""
        return self.from_file(value)

    def accepts(self, value: object) -> bool:
        """Whether Settings may hold this value."""
        raise NotImplementedError

    def show(self, value: Any) -> str:
        """The value as a user would write it."""
        return str(value)

    def schema(self) -> dict[str, object]:
        """JSON Schema of what a configuration file may hold."""
        raise NotImplementedError

    def correction(self, value: object) -> str | None:
        """What somebody probably meant who wrote this wrong value, or None."""
        return None

    def wrong(self) -> ValueError:
        """The general complaint; a kind that knows better says what exactly is wrong."""
        return ValueError(f"expected {self.expected}")


class WholeNumber(Kind):
    """A whole number between two bounds, or one of a few words that stand for no number."""

    placeholder = "NUMBER"
    type = int

    def __init__(self, minimum: int, maximum: int | None = None, words: Sequence[str] = ()) -> None:
        self.minimum = minimum
        self.maximum = maximum
        self.words = tuple(words)
        bounds = f", {minimum} or more" if maximum is None else f" from {minimum} to {maximum}"
        self.expected = f"a whole number{bounds}" + "".join(f", or {word}" for word in self.words)

    def from_text(self, text: str) -> int | str:
        stripped = text.strip()
        if stripped.lower() in self.words:
            return stripped.lower()
        digits = stripped[1:] if stripped[:1] in ("+", "-") else stripped
        # int() would also take "1_000" and digits of other scripts.
        if not (digits.isascii() and digits.isdigit()):
            raise self.wrong()
        return self._bounded(int(stripped))

    def from_file(self, value: object) -> int | str:
        if isinstance(value, int) and not isinstance(value, bool):
            return self._bounded(value)
        if isinstance(value, str):
            if value.lower() in self.words:
                return value.lower()
            self.from_text(value)
            raise ValueError("expected the number without quotes")
        raise self.wrong()

    def from_keyword(self, value: object) -> int | str:
        # Text too: `serve(app, port=os.environ["PORT"])` is how many programs are written.
        return self.from_text(value) if isinstance(value, str) else self.from_file(value)

    def accepts(self, value: object) -> bool:
        return value in self.words or (
            isinstance(value, int)
            and not isinstance(value, bool)
            and value >= self.minimum
            and (self.maximum is None or value <= self.maximum)
        )

    def schema(self) -> dict[str, object]:
        number: dict[str, object] = {"type": "integer", "minimum": self.minimum}
        if self.maximum is not None:
            number["maximum"] = self.maximum
        return {"anyOf": [number, {"enum": list(self.words)}]} if self.words else number

    def _bounded(self, number: int) -> int:
        if number < self.minimum or (self.maximum is not None and number > self.maximum):
            raise self.wrong()
        return number


class Switch(Kind):
    """On or off. On the command line a flag of its own: `--access-log`, `--no-access-log`."""

    placeholder = "on|off"
    type = bool
    expected = "on or off"

    def from_text(self, text: str) -> bool:
        try:
            return SWITCH_WORDS[text.strip().lower()]
        except KeyError:
            raise self.wrong() from None

    def from_file(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in ("on", "off"):
            return self.from_text(value)
        raise ValueError("expected true or false")

    def from_keyword(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        raise ValueError("expected True or False")

    def accepts(self, value: object) -> bool:
        return isinstance(value, bool)

    def show(self, value: bool) -> str:
        return "on" if value else "off"

    def schema(self) -> dict[str, object]:
        return {"anyOf": [{"type": "boolean"}, {"enum": ["on", "off"]}]}


class Choice(Kind):
    """One word of a few."""

    type = str

    def __init__(self, *words: str) -> None:
        self.words = words
        self.expected = _either(words)
        self.placeholder = "|".join(words)

    def from_text(self, text: str) -> str:
        word = text.strip().lower()
        if word not in self.words:
            raise self.wrong()
        return word

    def accepts(self, value: object) -> bool:
        return value in self.words

    def schema(self) -> dict[str, object]:
        return {"enum": list(self.words)}


class Text(Kind):
    """Text on one line; `reject` says what is wrong with a text that is not acceptable."""

    type = str

    def __init__(
        self,
        expected: str = "text",
        placeholder: str = "TEXT",
        *,
        empty: bool = True,
        reject: Callable[[str], str | None] | None = None,
    ) -> None:
        self.expected = expected
        self.placeholder = placeholder
        self.empty_is_a_value = empty
        self._reject = reject

    def from_text(self, text: str) -> str:
        complaint = self._complaint(text)
        if complaint is not None:
            raise ValueError(complaint)
        return text

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and self._complaint(value) is None

    def show(self, value: str) -> str:
        return value or '""'

    def schema(self) -> dict[str, object]:
        return {"type": "string"} if self.empty_is_a_value else {"type": "string", "minLength": 1}

    def _complaint(self, text: str) -> str | None:
        if not text and not self.empty_is_a_value:
            return f"expected {self.expected}"
        if not text.isprintable():
            return f"expected {self.expected}, without control characters"
        return self._reject(text) if self._reject is not None else None


class ListOf(Kind):
    """Several values of one kind; in text they are separated by spaces or commas."""

    type = tuple

    def __init__(self, item: Kind) -> None:
        self.item = item
        self.expected = item.expected
        self.placeholder = item.placeholder

    def from_text(self, text: str) -> tuple[Any, ...]:
        return self.from_texts(text.replace(",", " ").split())

    def from_texts(self, texts: Sequence[str]) -> tuple[Any, ...]:
        """Read a flag that was given several times; each time gives exactly one item."""
        return tuple(self.item.from_text(text) for text in texts)

    def from_file(self, value: object) -> tuple[Any, ...]:
        if isinstance(value, list | tuple):
            return tuple(self.item.from_file(one) for one in value)
        return self.from_text(value) if isinstance(value, str) else (self.item.from_file(value),)

    def from_keyword(self, value: object) -> tuple[Any, ...]:
        if isinstance(value, list | tuple):
            return tuple(self.item.from_keyword(one) for one in value)
        return self.from_text(value) if isinstance(value, str) else (self.item.from_keyword(value),)

    def accepts(self, value: object) -> bool:
        return isinstance(value, tuple) and all(self.item.accepts(one) for one in value)

    def show(self, value: tuple[Any, ...]) -> str:
        return ", ".join(self.item.show(one) for one in value)

    def schema(self) -> dict[str, object]:
        item = self.item.schema()
        return {"anyOf": [item, {"type": "array", "items": item}]}


def _either(words: Sequence[str]) -> str:
    """Join words for a sentence: "auto, text or json"."""
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
