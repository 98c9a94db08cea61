"""Every error that Headrace raises on purpose.

HeadraceError
├── TransientError            worth another try: the state machine's Retry names it
│   ├── LeaseLostError        another poll of the same server has begun since
│   └── UnreachableError      a partner's server did not answer, broke off, was too slow
│       └── CannotResumeError it sends a file from its beginning only
├── CrowdedUnitError          the files of a unit are too much together: each is tried alone
├── RowsError                Arrow could not do something with rows: where, without its words
├── OvertakenError            another function has moved on what this one read: what it would write is not written
├── ContractChangedError      the batch's next execution transforms its files again
└── TerminalError             trying again changes nothing
    ├── LoadTooLargeError     a batch of fewer files may do
    ├── MissingSetting        the function was deployed without something it needs
    ├── GroupRefusedError     a marker or manifest whose files cannot be loaded together
    ├── ObjectGoneError       a landed object was deleted before it could be read
    ├── LoginRefusedError     a server does not accept user or password
    │   └── SecretError       the secret that holds them is missing, or not as it must be
    ├── UntrustedServerError  a server cannot prove that it is the one it should be
    └── FileProblemError      one file of a server cannot be taken as it is
        ├── FileChangedError  it was replaced while it was read
        └── ChecksumError     its bytes are not those that its checksum was made of

Step Functions matches errors by class name, so these names are part of the workflow's contract.
"""

from __future__ import annotations


class HeadraceError(Exception):
    """Base of all errors raised on purpose."""


class TransientError(HeadraceError):
    """A throttle, a time-out, a busy service: the same call may work in a moment."""


class CrowdedUnitError(HeadraceError):
    """The files of a unit together took all the time or disk that a function has; none of them did alone."""


class RowsError(HeadraceError):
    """Something could not be done with rows: where, and not the words of the library, which may quote one."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"{type(error).__name__} at {place_of(error)[-1]}")


class OvertakenError(HeadraceError):
    """Another function has changed what was read: nothing was written."""


class ContractChangedError(HeadraceError):
    """A deployment came between transform and load: COPY goes by position, and the parts are of another contract."""


class TerminalError(HeadraceError):
    """Something that stays wrong until a person changes it."""


class LoadTooLargeError(TerminalError):
    """The SQL of a batch, or what the workflow carries of it, is longer than the services take."""


class MissingSetting(TerminalError):  # noqa: N818 - reads better in the console than MissingSettingError
    """An environment variable that the function needs is not set."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name} is not set: is the function deployed by template.yaml?")
        self.name = name


class GroupRefusedError(TerminalError):
    """A marker or manifest whose files cannot be loaded together: what is wrong with it, in words for a person."""


class ObjectGoneError(TerminalError):
    """The object, or this version of it, is no longer there."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the object was deleted before it could be read: {key}")
        self.key = key


class LeaseLostError(TransientError):
    """Another poll has the server by now: what this one would write is out of date."""


class UnreachableError(TransientError):
    """A server did not answer, broke off or was too slow."""


class CannotResumeError(UnreachableError):
    """The server sends a file from its beginning only."""


class LoginRefusedError(TerminalError):
    """A server does not accept the user or the password: trying again may lock the account."""


class SecretError(LoginRefusedError):
    """A server's secret is missing or lacks something: the server was not asked."""


class UntrustedServerError(TerminalError):
    """A changed host key, or a certificate that is not valid: nothing was sent to it, no name and no password."""


class FileProblemError(TerminalError):
    """One file cannot be taken as it is; its neighbours can."""


class FileChangedError(FileProblemError):
    """The file was replaced while it was read."""


class ChecksumError(FileProblemError):
    """The bytes that came are not those that the checksum beside the file, or the server's own, was made of."""


def place_of(error: Exception) -> list[str]:
    """Where an error came up, the innermost place last: all that may be shown when its words may quote a row."""
    frames, at = [], error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{at.tb_lineno} {code.co_name}")
        at = at.tb_next
    return frames
