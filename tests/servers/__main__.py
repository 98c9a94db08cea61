"""A server as a process of its own: `python -m tests.servers ftp|ftps|sftp FOLDER`.

Prints one line of JSON, what a contract and a secret need to know, and serves until its standard input ends.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.servers.certificates import Authority
from tests.servers.faults import PASSWORD, USER
from tests.servers.ftp import FtpServer
from tests.servers.sftp import SftpServer


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["ftp", "ftps", "sftp"])
    parser.add_argument("root", type=Path)
    parser.add_argument("--chance", type=int, default=0, help="of 100 transfers, so many break in the middle")
    parser.add_argument("--port", type=int, default=0, help="FTP's port; a free one if not given")
    parser.add_argument("--hang", default="", help="where it hangs: login, listing or data")
    asked = parser.parse_args()
    with ExitStack() as stack:
        server, secret = _started(asked, stack)
        server.faults.chance, server.faults.hang_at = asked.chance, asked.hang
        print(json.dumps({"port": server.port, "secret": secret}), flush=True)
        sys.stdin.read()


def _started(asked: argparse.Namespace, stack: ExitStack) -> tuple[Any, dict[str, str]]:
    secret = {"username": USER, "password": PASSWORD}
    if asked.kind == "sftp":
        sftp = stack.enter_context(SftpServer(asked.root))
        return sftp, secret | {"hostKeys": sftp.host_key}
    if asked.kind == "ftp":
        return stack.enter_context(FtpServer(asked.root, sendfile=not asked.chance, port=asked.port)), secret
    authority = Authority(Path(stack.enter_context(tempfile.TemporaryDirectory())))
    return stack.enter_context(FtpServer(asked.root, certificate=authority.certificate())), secret | {
        "ca": authority.pem
    }


if __name__ == "__main__":
    main()
