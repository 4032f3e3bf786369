"""The client of ncolony-serve."""

from __future__ import annotations

import json
import os
import ssl
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union
from urllib.parse import quote

from ncolony import _files, _names
from ncolony.api import _validate
from ncolony.api._wire import Answer, Query, Wire
from ncolony.api.answers import Event, EventPage, Item, LogLine, LogPage, Page, Report, Sent, Service, Written
from ncolony.api.problem import Problem
from ncolony.api.stream import Stream

_JSON = {"Content-Type": "application/json"}
_PATCH = {"Content-Type": "application/merge-patch+json"}
_EVENTS = {"Accept": "text/event-stream"}

# A stream has a comment every 15 s. Who hears nothing for much longer is not connected.
_SILENCE = 45.0


class Client:
    """A colony that is asked through ncolony-serve.

    address is the path of its socket, ROOT/state/serve.sock, or http://HOST:PORT or
    https://HOST:PORT; over TCP a token is needed, the text of state/serve.token.read or
    state/serve.token.admin, and tls may hold a certificate of one's own. timeout is the
    time in seconds for any answer, beside what one asks the server to wait for.

    What the server refuses is a Problem, and what the network refuses an OSError. A
    client may be used by any number of threads. If jsonschema is installed and validate
    is true, specs and messages are held against the schemas that the server publishes
    before they are sent.
    """

    def __init__(
        self,
        address: Union[str, "os.PathLike[str]"],
        *,
        token: str = "",
        tls: Optional[ssl.SSLContext] = None,
        timeout: float = 30.0,
        validate: bool = True,
    ) -> None:
        self._wire = Wire(address, token.strip(), tls, timeout)
        self._validate = validate and _validate.installed()
        self._schemas: Dict[str, Dict[str, Any]] = {}

    # Services

    def services(self, state: Iterable[str] = (), group: str = "", text: str = "", limit: int = 100) -> Iterator[Item]:
        """Yield all services by name, helpers last, asking for limit of them at a time:
        those in one of these states, of this restart group, and with this text in their
        name or command."""
        after = ""
        while True:
            page = self.page(state, group, text, limit, after)
            yield from page.services
            after = page.next
            if not after:
                return

    def page(self, state: Iterable[str] = (), group: str = "", text: str = "", limit: int = 100, after: str = "") -> Page:
        """Return at most limit of the services that come after a name."""
        query: List[Tuple[str, Union[str, int]]] = [("limit", limit), ("after", after), ("group", group), ("text", text)]
        query += [("state", one) for one in state]
        return Page.of(self._wire.ask("GET", "/v1/services", query))

    def service(self, name: str) -> Service:
        """Return what there is to know of a service."""
        return Service.of(self._wire.ask("GET", _service(name)))

    def spec(self, name: str) -> bytes:
        """Return the spec of a service as it stands in its file, good or not."""
        return self._wire.read("GET", _service(name) + "/spec")

    def put(self, name: str, spec: Mapping[str, Any], *, if_match: str = "", create: bool = False, wait: float = 0.0) -> Written:
        """Write the spec of a service: only if the hash of the one there is, is if_match
        ("*": there is one), or, with create, if there is none. With wait the answer comes
        when the service runs by it and is ready; so many seconds later it is a Problem
        "timeout", and the spec stands."""
        content = self._encode("spec", spec, _files.MAX_SPEC)
        headers = {**_JSON, **_match(if_match), **({"If-None-Match": "*"} if create else {})}
        return Written.of(self._wire.ask("PUT", _service(name), [("wait", wait)], body=content, headers=headers, patience=wait))

    def patch(self, name: str, changes: Mapping[str, Any], *, if_match: str = "", wait: float = 0.0) -> Written:
        """Change keys of a spec; None removes one (a merge patch, RFC 7396)."""
        content = _files.encode(changes, _files.MAX_SPEC)
        headers = {**_PATCH, **_match(if_match)}
        return Written.of(self._wire.ask("PATCH", _service(name), [("wait", wait)], body=content, headers=headers, patience=wait))

    def delete(self, name: str, *, if_match: str = "", wait: float = 0.0) -> None:
        """Remove a spec, which ends its service; with wait, until nothing of it is left."""
        self._wire.read("DELETE", _service(name), [("wait", wait)], headers=_match(if_match), patience=wait)

    def restart(self, name: str, *, wait: float = 30.0, key: str = "", **more: Any) -> Sent:
        """Give a service a new life, and wait until it is ready. With wait 0 nothing is
        waited for, and there is no result. Who asks again with the same key gets the
        answer of the first time. more are generation, pid and reason of the message."""
        return self._act(name, "restart", wait, key, more)

    def start(self, name: str, *, wait: float = 30.0, key: str = "", **more: Any) -> Sent:
        """Start a service that is down."""
        return self._act(name, "start", wait, key, more)

    def stop(self, name: str, *, wait: float = 30.0, key: str = "", **more: Any) -> Sent:
        """Keep a service down until a start."""
        return self._act(name, "stop", wait, key, more)

    def signal(self, name: str, signal: Union[str, int], *, wait: float = 30.0, key: str = "", **more: Any) -> Sent:
        """Send a signal, such as "HUP", to the main process of a service."""
        return self._act(name, "signal", wait, key, {"signal": signal, **more})

    def _act(self, name: str, verb: str, wait: float, key: str, body: Mapping[str, Any]) -> Sent:
        return self._post(f"{_service(name)}/{verb}", body, wait, key)

    # Messages, the colony

    def send(self, message: Mapping[str, Any], *, wait: float = 0.0, key: str = "") -> Sent:
        """Send a message of any type. Without a supervisor it lies there until there is one."""
        self._check("message", message)
        return self._post("/v1/messages", message, wait, key)

    def _post(self, path: str, body: Mapping[str, Any], wait: float, key: str) -> Sent:
        headers = {**_JSON, **({"Idempotency-Key": key} if key else {})}
        content = _files.encode(body, _files.MAX_MESSAGE)
        return Sent.of(self._wire.ask("POST", path, [("wait", wait)], body=content, headers=headers, patience=wait))

    def message(self, request: str) -> Sent:
        """Return what became of a message."""
        return Sent.of(self._wire.ask("GET", f"/v1/messages/{quote(request, safe='')}"))

    def messages(self, limit: int = 100) -> List[Sent]:
        """Return the messages that were taken last, the youngest first."""
        return [Sent.of(one) for one in self._wire.ask("GET", "/v1/messages", [("limit", limit)])["messages"]]

    def colony(self) -> Report:
        """Return how the colony is as a whole."""
        return Report.of(self._wire.ask("GET", "/v1/colony"))

    def ready(self) -> bool:
        """Return whether a supervisor runs."""
        try:
            self._wire.read("GET", "/readyz")
        except Problem as problem:
            if problem.status == 503:
                return False
            raise
        return True

    def schema(self, kind: str) -> Dict[str, Any]:
        """Return the JSON Schema of a kind of file: "spec", "message", "status", ..."""
        return self._wire.ask("GET", f"/v1/schema/{quote(kind, safe='')}")

    # Events, output

    def events(self, after: Optional[int] = None, *, service: Iterable[str] = (), type: Iterable[str] = (), limit: int = 100) -> EventPage:
        """Return the events behind a number, or the youngest: of these services and
        types, or of all."""
        query = [("after", after), ("limit", limit), *_filter(service, type)]
        return EventPage.of(self._wire.ask("GET", "/v1/events", query))

    def follow_events(
        self, after: Optional[int] = None, *, service: Iterable[str] = (), type: Iterable[str] = (), patience: float = 60.0
    ) -> "Stream[Event]":
        """Return the events behind a number, or those from now on, as they come. patience
        is for how many seconds the server may be away at a time."""
        if after is None:  # asked for here, so that nothing is missed if the first connection breaks
            after = self.events(limit=1).next
        query = list(_filter(service, type))

        def connect(last_id: str) -> Answer:
            return self._follow("/v1/events", query, last_id)

        return Stream(connect, Event.of, str(after), patience)

    def log(self, name: str, **query: Union[str, int]) -> LogPage:
        """Return output of a service: the last lines, or the first behind after, from (as
        from_) or since. Others are until, stream ("stdout", "stderr"), grep and limit."""
        return LogPage.of(self._wire.ask("GET", _log(name), _query(query)))

    def follow_log(self, name: str, *, patience: float = 60.0, **query: Union[str, int]) -> "Stream[LogLine]":
        """Return the last lines, or those behind a position or time, and then what is
        written. The query is that of log, without until."""
        begin = _query(query)
        go_on = [(key, value) for key, value in begin if key in ("stream", "grep")]

        def connect(last_id: str) -> Answer:
            return self._follow(_log(name), go_on if last_id else begin, last_id)

        return Stream(connect, LogLine.of, "", patience)

    def _follow(self, path: str, query: Query, last_id: str) -> Answer:
        headers = {**_EVENTS, **({"Last-Event-ID": last_id} if last_id else {})}
        answer = self._wire.open("GET", path, query, headers=headers)
        answer.sock.settimeout(_SILENCE)
        return answer

    # What is sent

    def _encode(self, kind: str, content: Mapping[str, Any], limit: int) -> bytes:
        self._check(kind, content)
        return _files.encode(content, limit)

    def _check(self, kind: str, content: Mapping[str, Any]) -> None:
        if not self._validate:
            return
        if kind not in self._schemas:
            self._schemas[kind] = self.schema(kind)
        # As it will be read: a tuple is a list then.
        _validate.check(kind, json.loads(json.dumps(content)), self._schemas[kind])


def _service(name: str) -> str:
    return "/v1/services/" + quote(_names.check_target(name), safe="@")


def _log(name: str) -> str:
    return "/v1/logs/" + quote(_names.check_target(name), safe="@")


def _match(hash: str) -> Dict[str, str]:
    if not hash:
        return {}
    return {"If-Match": hash if hash == "*" else f'"{hash}"'}


def _filter(services: Iterable[str], types: Iterable[str]) -> Iterator[Tuple[str, str]]:
    yield from (("service", one) for one in services)
    yield from (("type", one) for one in types)


def _query(query: Mapping[str, Union[str, int]]) -> List[Tuple[str, Union[str, int]]]:
    return [(key.rstrip("_"), value) for key, value in query.items()]
