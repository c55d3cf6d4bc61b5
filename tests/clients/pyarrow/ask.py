"""A program with pyarrow, and so the AWS SDK for C++: it prints with which credentials it signs."""

import json
import re
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from pyarrow.fs import S3FileSystem

SIGNED = re.compile(r"Credential=(\w+)/")
found: list[str] = []


class Bucket(BaseHTTPRequestHandler):
    """Takes note of who asks, and has nothing."""

    def do_HEAD(self) -> None:
        found.extend(SIGNED.findall(self.headers.get("Authorization", "")))
        self.send_response(404)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


server = HTTPServer(("127.0.0.1", 0), Bucket)
Thread(target=server.serve_forever, daemon=True).start()
place = f"127.0.0.1:{server.server_port}"
with suppress(OSError):
    S3FileSystem(endpoint_override=place, scheme="http").get_file_info("bucket/key")
print(json.dumps({"key": found[0]}))
