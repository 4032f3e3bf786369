"""What the supervisor says, as it stands in the files of state/ and in the answers of
the API. docs/format.md of ncolony tells what each key means.

Every record keeps the object that it was made of in raw: keys that are not known
here are there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Mapping, Optional, Tuple

Object = Mapping[str, Any]


def parse_time(text: Optional[str]) -> Optional[datetime]:
    """Return the time that RFC 3339 text means, to the microsecond; None for none."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text, re.ASCII)
    if found is None:
        raise ValueError(f"time {text!r}: not as in RFC 3339")
    seconds, fraction, zone = found.groups()
    whole = datetime.fromisoformat(f"{seconds}.{(fraction or '')[:6]:0<6}{'+00:00' if zone == 'Z' else zone}")
    return whole.astimezone(timezone.utc)


@dataclass(frozen=True)
class Exit:
    """How a life ended: one of code, signal, unknown and spawn_error."""

    code: Optional[int]
    signal: str
    unknown: bool
    spawn_error: str
    reason: str  # why the supervisor has ended it as a failure
    ran: float  # seconds
    raw: Object = field(repr=False, compare=False)

    @classmethod
    def of(cls, raw: Optional[Object]) -> Optional["Exit"]:
        if raw is None:
            return None
        return cls(
            code=raw.get("code"),
            signal=raw.get("signal", ""),
            unknown=raw.get("unknown", False),
            spawn_error=raw.get("spawn_error", ""),
            reason=raw.get("reason", ""),
            ran=raw.get("ran", 0.0),
            raw=raw,
        )

    def __str__(self) -> str:
        if self.spawn_error:
            return self.spawn_error
        how = "end unknown" if self.code is None else f"exit code {self.code}"
        if self.signal:
            how = f"signal {self.signal}"
        return f"{how}: {self.reason}" if self.reason else how


@dataclass(frozen=True)
class Status:
    """How a service is."""

    name: str
    state: str
    since: Optional[datetime]
    pid: int  # 0: none
    generation: int
    restarts: int
    ready: bool
    last_exit: Optional[Exit]
    next_start: Optional[datetime]
    spec_sha256: str  # of the spec in force; "": none
    spec_error: str  # what is wrong with the spec as it stands; "": nothing
    warnings: Tuple[str, ...]
    waiting_for: Tuple[str, ...]
    status_text: str
    reason: str
    raw: Object = field(repr=False, compare=False)

    @classmethod
    def of(cls, raw: Object) -> "Status":
        return cls(
            name=raw["name"],
            state=raw["state"],
            since=parse_time(raw.get("since")),
            pid=raw.get("pid", 0),
            generation=raw.get("generation", 0),
            restarts=raw.get("restarts", 0),
            ready=raw.get("ready", False),
            last_exit=Exit.of(raw.get("last_exit")),
            next_start=parse_time(raw.get("next_start")),
            spec_sha256=raw.get("spec_sha256", ""),
            spec_error=(raw.get("spec_error") or {}).get("message", ""),
            warnings=tuple(raw.get("warnings") or ()),
            waiting_for=tuple(raw.get("waiting_for") or ()),
            status_text=raw.get("status_text", ""),
            reason=raw.get("reason", ""),
            raw=raw,
        )


@dataclass(frozen=True)
class Result:
    """What became of a request, or of the part of it that is about one service."""

    ok: bool
    error: str  # why not; "": it was done
    type: str
    name: str
    old_pid: int  # 0: none
    new_pid: int
    finished: Optional[datetime]
    services: Tuple["Result", ...]
    raw: Object = field(repr=False, compare=False)

    @classmethod
    def of(cls, raw: Object) -> "Result":
        return cls(
            ok=raw["ok"],
            error=raw.get("error", ""),
            type=raw.get("type", ""),
            name=raw.get("name", ""),
            old_pid=raw.get("old_pid", 0),
            new_pid=raw.get("new_pid", 0),
            finished=parse_time(raw.get("finished")),
            services=tuple(cls.of(part) for part in raw.get("services") or ()),
            raw=raw,
        )
