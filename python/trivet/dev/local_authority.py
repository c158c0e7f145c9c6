"""A certificate authority for this user's own machine, and certificates of it for `--https`.

The authority lasts, so that a browser has to be told of it once. It may vouch for local names and
private addresses only (RFC 5280, section 4.2.1.10), so that its key, if it gets lost, is of no use
against any site of the internet. Certificates are made anew with each start.
"""

from __future__ import annotations

import datetime
import getpass
import ipaddress
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from trivet.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

AUTHORITY_DAYS = 3650

#: Renewed at each start; browsers refuse what is valid for longer than 398 days (CA/Browser Forum,
#: Baseline Requirements 6.3.2), Apple's for other authorities than 825.
CERTIFICATE_DAYS = 90

#: A new authority is made when less is left of the old one.
LEAST_DAYS_LEFT = CERTIFICATE_DAYS

#: Names that are never those of a site on the internet (RFC 6761, RFC 6762, RFC 8375).
LOCAL_DOMAINS = ("localhost", "test", "local", "home.arpa", "internal")

#: Loopback, private and link-local networks.
LOCAL_NETWORKS = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
    "100.64.0.0/10",  # shared address space (RFC 6598), which private networks over VPN use
    *("::1/128", "fc00::/7", "fe80::/10"),
)

PRIVATE, PUBLIC = 0o600, 0o644


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Files for a TLS server, and the authority that browsers must know."""

    chain: Path
    key: Path
    authority: Path
    #: Whether the authority was made just now, and nobody knows it yet.
    is_new: bool


def data_directory(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where this user's programs keep what must last (XDG Base Directory, or macOS's own)."""
    home = Path(environ.get("HOME") or Path.home())
    if platform == "darwin":
        return home / "Library" / "Application Support" / "trivet"
    base = environ.get("XDG_DATA_HOME", "")
    return (Path(base) if os.path.isabs(base) else home / ".local" / "share") / "trivet"


def certificate_for(names: Iterable[str], authority: Path, state_directory: Path) -> Certificate:
    """Make a certificate for host names and addresses, and the authority if there is none.

    `authority` is the directory that keeps it. Raises HostError without the library, or when the
    files cannot be written.
    """
    try:
        import cryptography  # noqa: F401 - only to tell that it is missing
    except ImportError:
        raise HostError(
            "https needs the library cryptography, which is not installed",
            hint='pip install "trivet[dev]", or pip install cryptography',
        ) from None
    try:
        return _certificate_for(list(names), authority, state_directory)
    except OSError as error:
        raise HostError(
            f"the certificate authority in {authority} cannot be used: {error.strerror}",
            hint="let this user write there, or set XDG_DATA_HOME",
        ) from error


def local_names(own_address: str) -> list[str]:
    """Every name under which this machine is visited in development."""
    # Not *.localhost: clients take no wildcard for a whole top-level domain (RFC 6125, 7.2).
    names = ["localhost", "127.0.0.1", "::1"]
    host = socket.gethostname().lower()
    if host.partition(".")[2] in LOCAL_DOMAINS:
        names.append(host)
    elif host and "." not in host:
        names.append(f"{host}.local")  # what multicast DNS calls it
    if own_address and is_local(own_address):
        names.append(own_address)
    return names


def is_local(address: str) -> bool:
    """Whether the authority may vouch for an address; it refuses those of the internet."""
    numeric = ipaddress.ip_address(address)
    return any(numeric in ipaddress.ip_network(network) for network in LOCAL_NETWORKS)


def _certificate_for(names: list[str], directory: Path, state_directory: Path) -> Certificate:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = _load_authority(directory)
    is_new = known is None
    authority, authority_key = known or _make_authority(directory)
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _sign_leaf(names, key, authority, authority_key)
    chain = state_directory / "https-chain.pem"
    key_file = state_directory / "https-key.pem"
    pem = serialization.Encoding.PEM
    _write(chain, leaf.public_bytes(pem) + authority.public_bytes(pem), PUBLIC)
    _write(key_file, _key_in_pem(key), PRIVATE)
    return Certificate(
        chain=chain, key=key_file, authority=directory / "authority.pem", is_new=is_new
    )


def _load_authority(
    directory: Path,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    """The authority that is there; None when there is none, or when it is of no use any more."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        certificate = x509.load_pem_x509_certificate((directory / "authority.pem").read_bytes())
        key = serialization.load_pem_private_key(
            (directory / "authority-key.pem").read_bytes(), password=None
        )
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    left = certificate.not_valid_after_utc - _now()
    if left < datetime.timedelta(days=LEAST_DAYS_LEFT):
        return None
    return (certificate, key) if key.public_key() == certificate.public_key() else None


def _make_authority(directory: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Trivet development authority of {_user()}")
    permitted: list[x509.GeneralName] = [x509.DNSName(domain) for domain in LOCAL_DOMAINS]
    permitted += [x509.IPAddress(ipaddress.ip_network(network)) for network in LOCAL_NETWORKS]
    usage = _usage(key_cert_sign=True, crl_sign=True)
    certificate = (
        _builder(name, name, key.public_key(), AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(directory / "authority-key.pem", _key_in_pem(key), PRIVATE)
    encoded = certificate.public_bytes(serialization.Encoding.PEM)
    _write(directory / "authority.pem", encoded, PUBLIC)
    return certificate, key


def _sign_leaf(
    names: list[str],
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    return (
        _builder(_name("Trivet development"), authority.subject, key.public_key(), CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = _now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Clocks of phones are not exact.
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(**wanted: bool) -> x509.KeyUsage:
    from cryptography import x509

    all_of_them = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in all_of_them})


def _name(text: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_in_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file, which nobody else could read at any moment if it must be private."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _user() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user} on {socket.gethostname()}"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
