"""api, against a server that says what the test wants and breaks where it wants."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest
from typing import Any, Callable, Dict, List, Optional, Tuple
from unittest import mock

from ncolony._names import BadName
from ncolony.api import Client, Problem
from ncolony.api.client import _SILENCE
from ncolony.api.stream import parse
from supervised import SOURCE, DirectoryCase


def answer(body: Any, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """Return an answer of HTTP that has this body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def events(*chunks: bytes, end: bool = True) -> bytes:
    """Return the beginning of a stream; with end, one that ends in order."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + body + (b"0\r\n\r\n" if end else b"")


def event(seq: int, type: str = "started") -> bytes:
    data = json.dumps({"seq": seq, "time": "2024-01-01T00:00:00Z", "type": type})
    return f"id: {seq}\nevent: {type}\ndata: {data}\n\n".encode()


class Scripted:
    """A server that gives its answers one after the other, each to one connection, and
    remembers the requests. Of a stream it keeps the connection until the next request,
    if the answer says so."""

    def __init__(self, case: unittest.TestCase, listener: socket.socket, answers: List[bytes], keep: bool = False) -> None:
        self.requests: List[Tuple[str, str, Dict[str, str], bytes]] = []
        self._listener, self._answers, self._keep = listener, answers, keep
        self._kept: List[socket.socket] = []
        listener.listen()
        listener.settimeout(60)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        case.addCleanup(self.end)

    def end(self) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(60)
        self._listener.close()
        for connection in self._kept:
            connection.close()

    def _serve(self) -> None:
        for content in self._answers:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection.makefile("rb") as reader:
                self.requests.append(self._request(reader))
            connection.sendall(content)
            if self._keep:
                self._kept.append(connection)
            else:
                connection.close()

    def _request(self, reader: Any) -> Tuple[str, str, Dict[str, str], bytes]:
        method, target, _ = reader.readline().decode().split(" ")
        headers = {}
        for line in iter(reader.readline, b"\r\n"):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return method, target, headers, reader.read(int(headers.get("content-length", 0)))


class Case(DirectoryCase):
    def serve(self, *answers: bytes, keep: bool = False, **more: Any) -> Tuple[Client, Scripted]:
        path = str(self.dir / "sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        return Client(path, validate=False, **more), Scripted(self, listener, list(answers), keep)


SENT = {"request": "m", "result": None}


class TestRequests(Case):
    def test_what_is_asked(self) -> None:
        written = {"name": "web", "spec_sha256": "h", "created": False, "status": None}
        client, server = self.serve(*[answer(written)] * 2, answer(b"", "204 No Content"), *[answer(SENT)] * 3)
        client.put("web@2", {"args": ["\u00fc"]}, if_match="h", wait=2)
        client.patch("web", {"uid": None}, if_match="*")
        client.delete("web")
        client.restart("web", wait=0, key="k", generation=3)
        client.signal("@log", "HUP", reason="r")
        client.send({"type": "RESCAN"})
        asked = [(method, target, json.loads(body) if body else None) for method, target, _, body in server.requests]
        self.assertEqual(
            asked,
            [
                ("PUT", "/v1/services/web@2?wait=2", {"args": ["\u00fc"]}),
                ("PATCH", "/v1/services/web?wait=0.0", {"uid": None}),
                ("DELETE", "/v1/services/web?wait=0.0", None),
                ("POST", "/v1/services/web/restart?wait=0", {"generation": 3}),
                ("POST", "/v1/services/@log/signal?wait=30.0", {"signal": "HUP", "reason": "r"}),
                ("POST", "/v1/messages?wait=0.0", {"type": "RESCAN"}),
            ],
        )
        headers = [request[2] for request in server.requests]
        self.assertEqual((headers[0]["if-match"], headers[1]["if-match"]), ('"h"', "*"))
        self.assertNotIn("if-match", headers[2])
        self.assertEqual(headers[0]["content-type"], "application/json")
        self.assertEqual(headers[1]["content-type"], "application/merge-patch+json")
        self.assertEqual(headers[3]["idempotency-key"], "k")
        for sent in headers:
            self.assertNotIn("authorization", sent)
            self.assertNotIn("origin", sent)

    def test_pages(self) -> None:
        def page(names: str, after: str) -> bytes:
            items = [{"name": name, "file": name, "groups": [], "status": None} for name in names]
            return answer({"services": items, "total": 3, "supervisor": True, **({"next": after} if after else {})})

        client, server = self.serve(page("ab", "b"), page("c", ""))
        self.assertEqual([item.name for item in client.services(["running", "failed"], "g", "x&y", 2)], ["a", "b", "c"])
        self.assertEqual(
            [target for _, target, _, _ in server.requests],
            [f"/v1/services?limit=2&{after}group=g&text=x%26y&state=running&state=failed" for after in ("", "after=b&")],
        )

    def test_names_are_no_paths(self) -> None:
        client, server = self.serve()
        asks: List[Callable[[str], Any]] = [client.service, client.restart, client.delete, client.log, client.spec]
        for name in ("..", "", "a/b", "web?x", "."):
            for ask in asks:
                with self.assertRaises(BadName):
                    ask(name)
        self.assertEqual(server.requests, [])

    def test_problems(self) -> None:
        result = {"ok": False, "error": "e", "type": "RESTART", "name": "web", "old_pid": 0, "new_pid": 0, "finished": None}
        full = {
            "type": "about:blank", "title": "Conflict", "status": 409, "detail": "it says no", "code": "conflict", "field": "name",
            "faults": [{"field": "args[0]", "line": 2, "column": 3, "message": "bad"}], "request": "m", "result": result,
        }  # fmt: skip
        client, _ = self.serve(
            answer(full, "409 Conflict", "application/problem+json"),
            answer(b"<html>", "502 Bad Gateway", "text/html"),
            answer(b"", "301 Moved"),
            answer([], "500 Oops"),
        )
        with self.assertRaisesRegex(Problem, "it says no") as caught:
            client.restart("web")
        problem = caught.exception
        self.assertEqual((problem.status, problem.code, problem.field, problem.request), (409, "conflict", "name", "m"))
        self.assertEqual([(f.field, f.line, f.column, f.message) for f in problem.faults], [("args[0]", 2, 3, "bad")])
        assert problem.result is not None
        self.assertEqual((problem.result.ok, problem.result.error), (False, "e"))
        for status in (502, 301, 500):
            with self.assertRaisesRegex(Problem, f"HTTP {status}") as caught:
                client.restart("web")
            self.assertEqual((caught.exception.status, caught.exception.code), (status, ""))

    def test_broken_answers(self) -> None:
        client, _ = self.serve(b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", answer(b"{"), answer([]))
        for error in (ConnectionError, ConnectionError, ConnectionError, ValueError, ValueError):
            with self.assertRaises(error):
                client.colony()

    def test_nobody(self) -> None:
        client = Client(self.dir / "none")
        with self.assertRaises(FileNotFoundError) as caught:
            client.colony()
        self.assertEqual(caught.exception.filename, str(self.dir / "none"))
        for address in ("http://", "https://host/path", "ftp://host", "http://host:1?x"):
            with self.assertRaisesRegex(ValueError, "address"):
                Client(address)

    def test_no_answer_in_time(self) -> None:
        client, _ = self.serve(b"HTTP/1.1 200", keep=True, timeout=0.1)
        with self.assertRaises(TimeoutError if sys.version_info >= (3, 10) else socket.timeout):
            client.colony()

    def test_tcp_and_tls(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = Scripted(self, listener, [answer(SENT)])
        Client(f"http://127.0.0.1:{port}/", token="secret\n").message("m")
        self.assertEqual(server.requests[0][2]["authorization"], "Bearer secret")
        self.assertEqual(server.requests[0][2]["host"], f"127.0.0.1:{port}")

        cert, key = str(self.dir / "cert"), str(self.dir / "key")
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        make += ["-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        try:
            subprocess.run(make, check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.CalledProcessError) as err:
            self.skipTest(f"needs openssl: {err}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        server = Scripted(self, listener, [answer(SENT)])
        self.assertEqual(Client(url, token="t", tls=ssl.create_default_context(cafile=cert)).message("m").request, "m")
        listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        Scripted(self, listener, [answer(SENT)])
        with self.assertRaises(ssl.SSLCertVerificationError):
            Client(f"https://127.0.0.1:{listener.getsockname()[1]}", token="t").message("m")


class TestStream(Case):
    def test_parse(self) -> None:
        text = b": comment\n\nid: 1\r\nevent: a\r\ndata: x\r\ndata:  y\r\n\r\ndata\n\nid: 2\n\nretry: 5\nother: z\ndata:end\n\nid: a\0b\ndata: late\n"
        self.assertEqual(list(parse(text.splitlines(keepends=True))), [("1", "a", "x\n y"), ("1", "message", ""), ("2", "message", "end")])

    def test_resume(self) -> None:
        """Streams that end, break off, and are refused for a time are one for the caller."""
        client, server = self.serve(
            answer({"events": [], "next": 7}),
            events(event(8), event(9)),
            events(b": comment\n\n", event(10), event(11)[:-1], end=False),  # an event without its end
            b"",
            answer({"code": "too-many"}, "503 Busy"),
            events(event(11, "exited")),
            answer({"code": "unauthorized", "detail": "no more"}, "401 No"),
        )
        stream = client.follow_events(service=["web"], type=["started", "exited"])
        seen = []
        with self.assertRaisesRegex(Problem, "no more"):
            for one in stream:
                seen.append((one.seq, one.type))
        self.assertEqual(seen, [(8, "started"), (9, "started"), (10, "started"), (11, "exited")])
        self.assertEqual(stream.last_id, "11")
        self.assertEqual(server.requests[0][1], "/v1/events?limit=1")
        self.assertEqual([headers["last-event-id"] for _, _, headers, _ in server.requests[1:]], ["7", "9", "10", "10", "10", "11"])
        for _, target, headers, _ in server.requests[1:]:
            self.assertEqual((target, headers["accept"]), ("/v1/events?service=web&type=started&type=exited", "text/event-stream"))

    def test_patience(self) -> None:
        client, _ = self.serve(events(event(1)))
        stream = client.follow_events(0, patience=0.2)
        self.assertEqual(next(stream).seq, 1)
        self.end_of_server()
        begin = time.monotonic()
        with self.assertRaises(OSError):
            next(stream)
        self.assertGreaterEqual(time.monotonic() - begin, 0.2)

    def end_of_server(self) -> None:
        (self.dir / "sock").unlink()

    def test_log(self) -> None:
        def line(at: Optional[str], text: str) -> bytes:
            data = json.dumps({"time": "2024-01-01T00:00:00.123456789Z", "service": "web", "line": text, "at": at or "1:0"})
            return (f"id: {at}\n" if at else "").encode() + f"event: line\ndata: {data}\n\n".encode()

        client, server = self.serve(events(line("5:0", "one")), events(line("5:4", "two")), events(line(None, "x")))
        stream = client.follow_log("web", limit=3, grep="a b", from_="4:9")
        self.assertEqual([next(stream).line, next(stream).line], ["one", "two"])
        stream.close()
        self.assertEqual(list(stream), [])
        # Lines of several streams have no numbers: to go on would be to repeat them.
        unnumbered = client.follow_log("web")
        self.assertEqual(next(unnumbered).line, "x")
        with self.assertRaisesRegex(ConnectionError, "no numbers"):
            next(unnumbered)
        self.assertEqual(
            [(target, headers.get("last-event-id")) for _, target, headers, _ in server.requests],
            [("/v1/logs/web?limit=3&grep=a+b&from=4%3A9", None), ("/v1/logs/web?grep=a+b", "5:0"), ("/v1/logs/web", None)],
        )

    def test_silence(self) -> None:
        client, server = self.serve(events(event(1), end=False), events(event(2), end=False), keep=True, timeout=600)
        with mock.patch("ncolony.api.client._SILENCE", 1):
            stream = client.follow_events(0)
            self.assertEqual([next(stream).seq, next(stream).seq], [1, 2])
        stream.close()

    def test_close_by_thread(self) -> None:
        client, _ = self.serve(events(event(1), end=False), keep=True)
        with client.follow_events(0) as stream:
            self.assertEqual(next(stream).seq, 1)
            closing = threading.Timer(0.1, stream.close)
            closing.start()
            begin = time.monotonic()
            self.assertEqual(list(stream), [])
            closing.join()
            self.assertLess(time.monotonic() - begin, _SILENCE / 2)  # after which it would be over by itself


class TestValidation(Case):
    SCHEMA = {"type": "object", "properties": {"args": {"type": "array", "items": {"type": "string"}}}}

    def setUp(self) -> None:
        super().setUp()
        try:
            import jsonschema  # noqa: F401
        except ImportError:
            self.skipTest("needs jsonschema")

    def test_before_sending(self) -> None:
        path = str(self.dir / "sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        written = {"name": "web", "spec_sha256": "h", "created": True, "status": None}
        server = Scripted(self, listener, [answer(self.SCHEMA), answer(written)])
        client = Client(path)
        for _ in range(2):
            with self.assertRaisesRegex(Problem, r"^spec: args\[1\]: 5 is not of type 'string'") as caught:
                client.put("web", {"args": ["a", 5]})
            self.assertEqual((caught.exception.status, caught.exception.code, caught.exception.field), (0, "invalid", "args[1]"))
        self.assertTrue(client.put("web", {"args": ("a", "b")}).created)
        self.assertEqual([request[:2] for request in server.requests], [("GET", "/v1/schema/spec"), ("PUT", "/v1/services/web?wait=0.0")])

    def test_without_jsonschema(self) -> None:
        script = "import sys; sys.modules['jsonschema'] = None\nfrom ncolony.api import Client\nprint(Client('/s')._validate)"
        done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": SOURCE}, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout, "False\n", done.stderr)
