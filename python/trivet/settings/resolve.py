"""Merge defaults, file, environment, command line and keywords into Settings, remembering who won.

Reads the configuration file and nothing else; the environment is an argument. Later wins:
default < file < the file's [dev] or [serve] table < environment < command line < keyword.
"""

from __future__ import annotations

from dataclasses import dataclass

from trivet.errors import ConflictingSettings
from trivet.settings import configuration_file, environment
from trivet.settings.complaints import invalid, unknown
from trivet.settings.kinds import ListOf
from trivet.settings.rules import RULES
from trivet.settings.sources import Given, Layer, Source
from trivet.settings.table import SPECS, Settings, Spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from trivet.settings.table import Mode


@dataclass(eq=False, repr=False, kw_only=True)
class Resolved:
    """Settings, the source of each, and what the user should know about how they came about."""

    settings: Settings
    sources: Mapping[str, Source]
    notes: tuple[str, ...]
    mode: Mode
    #: The file that was read, as the user would name it; None when there is none.
    file: str | None


#: Keywords under the names that waitress.serve() has, so that a call of it can be left as it is.
WAITRESS_KEYWORDS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "listen": ("bind", lambda value: value),
    "url_prefix": (
        "root_path",
        # waitress adds the slash that is missing.
        lambda value: f"/{value.strip('/')}" if isinstance(value, str) else value,
    ),
}


def resolve(
    *,
    flags: Mapping[str, str | list[str] | bool],
    keywords: Mapping[str, object],
    environ: Mapping[str, str],
    directory: Path | str,
    mode: Mode = "serve",
    config_file: Path | str | None = None,
    foreign: Mapping[str, Given] | None = None,
) -> Resolved:
    """Find the value of every setting.

    `flags` are texts under the names of settings, as parse_flags gives them. `keywords` are the
    keywords of serve(). The configuration file is `config_file`, or TRIVET_CONFIG, or trivet.toml
    or pyproject.toml in `directory`. `foreign` is what another server's configuration gives; it is
    stronger than defaults only. Raises a SettingError for the first thing that is wrong.
    """
    notes: list[str] = []
    file = configuration_file.find(directory, config_file, environ)
    given: dict[str, list[Given]] = {name: [_default(spec, mode)] for name, spec in SPECS.items()}
    for name, entry in (foreign or {}).items():
        given[name].append(entry)
    if file is not None:
        for name, entry in file.given(mode):
            given[name].append(entry)
    variables, variable_notes = environment.read(environ)
    notes += variable_notes
    for name, entry in variables:
        given[name].append(entry)
    for name, entry in _read_flags(flags):
        given[name].append(entry)
    for name, entry in _read_keywords(keywords):
        given[name].append(entry)

    sources = {name: Source.strongest_of(entries) for name, entries in given.items()}
    for rule in RULES:
        changed, rule_notes = rule(sources, mode)
        sources.update(changed)
        notes += rule_notes
    return Resolved(
        settings=Settings(**{name: source.value for name, source in sources.items()}),
        sources=sources,
        notes=tuple(notes),
        mode=mode,
        file=None if file is None else file.name,
    )


def _default(spec: Spec, mode: Mode) -> Given:
    origin = f"default of {mode}" if mode in spec.defaults_in else "default"
    return Given(spec.default_in(mode), origin, Layer.DEFAULT)


def _read_flags(flags: Mapping[str, str | list[str] | bool]) -> Iterator[tuple[str, Given]]:
    for name, value in flags.items():
        spec = SPECS.get(name)
        if spec is None:
            raise unknown(f"there is no flag --{name.replace('_', '-')}", name, SPECS)
        origin = _flag_origin(spec, value)
        try:
            yield name, Given(_flag_value(spec, value), origin, Layer.FLAG)
        except ValueError as complaint:
            told = ", ".join(value) if isinstance(value, list) else value
            raise invalid(spec, origin, told, complaint) from None


def _flag_value(spec: Spec, value: str | list[str] | bool) -> object:
    if isinstance(value, bool):
        return spec.kind.from_keyword(value)
    if isinstance(value, list):
        # Only a list setting may be given several times; see cli/flags.
        kind = spec.kind
        return kind.from_texts(value) if isinstance(kind, ListOf) else kind.from_text(value[-1])
    return spec.kind.from_text(value)


def _flag_origin(spec: Spec, value: object) -> str:
    """What the part of the command line is called that gave the value."""
    if spec.positional:
        return "the command line"
    return spec.negative_flag if value is False else spec.flag


def _read_keywords(keywords: Mapping[str, object]) -> Iterator[tuple[str, Given]]:
    seen: dict[str, str] = {}
    for keyword, value in keywords.items():
        name, convert = WAITRESS_KEYWORDS.get(keyword, (keyword, None))
        spec = SPECS.get(name)
        if spec is None or spec.positional:
            known = [known for known, spec in SPECS.items() if not spec.positional]
            raise unknown(
                f"serve() has no keyword {keyword}", keyword, [*known, *WAITRESS_KEYWORDS]
            )
        if name in seen:
            raise ConflictingSettings(
                f"serve() has both {seen[name]} and {keyword}, which are the same setting"
            )
        seen[name] = keyword
        try:
            read = spec.kind.from_keyword(value if convert is None else convert(value))
        except ValueError as complaint:
            raise invalid(spec, keyword, value, complaint, "serve()") from None
        yield name, Given(read, f"serve() keyword {keyword}", Layer.KEYWORD)
