"""Binding real sockets, all of them on the loopback interface or in a temporary directory."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.addresses import free_tcp_address
from trivet.errors import AddressInUse, AddressUnavailable, HostError
from trivet.settings.addresses import Address, parse_address
from trivet.supervisor.listeners import Listeners
from trivet.supervisor.sockets import bind_all, explain

pytestmark = pytest.mark.system


@pytest.fixture
def opened() -> Iterator[list[Listeners]]:
    """What a test has opened, closed at the end."""
    listeners: list[Listeners] = []
    yield listeners
    for each in listeners:
        each.close()


def bind(opened: list[Listeners], *texts: str) -> Listeners:
    listeners = bind_all([parse_address(text) for text in texts], backlog=16)
    opened.append(listeners)
    return listeners


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def test_port_0_gives_a_url_that_answers(opened: list[Listeners]) -> None:
    (url,) = bind(opened, "127.0.0.1:0").urls
    host, port = url.removeprefix("http://").split(":")
    socket.create_connection((host, int(port))).close()


def test_a_port_in_use_names_the_process_and_the_way_out(opened: list[Listeners]) -> None:
    code = (
        "import socket, sys; listener = socket.create_server(('127.0.0.1', 0))\n"
        "print(listener.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        port = int(other.stdout.readline())
        with pytest.raises(AddressInUse) as caught:
            bind(opened, f"127.0.0.1:{port}")
        other.stdin.close()
    assert str(caught.value).startswith(f"127.0.0.1:{port} is in use by process {other.pid} (")
    assert caught.value.hint == (
        f"stop that process with `kill {other.pid}`, "
        f"or choose another port: --port {port + 1 if port < 65535 else port - 1}"
    )


def test_nobody_is_told_to_stop_the_process_that_fails(opened: list[Listeners]) -> None:
    address = free_tcp_address()
    bind(opened, address.bind)
    with pytest.raises(AddressInUse, match="is in use by this process itself") as caught:
        bind(opened, address.bind)
    assert "kill" not in str(caught.value.hint)


@pytest.mark.parametrize("hosts", [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0")])
def test_addresses_that_overlap_are_told(opened: list[Listeners], hosts: tuple[str, str]) -> None:
    port = free_tcp_address().port
    with pytest.raises(AddressInUse) as caught:
        bind(opened, *(f"{host}:{port}" for host in hosts))
    assert str(caught.value) == (
        f"{hosts[1]}:{port} overlaps with http://{hosts[0]}:{port}, "
        "where this server listens already"
    )
    assert caught.value.hint == "leave one of the two out"


def test_when_one_address_fails_the_others_are_let_go(
    opened: list[Listeners], tmp_path: Path
) -> None:
    address = free_tcp_address()
    path = tmp_path / "socket"
    with pytest.raises(HostError):
        bind(opened, address.bind, f"unix:{path}", "192.0.2.1:8000")
    assert not path.exists()
    bind(opened, address.bind)


def test_an_address_of_another_machine_is_refused(opened: list[Listeners]) -> None:
    with pytest.raises(AddressUnavailable, match=r"192\.0\.2\.1:8000: this machine has no such"):
        bind(opened, "192.0.2.1:8000")


def test_a_name_that_does_not_resolve_is_refused(opened: list[Listeners]) -> None:
    with pytest.raises(AddressUnavailable, match=r"the name nowhere\.invalid does not resolve"):
        bind(opened, "nowhere.invalid:8000")


@needs_ipv6
def test_every_address_of_both_families_can_be_bound_together(opened: list[Listeners]) -> None:
    port = free_tcp_address().port
    listeners = bind(opened, f"127.0.0.1:{port}", f"[::]:{port}")
    ipv6 = listeners.sockets[1]
    assert ipv6.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@needs_ipv6
def test_localhost_listens_on_one_port_for_all_its_addresses(opened: list[Listeners]) -> None:
    ports = {url.rpartition(":")[2] for url in bind(opened, "localhost:0").urls}
    assert len(ports) == 1


def test_the_same_address_twice_is_bound_once(opened: list[Listeners]) -> None:
    address = free_tcp_address()
    assert len(bind(opened, address.bind, address.bind).sockets) == 1


def test_a_unix_socket_is_made_and_removed(opened: list[Listeners], tmp_path: Path) -> None:
    path = tmp_path / "socket"
    listeners = bind(opened, f"unix:{path}")
    assert stat.S_ISSOCK(path.stat().st_mode)
    listeners.close()
    assert not path.exists()


def test_a_stale_socket_file_is_replaced(opened: list[Listeners], tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(path))
    bind(opened, f"unix:{path}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        visitor.connect(str(path))


def test_a_unix_socket_that_answers_is_in_use(opened: list[Listeners], tmp_path: Path) -> None:
    path = tmp_path / "socket"
    bind(opened, f"unix:{path}")
    with pytest.raises(AddressInUse, match="in use by this process itself"):
        bind(opened, f"unix:{path}")
    assert path.exists()


def test_a_file_that_is_no_socket_is_left_alone(opened: list[Listeners], tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(AddressUnavailable, match="it is no socket"):
        bind(opened, f"unix:{path}")
    assert path.read_text() == "data"


def test_a_socket_that_somebody_else_has_put_there_is_left_alone(
    opened: list[Listeners], tmp_path: Path
) -> None:
    path = tmp_path / "socket"
    listeners = bind(opened, f"unix:{path}")
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as successor:
        successor.bind(str(path))
        listeners.close()
        assert path.exists()


def test_a_forked_process_removes_no_file(opened: list[Listeners], tmp_path: Path) -> None:
    path = tmp_path / "socket"
    code = (
        "import os, sys\n"
        "from trivet.settings.addresses import Address\n"
        "from trivet.supervisor.sockets import bind_all\n"
        "path = sys.argv[1]\n"
        "listeners = bind_all([Address(path=path)], 16)\n"
        "if os.fork() == 0:\n"
        "    listeners.close()\n"
        "    os._exit(0 if os.path.exists(path) else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, env=environment)


def test_a_missing_directory_is_named(opened: list[Listeners], tmp_path: Path) -> None:
    with pytest.raises(AddressUnavailable) as caught:
        bind(opened, f"unix:{tmp_path}/missing/socket")
    assert caught.value.hint == f"mkdir -p {tmp_path}/missing"


def test_an_inherited_socket_is_used_and_not_passed_on(opened: list[Listeners]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as inherited:
        inherited.bind(("127.0.0.1", 0))
        inherited.set_inheritable(True)
        port = inherited.getsockname()[1]
        descriptor = inherited.detach()
    listeners = bind(opened, f"fd://{descriptor}")
    assert listeners.urls == [f"http://127.0.0.1:{port} (fd://{descriptor})"]
    assert not os.get_inheritable(descriptor)
    socket.create_connection(("127.0.0.1", port)).close()


def test_a_descriptor_that_is_not_open_is_refused(opened: list[Listeners]) -> None:
    with pytest.raises(AddressUnavailable, match="fd://998: file descriptor 998 is not open"):
        bind(opened, "fd://998")


def test_a_descriptor_that_is_no_socket_is_refused(opened: list[Listeners]) -> None:
    with open(os.devnull) as file, pytest.raises(AddressUnavailable, match="is no socket"):
        bind(opened, f"fd://{file.fileno()}")


def test_a_datagram_socket_is_refused_and_stays_open(opened: list[Listeners]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        with pytest.raises(AddressUnavailable, match="no stream socket"):
            bind(opened, f"fd://{datagram.fileno()}")
        os.fstat(datagram.fileno())


def test_a_privileged_port_says_what_else_there_is() -> None:
    error = explain(PermissionError(13, "Permission denied"), Address("127.0.0.1", 80))
    assert str(error) == "127.0.0.1:80: ports up to 1023 are not open to this user"
    assert "--port 8000" in str(error.hint)


def test_after_take_no_more_those_who_wait_are_accepted_and_nobody_else_comes(
    opened: list[Listeners],
) -> None:
    listeners = bind(opened, "127.0.0.1:0")
    (listener,) = listeners.sockets
    with socket.create_connection(listener.getsockname()) as early:
        listeners.take_no_more()
        with socket.socket() as late:
            late.settimeout(0.2)
            with pytest.raises(TimeoutError):
                late.connect(listener.getsockname())
        early.sendall(b"sent afterwards")
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.recv(100) == b"sent afterwards"
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_closed_listener_is_closed_for_every_process_that_has_it(
    opened: list[Listeners],
) -> None:
    listeners = bind(opened, "127.0.0.1:0")
    address = listeners.sockets[0].getsockname()
    with socket.socket(fileno=os.dup(listeners.sockets[0].fileno())):
        listeners.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)


def test_after_take_no_more_a_unix_socket_is_not_found(
    opened: list[Listeners], tmp_path: Path
) -> None:
    path = tmp_path / "socket"
    listeners = bind(opened, f"unix:{path}")
    listeners.take_no_more()
    assert not path.exists()
