"""A proxy before S3 that kills the processes which send certain requests."""

from __future__ import annotations

import os
import re
import signal
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.support.faulty_s3 import FaultyS3


class ClientKiller(FaultyS3):
    """Kills the process that sends the first request like `before`, which S3 never hears of, and the one that sends the
    first like `after` once S3 has done it.

    `killed` are the command lines of the dead, by the request.
    """

    def __init__(self, target: str, before: str, after: str) -> None:
        super().__init__(target, [], 0)
        self.left = {re.compile(before): False, re.compile(after): True}
        self.killed: dict[str, str] = {}
        self.guard = threading.Lock()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        request = f"{handler.command} {handler.path}"
        with self.guard:
            pattern = next((pattern for pattern in self.left if pattern.match(request)), None)
            done = self.left.pop(pattern) if pattern else None
        if done is None:
            super().answer(handler)
            return
        body = self._body(handler)
        if done:
            self._forward(handler, body)
        pid = process_at(handler.client_address[1], self.server.server_port)
        self.killed[request] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        os.kill(pid, signal.SIGKILL)
        self._hang_up(handler)


def process_at(port: int, remote_port: int) -> int:
    """The process whose socket at `port` is connected to `remote_port` of this machine.

    Raises:
        ProcessLookupError: there is none that this user may see.
    """
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if [int(address.split(":")[1], 16) for address in fields[1:3]] == [port, remote_port]:
            return _process_with(f"socket:[{fields[9]}]")
    raise ProcessLookupError(f"no connection from port {port} to port {remote_port}")


def _process_with(socket: str) -> int:
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(str(entry.readlink()) == socket for entry in folder.iterdir()):
                return int(folder.parent.name)
        except OSError:
            continue  # it has ended, or belongs to another user
    raise ProcessLookupError(f"no process holds {socket}")
