"""An S3 that takes everything and keeps nothing, so that a measurement is of the poller.

Its port is on standard output. It answers the few calls that `S3Incoming` makes; whether S3 would, it cannot show.
"""

from __future__ import annotations

import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CHUNK = 1 << 20
XML = '<?xml version="1.0"?><{0} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{1}</{0}>'


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    sizes: dict[str, int] = {}  # noqa: RUF012 - one store for all connections is the point

    def do_POST(self) -> None:
        """Begin or complete an upload."""
        self._taken()
        asked = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if "uploads" in asked:
            self._answer(XML.format("InitiateMultipartUploadResult", "<UploadId>one</UploadId>"))
        else:
            self._answer(XML.format("CompleteMultipartUploadResult", "<ETag>e</ETag>"))

    def do_PUT(self) -> None:
        """Take a part or an object, and forget it; or copy."""
        size, path = self._taken(), urlsplit(self.path).path
        self.sizes[path] = self.sizes.get(path, 0) + size
        if "x-amz-copy-source" in self.headers:
            self._answer(XML.format("CopyObjectResult", "<ETag>e</ETag>"))
        else:
            self._answer("", {"ETag": '"e"'})

    def do_HEAD(self) -> None:
        """How large it was."""
        self.send_response(200)
        self.send_header("Content-Length", str(self.sizes.get(urlsplit(self.path).path, 1)))
        self.end_headers()

    def do_DELETE(self) -> None:
        """Forget it once more."""
        self.send_response(204)
        self.end_headers()

    def _taken(self) -> int:
        """Read the request's body. Returns its size."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return self._chunks()
        left = size = int(self.headers.get("Content-Length", 0))
        while left:
            left -= len(self.rfile.read(min(left, CHUNK)))
        return size

    def _chunks(self) -> int:
        total = 0
        while size := int(re.match(rb"[0-9a-fA-F]+", self.rfile.readline())[0], 16):  # type: ignore[index]
            self.rfile.read(size + 2)
            total += size
        self.rfile.readline()
        return total

    def _answer(self, body: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until standard input ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
