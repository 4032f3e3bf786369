"""What ncolony-serve answers. docs/api.md of ncolony tells what each key means; raw is
the object itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Mapping, Optional, Tuple

from ncolony.api.problem import Fault
from ncolony.records import Exit, Object, Result, Status, parse_time


def _status(raw: Optional[Object]) -> Optional[Status]:
    return None if raw is None else Status.of(raw)


@dataclass(frozen=True)
class Item:
    """A service in a list. file is the service of its spec: "web" of web@2, "" if it
    has none. Without a status the supervisor has said nothing of it yet."""

    name: str
    file: str
    groups: Tuple[str, ...]
    status: Optional[Status]

    @classmethod
    def of(cls, raw: Object) -> "Item":
        return cls(raw["name"], raw["file"], tuple(raw["groups"]), _status(raw["status"]))


@dataclass(frozen=True)
class Page:
    """A part of the list of services. next is after for the page behind it, "" if this
    is the last; total counts those of all pages. Without a supervisor statuses are
    those of the past."""

    services: Tuple[Item, ...]
    next: str
    total: int
    supervisor: bool

    @classmethod
    def of(cls, raw: Object) -> "Page":
        return cls(tuple(map(Item.of, raw["services"])), raw.get("next", ""), raw["total"], raw["supervisor"])


@dataclass(frozen=True)
class Service:
    """What there is to know of a service. spec is None if it has none, it is no JSON,
    or it is not for the caller; hash is that of its file, for if_match."""

    name: str
    file: str
    spec: Optional[Mapping[str, Any]]
    hash: str
    faults: Tuple[Fault, ...]
    status: Optional[Status]
    instances: Tuple[Status, ...]
    stopped: bool  # for good, by a STOP
    raw: Object = field(repr=False, compare=False)

    @classmethod
    def of(cls, raw: Object) -> "Service":
        return cls(
            name=raw["name"],
            file=raw["file"],
            spec=raw["spec"],
            hash=raw["spec_sha256"],
            faults=tuple(Fault(f.get("field", ""), f["message"], f.get("line", 0), f.get("column", 0)) for f in raw["faults"]),
            status=_status(raw["status"]),
            instances=tuple(map(Status.of, raw["instances"])),
            stopped=raw["stopped"] is not None,
            raw=raw,
        )


@dataclass(frozen=True)
class Written:
    """A spec that was written, and the status of its service if that was waited for."""

    name: str
    hash: str
    created: bool
    status: Optional[Status]

    @classmethod
    def of(cls, raw: Object) -> "Written":
        return cls(raw["name"], raw["spec_sha256"], raw["created"], _status(raw["status"]))


@dataclass(frozen=True)
class Sent:
    """A message that was sent, by the name of its file, and its result, if that is
    known."""

    request: str
    result: Optional[Result]

    @classmethod
    def of(cls, raw: Object) -> "Sent":
        return cls(raw["request"], None if raw["result"] is None else Result.of(raw["result"]))


@dataclass(frozen=True)
class Report:
    """The colony as a whole. colony is what stands in state/colony.json, None if the
    supervisor has said nothing yet."""

    supervisor: bool
    pid: int
    colony: Optional[Object]

    @classmethod
    def of(cls, raw: Object) -> "Report":
        return cls(raw["supervisor"], raw["pid"], raw["colony"])


@dataclass(frozen=True)
class Event:
    """Something that happened. seq only grows."""

    seq: int
    time: Optional[datetime]
    type: str
    name: str  # of the service; "": of the colony
    generation: int
    pid: int
    exit: Optional[Exit]
    reason: str
    error: str
    raw: Object = field(repr=False, compare=False)

    @classmethod
    def of(cls, raw: Object) -> "Event":
        return cls(
            seq=raw["seq"],
            time=parse_time(raw["time"]),
            type=raw["type"],
            name=raw.get("name", ""),
            generation=raw.get("generation", 0),
            pid=raw.get("pid", 0),
            exit=Exit.of(raw.get("exit")),
            reason=raw.get("reason", ""),
            error=raw.get("error", ""),
            raw=raw,
        )


@dataclass(frozen=True)
class EventPage:
    """A part of the events, the oldest first. next is after for what comes behind."""

    events: Tuple[Event, ...]
    next: int

    @classmethod
    def of(cls, raw: Object) -> "EventPage":
        return cls(tuple(map(Event.of, raw["events"])), raw["next"])


@dataclass(frozen=True)
class LogLine:
    """A line of a service's output. at is its position; partial: it has no end yet, or
    goes on in the next."""

    time: Optional[datetime]
    service: str
    stream: str  # "stderr" if that is kept apart and it is of it
    line: str
    partial: bool
    at: str

    @classmethod
    def of(cls, raw: Object) -> "LogLine":
        return cls(parse_time(raw["time"]), raw["service"], raw.get("stream", ""), raw["line"], raw.get("partial", False), raw["at"])


@dataclass(frozen=True)
class LogPage:
    """A part of the output, the oldest line first. next is after for what comes behind,
    "" if there is none."""

    lines: Tuple[LogLine, ...]
    next: str

    @classmethod
    def of(cls, raw: Object) -> "LogPage":
        return cls(tuple(map(LogLine.of, raw["lines"])), raw.get("next", ""))
