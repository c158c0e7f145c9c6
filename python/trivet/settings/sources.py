"""Where the value of a setting came from: one Given for each place, one Source for each setting."""

from __future__ import annotations

from dataclasses import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Layer:
    """How strong a place is: of two that give a setting, the larger number wins."""

    DEFAULT = 0
    FOREIGN = 1  # the configuration of another server, read when told to
    FILE = 2
    FILE_TABLE = 3  # [serve] or [dev] in the file
    PLATFORM = 4  # PORT and WEB_CONCURRENCY, which nobody set for Trivet in particular
    ENVIRONMENT = 5
    FLAG = 6
    KEYWORD = 7


@dataclass(frozen=True)
class Given:
    """A value in one place. `origin` is its exact name, such as "--workers" or "trivet.toml"."""

    value: Any
    origin: str
    layer: int


@dataclass(frozen=True)
class Source:
    """The value of one setting and where it is from; what it won over, the strongest first."""

    value: Any
    origin: str
    layer: int
    overridden: tuple[Given, ...] = ()
    #: Why the value is not simply what the origin says; a rule fills it in.
    reason: str = ""

    @classmethod
    def strongest_of(cls, entries: Sequence[Given]) -> Source:
        """Let the strongest win; of equally strong ones, the last."""
        weakest_first = sorted(entries, key=lambda entry: entry.layer)
        winner = weakest_first.pop()
        weakest_first.reverse()
        return cls(winner.value, winner.origin, winner.layer, tuple(weakest_first))

    @property
    def is_default(self) -> bool:
        return self.layer == Layer.DEFAULT

    def overruled(self, value: object, by: Source, reason: str) -> Source:
        """This setting after a rule has changed its value because of what `by` says."""
        return replace(
            self,
            value=value,
            origin=by.origin,
            layer=by.layer,
            reason=reason,
            overridden=(Given(self.value, self.origin, self.layer), *self.overridden),
        )
