"""Sessions that outlive a statement (`SessionKeepAliveSeconds`): their TEMP tables are there for the next one."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace_local.redshift.api.principals import same_role
from headrace_local.redshift.errors import DataApiError, not_found, validation_error

if TYPE_CHECKING:
    from headrace_local.redshift.session import Session

MAX_SESSIONS = 500
LONGEST_LIFE = 24 * 3600
TARGET_FIELDS = ("ClusterIdentifier", "WorkgroupName", "Database", "DbUser", "SecretArn")


@dataclass(eq=False)
class KeptSession:
    """One session; times in seconds since the epoch, `current` is the statement that has it."""

    principal: str
    target: dict[str, Any]
    keep_alive: int
    pid: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    current: str | None = None
    closed: bool = False
    database_session: Session | None = None

    @property
    def ends_at(self) -> float:
        """When it closes if nothing more is asked of it."""
        return min(self.updated_at + self.keep_alive, self.created_at + LONGEST_LIFE)

    @property
    def status(self) -> str:
        """AVAILABLE, BUSY or CLOSED."""
        if self.closed:
            return "CLOSED"
        return "AVAILABLE" if self.current is None else "BUSY"

    def is_over(self, now: float) -> bool:
        """Whether nobody has used it for as long as it was to be kept."""
        return self.current is None and now >= self.ends_at

    def close(self) -> None:
        """Close it, and with it its TEMP tables."""
        self.closed = True
        if self.database_session is not None:
            self.database_session.close()
            self.database_session = None


class SessionStore:
    """The kept sessions, closed ones included, each usable only by the role that opened it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, KeptSession] = {}

    def claim(self, principal: str, request: dict[str, Any], statement_id: str, pid: int) -> KeptSession | None:
        """The session that a statement asks for, a new or a known one; DataApiError if it cannot have it."""
        with self._lock:
            self._close_old()
            session_id, seconds = request.get("SessionId"), request.get("SessionKeepAliveSeconds")
            if session_id is None and not seconds:
                return None
            session = self._known(principal, request) if session_id else self._opened(principal, request, pid)
            session.current = statement_id
            if seconds is not None:
                session.keep_alive = seconds
            return session

    def target_of(self, session_id: str, principal: str) -> dict[str, Any]:
        """Where the session is: what its next request need not say again."""
        with self._lock:
            return self._find(session_id, principal).target

    def release(self, session: KeptSession) -> None:
        """The session's statement has ended."""
        with self._lock:
            session.current = None
            session.updated_at = time.time()
            self._close_old()

    def of(self, principal: str) -> list[KeptSession]:
        """The sessions of the principal's role, newest first."""
        with self._lock:
            self._close_old()
            own = [session for session in self._sessions.values() if same_role(session.principal, principal)]
        return sorted(own, key=lambda session: session.created_at, reverse=True)

    def close(self) -> None:
        """Close every session."""
        with self._lock:
            for session in self._sessions.values():
                session.close()

    def _opened(self, principal: str, request: dict[str, Any], pid: int) -> KeptSession:
        if sum(not session.closed for session in self._sessions.values()) >= MAX_SESSIONS:
            raise DataApiError(
                "ActiveSessionsExceededException", f"Active sessions exceeded the allowed quota ({MAX_SESSIONS})."
            )
        target = {name: request[name] for name in TARGET_FIELDS if name in request}
        session = KeptSession(principal, target, request["SessionKeepAliveSeconds"], pid)
        self._sessions[session.id] = session
        return session

    def _known(self, principal: str, request: dict[str, Any]) -> KeptSession:
        session = self._find(request["SessionId"], principal)
        if session.current is not None:
            raise validation_error(f"Session {session.id} is busy: it runs one statement at a time")
        return session

    def _find(self, session_id: str, principal: str) -> KeptSession:
        session = self._sessions.get(session_id)
        if session is None or session.closed or not same_role(session.principal, principal):
            raise not_found(f"Session {session_id} does not exist or is closed.", session_id)
        return session

    def _close_old(self) -> None:
        now = time.time()
        for session in list(self._sessions.values()):
            if not session.closed and session.is_over(now):
                session.close()
            elif session.closed and now - session.updated_at > LONGEST_LIFE:
                del self._sessions[session.id]
