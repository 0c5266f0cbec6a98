"""What is wrong with the certificates of a Node, in words for who has to mend it."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from ccp_jupyter.model.infrastructure import Node, Tls

_TIMEOUT: Final = 5.0  # seconds for a connection
_SOON: Final = timedelta(days=14)
_PORT: Final = 2376


class BadCertificate(Exception):
    """Something has to be done about a certificate; the text says what."""


def look(node: Node, tls: Tls, now: datetime) -> str:
    """Look at our certificate, and at the one that the engine shows.

    Parameters
    ----------
    node : Node
        Where the engine is.
    tls : Tls
        The files for it.
    now : datetime
        With a time zone.

    Returns
    -------
    str
        Until when they are valid.

    Raises
    ------
    BadCertificate
        The first thing that is wrong.
    OSError
        The engine does not answer.
    """
    ours = _read(tls.cert)
    _check_dates(f"the certificate in {tls.cert}", ours, now)
    shown = x509.load_der_x509_certificate(_shown(node, tls))
    _check_dates("the engine's certificate", shown, now)
    _check_issuer(node, tls, shown)
    _check_name(node, tls, shown)
    until = min(ours.not_valid_after_utc, shown.not_valid_after_utc)
    return f"valid until {until:%Y-%m-%d}"


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise BadCertificate(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise BadCertificate(f"{path} holds no certificate in PEM form") from None


def _check_dates(what: str, certificate: x509.Certificate, now: datetime) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        raise BadCertificate(f"{what} has expired on {end:%Y-%m-%d}; make a new one")
    if now < begin:
        raise BadCertificate(
            f"{what} is valid from {begin:%Y-%m-%d %H:%M} UTC only; look at the clocks, or wait"
        )
    if end - now < _SOON:
        days = (end - now).days
        raise BadCertificate(f"{what} expires on {end:%Y-%m-%d}, in {days} days; make a new one")


def _check_issuer(node: Node, tls: Tls, shown: x509.Certificate) -> None:
    context = _context(tls)
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(tls.ca)
    except OSError as error:
        raise BadCertificate(f"{tls.ca} cannot be used as CA: {error}") from None
    try:
        with _connect(node) as plain, context.wrap_socket(plain):
            return
    except ssl.SSLCertVerificationError as error:
        raise BadCertificate(
            f"the engine's certificate, issued by {shown.issuer.rfc4514_string()!r}, is not signed"
            f" by the CA in {tls.ca} ({error.verify_message}); give the CA that signed it, or sign"
            " a certificate for the engine with this one"
        ) from None


def _check_name(node: Node, tls: Tls, shown: x509.Certificate) -> None:
    if tls.hostname is False:
        return
    wanted = _host(node) if tls.hostname is True else tls.hostname
    context = _context(tls)
    context.load_verify_locations(tls.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    try:
        with _connect(node) as plain, context.wrap_socket(plain, server_hostname=wanted):
            return
    except ssl.SSLCertVerificationError:
        raise BadCertificate(
            f"the engine's certificate is for {_names(shown)}, not for {wanted}; make one with this"
            " name or address (subjectAltName), or name another in tls.hostname"
        ) from None


def _shown(node: Node, tls: Tls) -> bytes:
    """Return the certificate that the engine shows, whatever it is worth."""
    context = _context(tls)
    try:
        with _connect(node) as plain, context.wrap_socket(plain) as secure:
            found = secure.getpeercert(binary_form=True)
    except ssl.SSLError as error:
        raise BadCertificate(
            f"{_host(node)} does not speak TLS there, or refuses us: {error.reason or error}"
        ) from None
    if found is None:
        raise BadCertificate(f"{_host(node)} shows no certificate")
    return found


def _context(tls: Tls) -> ssl.SSLContext:
    """Return a context that shows our certificate and believes everything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        context.load_cert_chain(tls.cert, tls.key)
    except OSError as error:  # ssl.SSLError is one
        raise BadCertificate(f"{tls.cert} and {tls.key} do not fit: {error}") from None
    return context


def _connect(node: Node) -> socket.socket:
    address = urlsplit(node.base_url)
    return socket.create_connection((_host(node), address.port or _PORT), _TIMEOUT)


def _host(node: Node) -> str:
    return urlsplit(node.base_url).hostname or ""


def _names(certificate: x509.Certificate) -> str:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "no name at all"
    names = [*found.get_values_for_type(x509.DNSName)]
    names += [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return ", ".join(names) or "no name at all"
