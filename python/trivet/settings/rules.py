"""What must hold between settings, one function for each sentence; single values are for kinds."""

from __future__ import annotations

from trivet.errors import ConflictingSettings
from trivet.settings.sources import Layer
from trivet.settings.table import SPECS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trivet.settings.addresses import Address
    from trivet.settings.sources import Source
    from trivet.settings.table import Mode

    Sources = Mapping[str, Source]
    #: The sources that a rule changes, and what the user should be told.
    Outcome = tuple[dict[str, Source], list[str]]
    Rule = Callable[[Sources, Mode], Outcome]

NOTHING: Outcome = ({}, [])


def bind_alone_or_host_and_port(sources: Sources, mode: Mode) -> Outcome:
    """`bind` says it all; `host` and `port` beside it must come from a weaker or stronger place.

    The stronger place wins, as everywhere: `--port 9000` means something although trivet.toml has
    `bind`. PORT alone never wins over `bind`: platforms set it in every container, and who binds to
    a Unix socket behind a proxy in the same container has `bind` for good reason.
    """
    bind = sources["bind"]
    if not bind.value:
        return NOTHING
    rivals = {
        name: source
        for name in ("host", "port")
        if (source := sources[name]).layer not in (Layer.DEFAULT, Layer.PLATFORM)
    }
    for name, rival in rivals.items():
        if rival.layer == bind.layer:
            raise ConflictingSettings(
                f"{_told(bind, 'bind')} and {_told(rival, name)} both say where to listen",
                hint=f"keep {_spelled(bind, 'bind')}: it has the host and the port in one",
            )
    for name, rival in rivals.items():
        if rival.layer > bind.layer:
            return (
                {"bind": bind.overruled((), rival, f"{name} says where to listen")},
                [f"bind in {bind.origin} is not used: {rival.origin} says where to listen"],
            )
    if sources["port"].layer == Layer.PLATFORM:
        return {}, [
            f"{sources['port'].origin}={sources['port'].value} is not used: "
            f"{_told(bind, 'bind')} says where to listen"
        ]
    return NOTHING


def host_is_every_address_when_the_platform_gives_the_port(sources: Sources, mode: Mode) -> Outcome:
    """Who sets PORT connects from outside the container; 127.0.0.1 would never be reached.

    Not in development, which is for this machine alone.
    """
    host, port = sources["host"], sources["port"]
    if port.layer != Layer.PLATFORM or not host.is_default or mode == "dev":
        return NOTHING
    if sources["bind"].value:
        return NOTHING
    reason = f"whoever sets {port.origin} connects from outside"
    note = f"{port.origin} is set, so host is 0.0.0.0: {reason}"
    return {"host": host.overruled("0.0.0.0", port, reason)}, [note]


def lan_means_every_address(sources: Sources, mode: Mode) -> Outcome:
    """Other machines cannot reach 127.0.0.1. A host that somebody gave stays."""
    lan, host = sources["lan"], sources["host"]
    if mode != "dev" or not lan.value or not host.is_default or sources["bind"].value:
        return NOTHING
    return {"host": host.overruled("0.0.0.0", lan, "other machines may visit")}, []


def next_port_is_for_development(sources: Sources, mode: Mode) -> Outcome:
    """In production somebody else has to know the port."""
    port = sources["port"]
    if port.value != "next" or mode == "dev":
        return NOTHING
    raise ConflictingSettings(
        f"{_told(port, 'port')} is next, which is for trivet dev alone",
        hint="name the port, such as 8000",
    )


def no_address_twice(sources: Sources, mode: Mode) -> Outcome:
    """The second attempt to listen there would fail, and the error would name ourselves."""
    bind = sources["bind"]
    addresses: tuple[Address, ...] = bind.value
    seen: set[Address] = set()
    for address in addresses:
        chosen_by_system = not address.path and address.file_descriptor is None and not address.port
        if address in seen and not chosen_by_system:
            raise ConflictingSettings(f"{_told(bind, 'bind')} has {address} twice")
        seen.add(address)
    return NOTHING


