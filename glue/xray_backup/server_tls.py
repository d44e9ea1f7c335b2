"""TLS with a MySQL server before a log-in: the certificate that it shows, and why it is not trusted."""

from __future__ import annotations

import socket
import ssl
import struct
from typing import Any

from pymysql.constants import CLIENT

from xray_backup.errors import BackupError

_TIMEOUT_SECONDS = 10
_EXPIRED, _NOT_YET_VALID = 10, 9
_OTHER_NAME = (62, 64)
_UTF8MB4 = 45


def open_socket(host: str, port: int) -> socket.socket:
    """A connection to a server, without a word said on it.

    Raises:
        OSError: there is none.
    """
    return socket.create_connection((host, port), _TIMEOUT_SECONDS)


def secured(connection: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """The connection, with TLS: MySQL greets, is told that TLS follows, and shows its certificate.

    Raises:
        BackupError: the server does not speak MySQL, refuses this host, or offers no TLS.
        OSError: it closed the connection, or TLS failed.
    """
    greeting = _packet(connection)
    if greeting[:1] == b"\xff":
        code = int.from_bytes(greeting[1:3], "little")
        raise BackupError(f"the server refused this machine with error {code} before it was told a user")
    if greeting[:1] != b"\x0a":
        raise BackupError("no MySQL server answers there: check host and port in the secret")
    # After the version: thread id, first part of the salt, a zero.
    start = greeting.index(b"\0") + 14
    if not int.from_bytes(greeting[start : start + 2], "little") & CLIENT.SSL:
        raise BackupError("the server offers no TLS: turn it on there")
    flags = CLIENT.PROTOCOL_41 | CLIENT.SECURE_CONNECTION | CLIENT.PLUGIN_AUTH | CLIENT.SSL
    request = struct.pack("<IIB23x", flags, 2**24 - 1, _UTF8MB4)
    connection.sendall(len(request).to_bytes(3, "little") + b"\x01" + request)
    return context.wrap_socket(connection, server_hostname=host)


def authority(connection: ssl.SSLSocket) -> str:
    """The authority, of those that this machine trusts, that the server's certificate leads to."""
    # Public from Python 3.13 on.
    return _name(connection._sslobj.get_verified_chain()[-1].get_info()["subject"])  # type: ignore[attr-defined]


def distrust(error: ssl.SSLCertVerificationError, host: str, port: int, ssl_ca: str) -> str:
    """Reason for not trusting the server's certificate, and what to do, in one line."""
    shown = _certificate(host, port)
    if error.verify_code == _EXPIRED:
        return f"its certificate ended on {shown['notAfter']}: give the server a new one"
    if error.verify_code == _NOT_YET_VALID:
        return f"its certificate begins on {shown['notBefore']}: check this machine's clock"
    if error.verify_code in _OTHER_NAME:
        names = [name for _, name in shown.get("subjectAltName", ())] or [_name(shown["subject"])]
        return (
            f"its certificate is for {', '.join(names)}, not for {host}: name the server so in the secret, or give it"
            " a certificate for that name"
        )
    return (
        f"its certificate is signed by {_name(shown['issuer'])!r}, which is not among the authorities of"
        f" --ssl_ca {ssl_ca}: name a PEM file with that authority there ({error.verify_message})"
    )


def _certificate(host: str, port: int) -> dict[str, Any]:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with open_socket(host, port) as connection, secured(connection, context, host) as tls:
        found: dict[str, Any] = tls._sslobj.get_unverified_chain()[0].get_info()  # type: ignore[attr-defined]
    return found


def _packet(connection: socket.socket) -> bytes:
    length = int.from_bytes(_read(connection, 4)[:3], "little")
    return _read(connection, length)


def _read(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise ConnectionResetError("the connection was closed")
        found += part
    return found


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    names = {key: value for ((key, value), *_) in parts}
    return names.get("commonName") or ", ".join(names.values())
