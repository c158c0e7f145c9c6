"""trivet.dev.local_authority: files that only their user can read, and certificates that hold."""

import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from trivet.dev.local_authority import (
    Certificate,
    certificate_for,
    data_directory,
    local_names,
)
from trivet.errors import HostError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    state = tmp_path / "state"
    state.mkdir()
    return tmp_path / "data" / "trivet", state


def handshake(certificate: Certificate, name: str) -> None:
    """Let a client that knows the authority connect to a server under a name."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate.chain, certificate.key)
    client_side = ssl.create_default_context(cafile=str(certificate.authority))
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server_side.wrap_socket(theirs, server_side=True).close()
        except ssl.SSLError:
            theirs.close()  # the client refused

    server = threading.Thread(target=serve)
    server.start()
    try:
        client_side.wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        server.join()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "10.1.2.3"])
def test_a_client_that_knows_the_authority_trusts_local_names(
    folders: tuple[Path, Path], name: str
) -> None:
    handshake(certificate_for(local_names("10.1.2.3"), *folders), name)


def test_an_address_of_the_internet_is_no_local_name() -> None:
    assert "198.51.100.7" not in local_names("198.51.100.7")
    assert "10.1.2.3" in local_names("10.1.2.3")


@pytest.mark.parametrize("name", ["example.com", "8.8.8.8"])
def test_nothing_on_the_internet_can_be_vouched_for(folders: tuple[Path, Path], name: str) -> None:
    certificate = certificate_for([name], *folders)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(certificate, name)


def test_the_authority_stays_and_the_certificate_is_new(folders: tuple[Path, Path]) -> None:
    first = certificate_for(["localhost"], *folders)
    authority, chain = first.authority.read_bytes(), first.chain.read_bytes()
    second = certificate_for(["localhost"], *folders)
    assert (first.is_new, second.is_new) == (True, False)
    assert second.authority.read_bytes() == authority
    assert second.chain.read_bytes() != chain


def test_keys_are_readable_for_their_user_alone(folders: tuple[Path, Path]) -> None:
    certificate = certificate_for(["localhost"], *folders)
    for key in (certificate.key, certificate.authority.with_name("authority-key.pem")):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(folders[0].stat().st_mode) == 0o700


@pytest.mark.parametrize("broken", ["authority.pem", "authority-key.pem"])
def test_a_broken_authority_is_made_anew(folders: tuple[Path, Path], broken: str) -> None:
    certificate_for(["localhost"], *folders)
    (folders[0] / broken).write_text("nonsense")
    certificate = certificate_for(["localhost"], *folders)
    assert certificate.is_new
    handshake(certificate, "localhost")


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="cannot be used"):
        certificate_for(["localhost"], tmp_path / "file" / "trivet", tmp_path)


def test_the_data_directory_is_where_the_system_wants_it() -> None:
    home = {"HOME": "/home/me"}
    assert data_directory(home, "linux") == Path("/home/me/.local/share/trivet")
    assert data_directory({**home, "XDG_DATA_HOME": "/data"}, "linux") == Path("/data/trivet")
    assert data_directory({**home, "XDG_DATA_HOME": "data"}, "linux") == Path(
        "/home/me/.local/share/trivet"
    )
    assert data_directory(home, "darwin") == Path("/home/me/Library/Application Support/trivet")