def head_has_room_for_the_request_line(sources: Sources, mode: Mode) -> Outcome:
    """The head of a request begins with its request line: a longer limit for that means nothing."""
    line, head = sources["request_line_limit"], sources["header_limit"]
    if line.is_default or line.value <= head.value:
        return NOTHING
    raise ConflictingSettings(
        f"{_told(line, 'request_line_limit')} is {SPECS['request_line_limit'].show(line.value)}, "
        f"more than header_limit ({SPECS['header_limit'].show(head.value)}), which includes it",
        hint="raise header_limit too",
    )


def the_proxy_protocol_has_somebody_to_come_from(sources: Sources, mode: Mode) -> Outcome:
    """Who sends a PROXY header names the client, which only those who are trusted may."""
    protocol, trusted = sources["proxy_protocol"], sources["trusted_proxies"]
    if not protocol.value or trusted.value:
        return NOTHING
    raise ConflictingSettings(
        f"{_told(protocol, 'proxy_protocol')} is on and trusted_proxies names nobody, "
        "so every connection would be closed",
        hint="give the addresses of your proxies, such as --trusted-proxies 10.0.0.0/8",
    )


def the_number_of_workers_has_room_to_follow_the_load(sources: Sources, mode: Mode) -> Outcome:
    """min_workers ≤ workers ≤ max_workers. What a platform says for every program only bends."""
    least, most, workers = (sources[name] for name in ("min_workers", "max_workers", "workers"))
    if mode == "dev":
        return NOTHING
    if not most.value:
        if least.is_default:
            return NOTHING
        raise ConflictingSettings(
            f"{_told(least, 'min_workers')} is {least.value} and there is no max_workers, "
            "so the number of workers is fixed",
            hint="give max_workers too, or workers instead",
        )
    if least.value > most.value:
        raise ConflictingSettings(
            f"{_told(least, 'min_workers')} is {least.value}, more than "
            f"{_told(most, 'max_workers')} ({most.value})",
            hint="min_workers is the smaller one",
        )
    if workers.is_default or workers.value == "auto" or workers.layer == Layer.PLATFORM:
        return NOTHING
    if not least.value <= workers.value <= most.value:
        raise ConflictingSettings(
            f"{_told(workers, 'workers')} is {workers.value}, expected a number from "
            f"{least.value} (min_workers) to {most.value} (max_workers)",
            hint="leave workers out, or let the bounds have it between them",
        )
    return NOTHING


def what_belongs_to_the_command_is_no_keyword(sources: Sources, mode: Mode) -> Outcome:
    """serve() runs in the program's own process, which has its user and directory already."""
    for name, source in sources.items():
        if mode == "script" and source.layer == Layer.KEYWORD and SPECS[name].only_in == "serve":
            raise ConflictingSettings(
                f"{name} is for trivet serve, and serve() was called with it",
                hint="do it in the program, before it calls serve(), or use the command",
            )
    return NOTHING


#: In this order: whether `bind` holds decides whether `host` matters.
RULES: tuple[Rule, ...] = (
    bind_alone_or_host_and_port,
    host_is_every_address_when_the_platform_gives_the_port,
    lan_means_every_address,
    next_port_is_for_development,
    no_address_twice,
    head_has_room_for_the_request_line,
    the_proxy_protocol_has_somebody_to_come_from,
    the_number_of_workers_has_room_to_follow_the_load,
    what_belongs_to_the_command_is_no_keyword,
)


def _told(source: Source, name: str) -> str:
    """The setting with its place: "--bind", "TRIVET_BIND", "bind in trivet.toml"."""
    spelled = _spelled(source, name)
    return spelled if spelled == source.origin else f"{spelled} in {source.origin}"


def _spelled(source: Source, name: str) -> str:
    """The setting as it is written in its place."""
    in_a_file_or_default = source.layer in (Layer.DEFAULT, Layer.FILE, Layer.FILE_TABLE)
    return name if in_a_file_or_default else source.origin
