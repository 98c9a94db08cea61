"""Connecting and logging in over FTP and FTPS, with ftplib."""

from __future__ import annotations

import ftplib
import socket
import ssl
from typing import Any

from headrace.adapters.error_text import plain
from headrace.domain.source import Protocol, Source, Tls
from headrace.errors import LoginRefusedError, SecretError, UnreachableError, UntrustedServerError
from headrace.sources.adapters.patience import ANSWER_BYTES, Patience
from headrace.sources.model.credentials import Credentials


class PatientFtp(ftplib.FTP):
    """Answers have an end: ftplib itself reads on as long as a byte comes now and then."""

    patience: Patience
    _rest = b""

    def getline(self) -> str:
        """One line of an answer. Raises UnreachableError when patience with the answer is over."""
        assert self.sock is not None
        while b"\n" not in self._rest:
            if len(self._rest) > self.maxline:
                raise UnreachableError(f"a line of its answer has more than {self.maxline:,} bytes")
            piece = self.sock.recv(self.maxline)
            if not piece:
                raise EOFError
            self._rest += piece
            self.patience.heard(len(piece))
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("latin-1").removesuffix("\r")


class TlsFtp(PatientFtp, ftplib.FTP_TLS):
    """Data connections go on with the session of the control connection: many servers insist on it."""

    def auth(self) -> str:
        """Begin TLS. What has come before may be anybody's, and is forgotten."""
        answer = super().auth()
        self._rest = b""
        return answer

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - what FTP_TLS itself begins with
        session = getattr(self.sock, "session", None)
        return self.context.wrap_socket(data, server_hostname=self.host, session=session), size


class ImplicitTlsFtp(TlsFtp):
    """TLS from the first byte on, as servers on port 990 speak it. ftplib has it not."""

    def connect(self, host: str = "", port: int = 0, *_: Any, **__: Any) -> str:
        self.host, self.port = host, port
        bare = socket.create_connection((host, port), self.timeout)
        self.af = bare.family
        self.sock = self.context.wrap_socket(bare, server_hostname=host)
        self.welcome = self.getresp()
        return self.welcome


def connected(source: Source, credentials: Credentials, patience: Patience) -> PatientFtp:
    """A connection, logged in. Raises LoginRefusedError, SecretError, UntrustedServerError, and what ftplib does.

    Names and answers are bytes, one character each (latin-1).
    """
    ftp = _ftp(source, credentials)
    ftp.patience = patience
    patience.begin("login", ANSWER_BYTES)
    try:
        ftp.connect(source.host, source.port)
        _log_in(ftp, source, credentials)
    except BaseException:
        ftp.close()
        raise
    return ftp


def _ftp(source: Source, credentials: Credentials) -> PatientFtp:
    timeout = float(source.timeout_seconds)
    if source.protocol is Protocol.FTP:
        return PatientFtp(encoding="latin-1", timeout=timeout)
    kind = ImplicitTlsFtp if source.tls is Tls.IMPLICIT else TlsFtp
    return kind(encoding="latin-1", timeout=timeout, context=_tls_context(source, credentials.ca))


def _tls_context(source: Source, ca: str) -> ssl.SSLContext:
    """Certificates are checked against the public authorities, or only against the one that the secret names."""
    try:
        context = ssl.create_default_context(cadata=ca or None)
    except (ssl.SSLError, ValueError, TypeError) as error:
        raise SecretError(f"the ca in the secret {source.secret} is no certificate in PEM: {plain(error)}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _log_in(ftp: ftplib.FTP, source: Source, credentials: Credentials) -> None:
    if isinstance(ftp, ftplib.FTP_TLS) and source.tls is Tls.EXPLICIT:
        _begin_tls(ftp, source)
    try:
        ftp.login(_on_the_wire(credentials.username), _on_the_wire(credentials.password))
    except ftplib.error_perm as error:
        raise LoginRefusedError(f"the login was refused: {plain(error, credentials.hidden)}") from None
    if isinstance(ftp, ftplib.FTP_TLS):
        ftp.prot_p()


def _begin_tls(ftp: ftplib.FTP_TLS, source: Source) -> None:
    try:
        ftp.auth()
    except ftplib.error_perm as error:
        raise UntrustedServerError(
            f"{source.host} offers no TLS, so neither user nor password was sent to it: {plain(error)}"
        ) from error


def _on_the_wire(text: str) -> str:
    return text.encode().decode("latin-1")
