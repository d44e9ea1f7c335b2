"""A proxy before the emulator's S3 that answers badly at chosen requests: errors, resets, cut bodies, delays."""

from __future__ import annotations

import http.client
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["500", "503", "reset", "truncate", "slow", "lost answer"]


class FaultyS3:
    """Forwards to `target`; each request fails by `fault` with chance `rate`, from a seeded generator."""

    def __init__(self, target: str, fault: Fault, rate: float, seed: int = 1) -> None:
        self.target = urlsplit(target).netloc
        self.fault, self.rate = fault, rate
        self.random = random.Random(seed)
        self.faults = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                proxy.answer(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = self._body(handler)
        hit = self.random.random() < self.rate
        self.faults += hit
        if hit and self.fault in ("500", "503"):
            self._reply(handler, int(self.fault), {}, b"<Error><Code>InternalError</Code></Error>")
        elif hit and self.fault == "reset":
            self._hang_up(handler)
        else:
            if hit and self.fault == "slow":
                time.sleep(0.3)
            status, headers, answer = self._forward(handler, body)
            if hit and self.fault == "lost answer":
                # It was done, and nobody hears of it.
                self._hang_up(handler)
            elif hit and self.fault == "truncate" and len(answer) > 1:
                self._reply(handler, status, headers, answer[: len(answer) // 2], full_length=len(answer))
            else:
                self._reply(handler, status, headers, answer)

    def _body(self, handler: BaseHTTPRequestHandler) -> bytes:
        if handler.headers.get("Expect", "").lower() == "100-continue":
            handler.send_response_only(100)
            handler.end_headers()
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.target, timeout=60)
        headers = {name: value for name, value in handler.headers.items() if name.lower() != "expect"}
        connection.request(handler.command, handler.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content

    def _reply(
        self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes,
        full_length: int | None = None,
    ) -> None:  # fmt: skip
        handler.send_response_only(status)
        length = headers.pop("Content-Length", None) if handler.command == "HEAD" else None
        for name, value in headers.items():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", length or str(full_length or len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
        if full_length:
            handler.close_connection = True

    def _hang_up(self, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        handler.connection.close()
