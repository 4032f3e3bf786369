"""Server-sent events, as HTML describes them, over connections that may break."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from typing import Any, Callable, Generic, Iterable, Iterator, List, NamedTuple, Optional, TypeVar

from ncolony.api._wire import Answer
from ncolony.api.problem import Problem

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between two attempts to connect


class Message(NamedTuple):
    """One event of a stream."""

    id: str  # "": none was given, by this or an earlier one
    event: str
    data: str


def parse(lines: Iterable[bytes]) -> Iterator[Message]:
    """Read a stream. What the end cuts off is not an event."""
    last_id, event, data = "", "", []  # type: str, str, List[str]
    for line in lines:
        text = line.rstrip(b"\r\n").decode("utf-8", "replace")
        if not text:
            if data:
                yield Message(last_id, event or "message", "\n".join(data))
            event, data = "", []
            continue
        name, _, value = text.partition(":")  # a comment has no name
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            data.append(value)
        elif name == "event":
            event = value
        elif name == "id" and "\0" not in value:
            last_id = value


class Stream(Generic[T]):
    """An iterator over what happens. It ends when it is closed, which any thread may
    do; leaving a with statement does so too.

    When the connection breaks it goes on behind the last that it has had, on a new
    one: nothing comes twice, and what is still kept is not missed. What cannot be gone
    on with (its events have no numbers) ends with the error of the connection; so does
    one that finds nobody for patience seconds. What the server refuses is a Problem.
    """

    def __init__(self, connect: Callable[[str], Answer], make: Callable[[Any], T], last_id: str, patience: float) -> None:
        self._connect = connect  # of the id behind which to go on
        self._make = make
        self._last_id = last_id
        self._patience = patience
        self._closed = threading.Event()
        self._sock: Optional[socket.socket] = None
        self._items = self._read()

    @property
    def last_id(self) -> str:
        """What to go on behind: the id of the last that was had."""
        return self._last_id

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return next(self._items)

    def __enter__(self) -> "Stream[T]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the iteration, also one that waits."""
        self._closed.set()
        sock = self._sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is over already

    def _read(self) -> Iterator[T]:
        while True:
            answer = self._open()
            if answer is None:
                return
            had = False
            try:
                for message in parse(iter(answer.response.readline, b"")):
                    if self._closed.is_set():
                        return
                    had, self._last_id = True, message.id
                    yield self._make(json.loads(message.data))
            except (OSError, http.client.HTTPException):
                pass  # it goes on with another
            finally:
                self._sock = None
                answer.close()
            if had and not self._last_id and not self._closed.is_set():
                raise ConnectionError("read stream: it has ended, and has no numbers to go on behind")

    def _open(self) -> Optional[Answer]:
        """Connect, for as long as patience allows; None if the stream is closed."""
        begin, pause = time.monotonic(), _FIRST_PAUSE
        while not self._closed.is_set():
            try:
                answer = self._connect(self._last_id)
            except (OSError, Problem) as err:
                if isinstance(err, Problem) and err.status < 500 or time.monotonic() - begin > self._patience:
                    raise
                self._closed.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            self._sock = answer.sock
            if self._closed.is_set():  # and could not be shut down
                answer.close()
                break
            return answer
        return None
