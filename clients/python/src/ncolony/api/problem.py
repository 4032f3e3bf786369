"""What goes wrong when something is asked of ncolony-serve."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence, Tuple

from ncolony.records import Result


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with what was sent. Line and column count from 1; 0: it
    has no place."""

    field: str  # the parameter, or the key of the spec, as in "args[0]"
    message: str
    line: int = 0
    column: int = 0


class Problem(Exception):
    """The server has not done what was asked for (RFC 9457).

    code is a word that programs go by, such as "not-found", "invalid",
    "precondition-failed", "conflict" or "timeout"; docs/api.md has them all. status is
    the number of HTTP, 0 if it was not sent at all because it could not be right.
    request is the message that was sent and result what the supervisor made of it,
    where there is one.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        field: str = "",
        faults: Sequence[Fault] = (),
        request: str = "",
        result: Optional[Result] = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.faults: Tuple[Fault, ...] = tuple(faults)
        self.request = request
        self.result = result

    @classmethod
    def of(cls, status: int, reason: str, body: bytes) -> "Problem":
        """Return what a problem document says, or its status if it is none."""
        try:
            said = json.loads(body)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            return cls(status, "", f"HTTP {status} {reason}")
        result: Optional[Mapping[str, Any]] = said.get("result")
        return cls(
            status,
            said.get("code", ""),
            said.get("detail") or said.get("title") or f"HTTP {status} {reason}",
            said.get("field", ""),
            [Fault(f.get("field", ""), f.get("message", ""), f.get("line", 0), f.get("column", 0)) for f in said.get("faults") or ()],
            said.get("request", ""),
            None if result is None else Result.of(result),
        )
