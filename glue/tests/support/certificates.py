"""An authority of the tests' own, and server certificates that it signs."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class CertificateFiles:
    """PEM files, as `mysqld` takes them."""

    authority: Path
    certificate: Path
    key: Path

    @property
    def server_options(self) -> list[str]:
        """Has a MySQL server use them, and refuse whoever comes without TLS."""
        return [
            f"--ssl-ca={self.authority}", f"--ssl-cert={self.certificate}", f"--ssl-key={self.key}",
            "--require-secure-transport=ON",
        ]  # fmt: skip


class Authority:
    """An authority that keeps its certificate, and those that it signs, in `folder`."""

    def __init__(self, folder: Path, name: str = "Authority of the tests") -> None:
        self.name, self._folder = name, folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(name, name, self._key.public_key(), WEEK)
            # Not critical, as in RDS's authorities: Python 3.13 refuses such a one unless it is told otherwise.
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, host: str, lasts: timedelta = WEEK) -> CertificateFiles:
        """Writes a certificate for `host` alone, a name or an IP address, with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(host, self.name, key.public_key(), lasts)
            .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        name = f"server-{certificate.serial_number:x}"
        files = CertificateFiles(self.file, self._folder / f"{name}.pem", self._folder / f"{name}.key")
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePublicKey, lasts: timedelta) -> x509.CertificateBuilder:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + lasts)
    )
