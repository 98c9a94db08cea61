"""Lines of listings that have broken a client, or are of that kind, each with where it was seen.

`LIST` and `MLSD` say how the server gave it. What becomes of it: a file (name, size, time in UTC or None), a folder,
nothing for what is neither, or a line that cannot be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

SKIPPED, UNREADABLE = "skipped", "unreadable"
RFC3659 = "https://www.rfc-editor.org/rfc/rfc3659#section-7.2"
MADE_UP = "of the same kind"
FLUENT = "https://github.com/robinrodricks/FluentFTP/issues/"


@dataclass(frozen=True)
class Odd:
    """One line. `becomes` is SKIPPED, UNREADABLE, or the name; a folder's ends with a slash."""

    how: str
    line: str
    becomes: str
    size: int | None = None
    modified: datetime | None = None
    zone: str = "UTC"
    seen: str = MADE_UP


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


UNIX = "-rw-r--r--   1 owner    group"
ODD = [
    # -- times that no calendar has, or that stand for none
    Odd("LIST", f"{UNIX} 5 Jan  1  0001 x.csv", "x.csv", 5, zone="Asia/Tokyo", seen=f"{FLUENT}477"),
    Odd("LIST", f"{UNIX} 5 Jan  1  0001 x.csv", "x.csv", 5, seen=f"{FLUENT}191"),
    Odd("LIST", f"{UNIX} 5 0001-01-01 00:00 x.csv", "x.csv", 5, zone="Pacific/Kiritimati"),
    Odd("LIST", f"{UNIX} 5 9999-12-31 23:30 x.csv", "x.csv", 5, zone="America/New_York"),
    Odd("LIST", f"{UNIX} 5 9999-12-31 23:59:59 x.csv", "x.csv", 5, zone="Pacific/Honolulu"),
    Odd("LIST", f"{UNIX} 5 0000-00-00 00:00 x.csv", "x.csv", 5),
    Odd("LIST", f"{UNIX} 5 Feb 30  2024 x.csv", "x.csv", 5),
    Odd("LIST", f"{UNIX} 5 Mar  1 99:99 x.csv", "x.csv", 5),
    Odd("LIST", "-rw-rw-rw- 1 noone nogroup          0 000 17 2025 x.csv", "x.csv", 0, seen=f"{FLUENT}1727"),
    Odd("LIST", f"{UNIX} 5 Jan  1  1970 x.csv", "x.csv", 5, at(1970, 1, 1),
        seen="https://github.com/FubarDevelopment/FtpServer/pull/15"),
    Odd("LIST", f"{UNIX} 5 Jan  1  1970 x.csv", "x.csv", 5, at(1969, 12, 31, 15), zone="Asia/Tokyo"),
    Odd("LIST", "01-01-0001  12:00AM                 5 x.csv", "x.csv", 5, zone="Asia/Tokyo"),
    Odd("LIST", "12-31-9999  11:59PM                 5 x.csv", "x.csv", 5, zone="America/New_York"),
    Odd("LIST", "13-32-26  25:61                 5 x.csv", "x.csv", 5),
    Odd("LIST", "04-13-2011  07:10PM                 4927 x.csv", "x.csv", 4927, at(2011, 4, 13, 19, 10),
        seen="https://github.com/mscdex/node-ftp/issues/114"),
    Odd("MLSD", "type=file;size=5;modify=00010101000000; x.csv", "x.csv", 5, seen=f"{FLUENT}477"),
    Odd("MLSD", "type=file;size=5;modify=16010101000000; x.csv", "x.csv", 5),
    Odd("MLSD", "type=file;size=5;modify=99991231235959; x.csv", "x.csv", 5),
    Odd("MLSD", "type=file;size=5;modify=19010203040506; x.csv", "x.csv", 5, at(1901, 2, 3, 4, 5, 6)),
    Odd("MLSD", "type=file;size=5;modify=-340500706; x.csv", "x.csv", 5,
        seen="https://github.com/mtheall/ftpd/issues/129"),
    Odd("MLSD", f"type=file;size=5;modify={'9' * 5000}; x.csv", "x.csv", 5),
    # -- sizes that no file has
    Odd("LIST", f"{UNIX} -1 May  6  2024 x.csv", "x.csv", None, at(2024, 5, 6),
        seen="https://github.com/salim-lachdhaf/dartFTP/pull/49"),
    Odd("LIST", f"{UNIX} -1794967296 May  6  2024 x.csv", "x.csv", None, at(2024, 5, 6),
        seen="https://github.com/TheOfficialFloW/VitaShell/issues/15"),
    Odd("LIST", f"{UNIX} {'9' * 45} May  6  2024 x.csv", "x.csv", None, at(2024, 5, 6)),
    Odd("LIST", f"{UNIX} {'9' * 5000} May  6  2024 x.csv", "x.csv", None, at(2024, 5, 6)),
    Odd("LIST", f"{UNIX} {2**63 - 1} May  6  2024 x.csv", "x.csv", 2**63 - 1, at(2024, 5, 6)),
    Odd("LIST", f"{UNIX} {2**63} May  6  2024 x.csv", "x.csv", None, at(2024, 5, 6)),
    Odd("LIST", f"05-06-24  07:08AM  {'9,' * 40}9 x.csv", "x.csv", None, at(2024, 5, 6, 7, 8)),
    Odd("LIST", "05-06-24  07:08AM  , x.csv", "x.csv", None, at(2024, 5, 6, 7, 8)),
    Odd("MLSD", f"type=file;size={'9' * 5000}; x.csv", "x.csv"),
    Odd("MLSD", "type=file;size=-1; x.csv", "x.csv", seen="https://github.com/salim-lachdhaf/dartFTP/pull/49"),
    Odd("MLSD", "type=file;size=²; x.csv", "x.csv"),
    Odd("MLSD", "modify=20240131093819;perm=rw;size=35184372267979;type=file; x.csv", "x.csv", 35184372267979,
        at(2024, 1, 31, 9, 38, 19), seen="https://github.com/troglobit/uftpd/issues/42"),
    # -- names
    Odd("LIST", f"{UNIX} 5 May  6  2024 x.csv ", "x.csv ", 5, at(2024, 5, 6),
        seen="https://github.com/FarGroup/FarManager/issues/267"),
    Odd("LIST", f"{UNIX} 5 May  6  2024 x.csv.", "x.csv.", 5, at(2024, 5, 6)),
    Odd("LIST", f"{UNIX} 5 May  6  2024 May  6  2024 x.csv", "May  6  2024 x.csv", 5, at(2024, 5, 6)),
    Odd("MLSD", "type=file;size=5; x.csv ", "x.csv ", 5, seen="https://github.com/FarGroup/FarManager/issues/267"),
    Odd("MLSD", "type=file;size=5; a; b=c; d.csv", "a; b=c; d.csv", 5, seen=RFC3659),
    Odd("MLSD", "type=file;size=5;  x.csv", " x.csv", 5, seen="https://github.com/patrickjuchli/basic-ftp/issues/245"),
    Odd("MLSD", "size=5;type=file;UNIX.groupname=domain users;UNIX.mode=0600; x.csv", "x.csv", 5,
        seen="https://github.com/proftpd/proftpd/issues/1495"),
    Odd("MLSD", "type=dir;UNIX.groupname=domain users;UNIX.ownername=a; in", "in/",
        seen="https://github.com/proftpd/proftpd/issues/1495"),
    # -- facts that are missing, doubled, or unknown
    Odd("MLSD", "modify=20260101000000; x.csv", "x.csv", None, at(2026, 1, 1), seen=RFC3659),
    Odd("MLSD", "size=5 x.csv", "x.csv", 5),
    Odd("MLSD", "type=file;size=5;size=7; x.csv", "x.csv", 5),
    Odd("MLSD", "type=file;type=dir;size=5; x.csv", "x.csv", 5),
    Odd("MLSD", "TYPE=FILE;SIZE=5; x.csv", "x.csv", 5, seen=RFC3659),
    Odd("MLSD", "type=OS.unix=slink:/target;size=5; x.csv", SKIPPED, seen=RFC3659),
    Odd("MLSD", "type=cdir;size=5; .", SKIPPED, seen=RFC3659),
    Odd("MLSD", "type=file;=;;size=5; x.csv", "x.csv", 5),
    Odd("MLSD", "type=file;size=5;", UNREADABLE),
    Odd("MLSD", " x.csv", UNREADABLE, seen=RFC3659),
    Odd("MLSD", "x.csv", UNREADABLE, seen="https://github.com/rclone/rclone/issues/8403"),
    # -- forms
    Odd("LIST", "total 0", SKIPPED, seen="https://github.com/patrickjuchli/basic-ftp/issues/206"),
    Odd("LIST", "insgesamt 12", SKIPPED),
    Odd("LIST", "total 12K", UNREADABLE),
    Odd("LIST", "-rw-------+   1 9469            0 May  6  2011 x.csv", "x.csv", 0, at(2011, 5, 6),
        seen="https://github.com/mscdex/node-ftp/issues/112"),
    Odd("LIST", "drwxr-S---    3 105207   501            18 Jul 04  2017 in", "in/", 18, at(2017, 7, 4),
        seen="https://github.com/icetee/node-ftp/issues/6"),
    Odd("LIST", "-rw-------    1 1000     1001          487 Feb 25  2019 x.csv", "x.csv", 487, at(2019, 2, 25),
        seen="https://github.com/patrickjuchli/basic-ftp/issues/61"),
    Odd("LIST", "02-15-22  10:00AM       <DIR>          in", "in/", None, at(2022, 2, 15, 10)),
    Odd("LIST", "02-15-22  10:00AM       <JUNCTION>     in", SKIPPED),
    Odd("LIST", "02-15-2022  10:00       <SYMLINKD>     in [C:\\in]", SKIPPED),
    Odd("LIST", "lrwxrwxrwx   1 o g 9 May  6  2024 x.csv -> x.csv", SKIPPED),
    Odd("LIST", "crw-rw-rw-   1 o g 1, 3 May  6  2024 x.csv", UNREADABLE),
    Odd("LIST", "+i8388621.48594,m825718503,r,s280,\tx.csv", UNREADABLE, seen="https://cr.yp.to/ftp/list/eplf.html"),
    Odd("LIST", "x.csv", UNREADABLE),
    Odd("LIST", "MEMSTICK.IND//dfr////0/0/0/-340/50/24/6/9/1/1/1", UNREADABLE,
        seen="https://github.com/mtheall/ftpd/issues/129"),
]  # fmt: skip
