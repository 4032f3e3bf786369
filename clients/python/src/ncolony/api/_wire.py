"""Requests over a unix socket or TCP, one connection each."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple, Union
from urllib.parse import urlencode, urlsplit

from ncolony.api.problem import Problem

Query = Iterable[Tuple[str, Union[str, int, float, None]]]


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket. The name of the host means nothing there."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("ncolony", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError as err:
            self.sock.close()
            raise OSError(err.errno, err.strerror, self._path) from err


class Answer(NamedTuple):
    """A good answer of which the body is still to be read, and its connection."""

    response: http.client.HTTPResponse
    connection: http.client.HTTPConnection
    sock: socket.socket

    def close(self) -> None:
        self.response.close()
        self.connection.close()


class Wire:
    """Where the server is, and who asks."""

    def __init__(self, address: Union[str, "os.PathLike[str]"], token: str, tls: Optional[ssl.SSLContext], timeout: float) -> None:
        self.timeout = timeout
        self._address = os.fspath(address)
        self._tls = tls
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = urlsplit(self._address)
        if self._url.scheme in ("http", "https"):
            if not self._url.hostname or self._url.path.strip("/") or self._url.query:
                raise ValueError(f"address {self._address!r}: neither http://HOST:PORT nor https://HOST:PORT")
        elif "://" in self._address:
            raise ValueError(f"address {self._address!r}: neither a URL of HTTP nor the path of a socket")

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._url.scheme == "http":
            return http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=timeout)
        if self._url.scheme == "https":
            context = self._tls or ssl.create_default_context()
            return http.client.HTTPSConnection(self._url.hostname or "", self._url.port, timeout=timeout, context=context)
        return _UnixConnection(self._address, timeout)

    def open(
        self,
        method: str,
        path: str,
        query: Query = (),
        body: Optional[bytes] = None,
        headers: Mapping[str, str] = {},
        patience: float = 0.0,
    ) -> Answer:
        """Ask, and return a good answer. One that is not is raised as a Problem, and
        what the network has to say as an OSError. Of patience are the seconds that the
        server may take beyond those that any answer may take."""
        given = [(name, value) for name, value in query if value not in (None, "")]
        target = path + ("?" + urlencode(given) if given else "")
        connection = self._connect(self.timeout + patience)
        try:
            connection.request(method, target, body, {**self._headers, "Connection": "close", **headers})
            sock = connection.sock  # which the connection forgets when it has the answer
            response = connection.getresponse()
            if response.status >= 300:
                raise Problem.of(response.status, response.reason, response.read())
        except http.client.HTTPException as err:
            connection.close()
            raise ConnectionError(f"{method} {path}: no answer: {err!r}") from err
        except BaseException:
            connection.close()
            raise
        return Answer(response, connection, sock)

    def read(self, method: str, path: str, query: Query = (), **more: Any) -> bytes:
        """Ask, and return the whole body of a good answer."""
        answer = self.open(method, path, query, **more)
        try:
            return answer.response.read()
        except http.client.HTTPException as err:
            raise ConnectionError(f"{method} {path}: the answer has no end: {err!r}") from err
        finally:
            answer.close()

    def ask(self, method: str, path: str, query: Query = (), **more: Any) -> Dict[str, Any]:
        """Ask, and return the object that is the answer."""
        found = json.loads(self.read(method, path, query, **more))
        if not isinstance(found, dict):
            raise ValueError(f"{method} {path}: the answer is no object")
        return found
