"""Who holds a port, read from a made-up /proc."""

import sys
from pathlib import Path

import pytest

from trivet.supervisor.port_holder import (
    addresses_collide,
    decode_address,
    holder_of_path,
    holder_of_port,
)

pytestmark = pytest.mark.skipif(
    sys.byteorder != "little", reason="the samples are of a little-endian machine"
)

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1
   1: 0100007F:1F40 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1
   2: 00000000:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue …
   0: 00000000000000000000000001000000:1F42 00000000000000000000000000000000:0000 0A \
00000000:00000000 00:00000000 00000000     0        0 4714 1
"""
UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 4715 /run/my shop.sock
0000000000000000: 00000003 00000000 00000000 0001 03 4716 /run/my shop.sock
"""


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TCP)
    (tmp_path / "net" / "tcp6").write_text(TCP6)
    (tmp_path / "net" / "unix").write_text(UNIX)
    return tmp_path


def add_process(proc: Path, pid: int, inode: int, parent: int = 1, command: str = "") -> None:
    descriptors = proc / str(pid) / "fd"
    descriptors.mkdir(parents=True)
    (descriptors / "0").symlink_to("/dev/null")
    (descriptors / "3").symlink_to(f"socket:[{inode}]")
    (proc / str(pid) / "stat").write_text(f"{pid} (a ) name) S {parent} {pid} {pid}")
    (proc / str(pid) / "cmdline").write_text(command or "python\0app.py\0")


def test_the_listening_process_is_named_with_its_command(proc: Path) -> None:
    add_process(proc, 50, 4711)
    assert str(holder_of_port("127.0.0.1", 8000, str(proc))) == "process 50 (python app.py)"


def test_of_a_server_and_its_workers_the_server_is_named(proc: Path) -> None:
    add_process(proc, 40, 4711, parent=50)
    add_process(proc, 50, 4711)
    add_process(proc, 60, 4711, parent=50)
    holder = holder_of_port("127.0.0.1", 8000, str(proc))
    assert holder is not None
    assert holder.pid == 50


def test_another_users_process_is_named_by_its_user(proc: Path) -> None:
    assert "root (uid 0)" in str(holder_of_port("127.0.0.1", 8001, str(proc)))


def test_a_listener_on_every_address_holds_each_of_them(proc: Path) -> None:
    assert holder_of_port("127.0.0.1", 8001, str(proc)) is not None
    assert holder_of_port("0.0.0.0", 8000, str(proc)) is not None


def test_a_listener_on_another_address_holds_nothing(proc: Path) -> None:
    assert holder_of_port("127.0.0.2", 8000, str(proc)) is None
    assert holder_of_port("127.0.0.1", 8003, str(proc)) is None


def test_ipv6_is_looked_at_too(proc: Path) -> None:
    add_process(proc, 50, 4714)
    assert holder_of_port("::1", 8002, str(proc)) is not None


def test_the_holder_of_a_unix_socket_is_found_by_its_path(proc: Path) -> None:
    add_process(proc, 50, 4715)
    assert str(holder_of_path("/run/my shop.sock", str(proc))) == "process 50 (python app.py)"
    assert holder_of_path("/run/other.sock", str(proc)) is None


def test_the_holder_of_a_unix_socket_may_be_invisible(proc: Path) -> None:
    assert str(holder_of_path("/run/my shop.sock", str(proc))) == "another user's process"


def test_a_long_command_is_cut_and_control_characters_are_shown(proc: Path) -> None:
    add_process(proc, 50, 4711, command="python\0-c\0print()\n\x1b[2J" + "x" * 100)
    text = str(holder_of_port("127.0.0.1", 8000, str(proc)))
    assert text.isprintable()
    assert text.endswith("x…)")


def test_without_proc_nobody_can_tell(tmp_path: Path) -> None:
    assert holder_of_port("127.0.0.1", 8000, str(tmp_path / "missing")) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F:1F40", ("127.0.0.1", 8000)),
        ("00000000000000000000000001000000:0050", ("::1", 80)),
        ("0000000000000000FFFF00000100007F:0050", ("::ffff:127.0.0.1", 80)),
    ],
)
def test_addresses_of_the_kernel_are_read(text: str, address: tuple[str, int]) -> None:
    assert decode_address(text) == address


def test_a_mapped_address_collides_with_the_ipv4_address() -> None:
    assert addresses_collide("::ffff:127.0.0.1", "127.0.0.1")
    assert not addresses_collide("::1", "127.0.0.1")
