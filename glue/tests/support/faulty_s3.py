"""A proxy before the emulator's S3 that answers badly at chosen requests: errors, resets, cut bodies, delays."""

from __future__ import annotations

import http.client
import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal[
    "409", "500", "503", "denied", "no key", "denied secret", "reset", "truncate", "slow", "lost answer",
    "unconditional",
]  # fmt: skip


def _error(code: str, message: str = "") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


ANSWERS = {
    "409": (409, _error("ConditionalRequestConflict")),
    "500": (500, _error("InternalError")),
    "503": (503, _error("SlowDown")),
    "denied": (403, _error("AccessDenied")),
    "no key": (403, _error("AccessDenied", "not authorized to perform: kms:GenerateDataKey on resource: arn:…")),
    "denied secret": (400, b'{"__type": "AccessDeniedException"}'),
}


class FaultyS3:
    """Forwards to `target`; each request fails by one of `faults` with chance `rate`, from a seeded generator.

    `only` is a regular expression of the requests that may fail, such as `PUT .*/snapshot/`; `hits` counts the faults.
    """

    def __init__(self, target: str, faults: Sequence[Fault], rate: float, only: str = "", seed: int = 1) -> None:
        self.target = urlsplit(target).netloc
        self.faults, self.rate, self.only = faults, rate, re.compile(only)
        self.hits: Counter[Fault] = Counter()
        self.random = random.Random(seed)
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
        hit = self.random.random() < self.rate and self.only.match(f"{handler.command} {handler.path}")
        fault = self.random.choice(self.faults) if hit else None
        if fault:
            self.hits[fault] += 1
        if fault in ANSWERS:
            status, answer = ANSWERS[fault]
            self._reply(handler, status, {}, answer)
        elif fault == "reset":
            self._hang_up(handler)
        else:
            if fault == "slow":
                time.sleep(0.3)
            if fault == "unconditional":
                del handler.headers["If-None-Match"]
            status, headers, answer = self._forward(handler, body)
            if fault == "lost answer":
                # It was done, and nobody hears of it.
                self._hang_up(handler)
            elif fault == "truncate" and len(answer) > 1:
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
