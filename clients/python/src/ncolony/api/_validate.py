"""What the published JSON Schemas say of something, where jsonschema is installed."""

from __future__ import annotations

import importlib
from typing import Any, Iterable, List, Mapping, Union

from ncolony.api.problem import Fault, Problem


def installed() -> bool:
    """Return whether anything can be said."""
    try:
        importlib.import_module("jsonschema")
    except ImportError:
        return False
    return True


def check(kind: str, content: Any, schema: Mapping[str, Any]) -> None:
    """Raise a Problem, as the server would, if content is not as the schema wants it."""
    validator = importlib.import_module("jsonschema").Draft202012Validator(schema)
    faults: List[Fault] = [Fault(_field(error.absolute_path), error.message) for error in validator.iter_errors(content)]
    if faults:
        first = faults[0]
        detail = f"{kind}: " + (f"{first.field}: " if first.field else "") + first.message
        raise Problem(0, "invalid", detail, first.field, faults)


def _field(path: Iterable[Union[str, int]]) -> str:
    field = ""
    for part in path:
        field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else part
    return field
