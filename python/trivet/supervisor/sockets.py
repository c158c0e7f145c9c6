"""Open the listening sockets, once, for all workers; listeners.py keeps and closes them."""

from __future__ import annotations

import errno
import os
import socket
import stat

from trivet.errors import AddressInUse, AddressNotPermitted, AddressUnavailable, HostError
from trivet.supervisor.listeners import Listeners
from trivet.worker.open_files import has_run_out, too_few_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from trivet.settings.addresses import Address

#: What getaddrinfo() gives for one place: family and the address for bind().
Endpoint = tuple[int, tuple[int | str | bytes, ...]]

#: Errors of socket() and bind() that say: this machine has no such address (family).
NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)

HIGHEST_PORT = 65535
HIGHEST_PRIVILEGED_PORT = 1023


def bind_all(
    addresses: Iterable[Address], backlog: int, prepare_file: Callable[[str], None] | None = None
) -> Listeners:
    """Bind and listen on every address; `backlog` is how many connections may wait on each.

    `prepare_file` is called with the path of each Unix socket, before anybody can connect.

    Raises HostError (AddressInUse with who holds it, AddressNotPermitted, AddressUnavailable); then
    nothing stays open and no file is left.
    """
    endpoints = {address: _endpoints(address) for address in addresses}
    listeners = Listeners()
    try:
        for address, places in endpoints.items():
            try:
                if address.path:
                    _listen_on_path(listeners, address, backlog, prepare_file)
                elif address.file_descriptor is not None:
                    _adopt(listeners, address, address.file_descriptor, backlog)
                else:
                    both_families = needs_v6_only(endpoints, address)
                    _listen_on_host(listeners, address, places, both_families, backlog)
            except OSError as error:
                own = _overlapping(listeners, places) if error.errno == errno.EADDRINUSE else ""
                if own:
                    raise AddressInUse(
                        f"{address} overlaps with {own}, where this server listens already",
                        hint="leave one of the two out",
                    ) from error
                raise explain(error, address) from error
    except BaseException:
        listeners.close()
        raise
    return listeners


def bind_again(
    listeners: Listeners,
    addresses: Sequence[Address],
    backlog: int,
    prepare_file: Callable[[str], None] | None = None,
) -> list[socket.socket]:
    """Open the addresses that are not open yet, as bind_all does; the sockets for all of them.

    Those that are open and not named any more are left as they are: somebody may use them still.
    """
    missing = [address for address in addresses if not listeners.at(address)]
    listeners.take_over(bind_all(missing, backlog, prepare_file))
    return [found for address in addresses for found in listeners.at(address)]


def needs_v6_only(endpoints: Mapping[Address, list[Endpoint]], address: Address) -> bool:
    """Whether IPv6 sockets of an address must leave IPv4 alone, because others listen there.

    A socket on [::] takes IPv4 connections too, unless it is told not to, and then 0.0.0.0 on the
    same port is in use (ipv6(7), IPV6_V6ONLY). Alone it may have both.
    """
    return any(
        family == socket.AF_INET and place[1] == address.port
        for places in endpoints.values()
        for family, place in places
    )


