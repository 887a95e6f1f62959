"""A web server on the loopback that misbehaves as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[[BaseHTTPRequestHandler, bytes], None]


class Server(ThreadingHTTPServer):
    """Serves `files`; answer number i is given by `script[i]`, then all by `serve`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.script: list[Behaviour] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.released = threading.Event()
        """Set when the test is over, so that a server that is slow on purpose ends."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.server.asked
        asked.append((self.path, dict(self.headers)))
        script = self.server.script
        behave = script[len(asked) - 1] if len(asked) <= len(script) else serve()
        body = self.server.files.get(self.path)
        self.close_connection = True
        if body is None and len(asked) > len(script):
            status(404)(self, b"")
        else:
            behave(self, body or b"")


@contextmanager
def bad_server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join(5)


def head(
    handler: BaseHTTPRequestHandler, code: int, length: int | None, **headers: str | None
) -> None:
    handler.send_response(code)
    handler.send_header("Connection", "close")
    if length is not None:
        handler.send_header("Content-Length", str(length))
    for name, value in headers.items():
        if value is not None:
            handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def serve(
    tag: str | None = '"one"',
    *,
    kind: str = "application/octet-stream",
    ranges: bool = True,
    cut: int | None = None,
    length: int | None = None,
    honour_tag: bool = True,
    shift: int = 0,
    limit: int | None = None,
) -> Behaviour:
    """Serve a file, whole or from where it is asked for.

    `cut`: send that many bytes and hang up. `length`: a wrong Content-Length. `honour_tag`: heed
    ``If-Range``. `shift`: begin that many bytes after what was asked for. `limit`: send no more
    than that many bytes of the rest, and say so.
    """

    def behave(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked, condition = handler.headers.get("Range"), handler.headers.get("If-Range")
        start = 0
        if asked and ranges and (not honour_tag or condition in (None, tag)):
            start = int(asked.removeprefix("bytes=").rstrip("-")) + shift
            if start >= len(body):
                head(handler, 416, 0, Content_Range=f"bytes */{len(body)}")
                return
        if start:
            end = len(body) if limit is None else min(len(body), start + limit)
            place = f"bytes {start}-{end - 1}/{len(body)}"
            head(handler, 206, end - start, ETag=tag, Content_Range=place, Content_Type=kind)
            handler.wfile.write(body[start : end if cut is None else start + cut])
        else:
            head(handler, 200, length or len(body), ETag=tag, Content_Type=kind)
            handler.wfile.write(body[:cut])

    return behave


def status(code: int, **headers: str) -> Behaviour:
    return lambda handler, body: head(handler, code, 0, **headers)


def silent(seconds: float) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.server.released.wait(seconds)

    return behave


def page(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    text = b"<!DOCTYPE html><html><title>Making sure you're not a bot!</title></html>"
    head(handler, 200, len(text), Content_Type="application/zip")
    handler.wfile.write(text)