def _endpoints(address: Address) -> list[Endpoint]:
    """Resolve a host; empty for what is no host. An empty host is 0.0.0.0 and [::]."""
    if address.path or address.file_descriptor is not None:
        return []
    if not address.host:
        return [
            (socket.AF_INET, ("0.0.0.0", address.port)),
            (socket.AF_INET6, ("::", address.port, 0, 0)),
        ]
    # As bytes, because text goes through Python's IDNA codec, whose import takes 5 ms.
    host: str | bytes = address.host.encode() if address.host.isascii() else address.host
    try:
        found = socket.getaddrinfo(
            host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise AddressUnavailable(
            f"{address}: the name {address.host} does not resolve",
            hint="127.0.0.1 serves this machine only, 0.0.0.0 every IPv4 address of it",
        ) from error
    return list(dict.fromkeys((family, place) for family, _, _, _, place in found))


def _listen_on_host(
    listeners: Listeners, address: Address, places: list[Endpoint], v6_only: bool, backlog: int
) -> None:
    """Listen on every address that a host stands for; at least one of them must exist here.

    `localhost` is ::1 too in /etc/hosts of many containers that have no IPv6.
    """
    chosen_port = 0
    missing: OSError | None = None
    for family, place in places:
        host, port = str(place[0]), int(str(place[1]))
        try:
            listener = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            if error.errno not in NOT_HERE:
                raise
            missing = error
            continue
        try:
            # Connections of a server that has just stopped linger in TIME_WAIT (socket(7)).
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6 and v6_only:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((host, port or chosen_port, *place[2:]))
            listener.listen(backlog)
        except OSError as error:
            listener.close()
            if error.errno not in NOT_HERE:
                raise
            missing = error
            continue
        # Port 0 is chosen once for all addresses of a name.
        chosen_port = listener.getsockname()[1]
        listeners.add(listener, url_of(listener), address=address)
        missing = None
    if missing is not None and not chosen_port:
        raise missing


def _listen_on_path(
    listeners: Listeners,
    address: Address,
    backlog: int,
    prepare_file: Callable[[str], None] | None,
) -> None:
    path = address.path
    _remove_stale_socket(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        listeners.add_file(path)
        if prepare_file is not None:
            prepare_file(path)
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    listeners.add(listener, url_of(listener), address=address)


def _remove_stale_socket(path: str) -> None:
    """Remove the file of a server that was killed. Raises AddressInUse when somebody answers."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise AddressUnavailable(
            f"unix:{path}: there is a file of that name, and it is no socket",
            hint="choose another path, or remove the file if nobody needs it",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        visitor.setblocking(False)
        try:
            visitor.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)  # nobody has it open
            return
        except BlockingIOError:
            pass  # somebody listens and is too busy to answer
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _adopt(listeners: Listeners, address: Address, file_descriptor: int, backlog: int) -> None:
    """Use a socket that whoever started this process has opened."""
    label = str(address)
    try:
        listener = socket.socket(fileno=file_descriptor)
    except OSError as error:
        raise AddressUnavailable(
            f"{label}: file descriptor {file_descriptor} is "
            f"{'not open' if error.errno == errno.EBADF else 'no socket'}",
            hint="whoever starts Trivet must open the socket and pass it on",
        ) from error
    if listener.type != socket.SOCK_STREAM or listener.family not in (
        socket.AF_INET,
        socket.AF_INET6,
        socket.AF_UNIX,
    ):
        listener.detach()
        raise AddressUnavailable(f"{label}: it is no stream socket, over TCP or Unix")
    # What the app executes must not keep the port busy after this server has gone.
    listener.set_inheritable(False)
    url = f"{url_of(listener)} ({label})"
    listeners.add(listener, url, made_here=False, address=address)
    listener.listen(backlog)  # harmless for one that listens: it only sets the backlog


def url_of(listener: socket.socket) -> str:
    """How a person would visit a listener; a Unix socket as `unix:PATH`."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{os.fsdecode(listener.getsockname())}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def explain(error: OSError, address: Address) -> HostError:
    """The system's refusal in the user's words."""
    if has_run_out(error):
        return too_few_files()
    if error.errno == errno.EADDRINUSE:
        return _in_use(address)
    if error.errno in (errno.EACCES, errno.EPERM):
        return _not_permitted(address)
    if error.errno in NOT_HERE:
        return AddressUnavailable(
            f"{address}: this machine has no such address",
            hint="127.0.0.1 serves this machine only, 0.0.0.0 every IPv4 address of it",
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR) and address.path:
        directory = os.path.dirname(address.path) or "."
        return AddressUnavailable(
            f"{address}: there is no directory {directory}", hint=f"mkdir -p {directory}"
        )
    return HostError(f"{address}: {error.strerror or error}")


def _in_use(address: Address) -> AddressInUse:
    # Only who fails pays for the import.
    from trivet.supervisor.port_holder import holder_of_path, holder_of_port

    if address.path:
        holder = holder_of_path(address.path)
        way_out = "listen on another path"
    else:
        holder = holder_of_port(_numeric(address), address.port)
        other = address.port + 1 if address.port < HIGHEST_PORT else address.port - 1
        way_out = f"choose another port: --port {other}"
    what = f"{address} is in use" + (f" by {holder}" if holder else "")
    if holder is None or holder.pid is None:
        return AddressInUse(what, hint=way_out)
    if holder.pid == os.getpid():
        return AddressInUse(f"{address} is in use by this process itself", hint=way_out)
    return AddressInUse(what, hint=f"stop that process with `kill {holder.pid}`, or {way_out}")


def _overlapping(listeners: Listeners, places: list[Endpoint]) -> str:
    """The URL of a listener of ours that stands in the way of one of these places, or nothing."""
    from trivet.supervisor.port_holder import addresses_collide

    for listener, url in zip(listeners.sockets, listeners.urls, strict=True):
        for family, place in places:
            if family != listener.family:
                continue  # IPv6 leaves IPv4 alone where both are wanted
            host, port = listener.getsockname()[:2]
            if port == place[1] and addresses_collide(host, str(place[0])):
                return url
    return ""


def _numeric(address: Address) -> str:
    """The IP address of a host that has resolved once already."""
    places = _endpoints(address)
    return str(places[0][1][0]) if len(places) == 1 else ""


def _not_permitted(address: Address) -> AddressNotPermitted:
    if address.path:
        directory = os.path.dirname(address.path) or "."
        return AddressNotPermitted(
            f"{address}: this user may not create a socket there",
            hint=f"let the user write to {directory}, or choose another path",
        )
    if 0 < address.port < HIGHEST_PRIVILEGED_PORT + 1:
        return AddressNotPermitted(
            f"{address}: ports up to {HIGHEST_PRIVILEGED_PORT} are not open to this user",
            hint="choose a higher port, such as --port 8000, and let the proxy or load balancer "
            "have the low one; under systemd AmbientCapabilities=CAP_NET_BIND_SERVICE allows it",
        )
    return AddressNotPermitted(f"{address}: the system does not let this user listen there")
