"""Which names a service may have, as docs/format.md of ncolony says."""

from __future__ import annotations

import re

_GOOD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*", re.ASCII)
_MAX_LENGTH = 100

# What the supervisor passes over in a config directory: files in the making, and
# what editors and package managers leave behind.
_LEFTOVERS = ("~", ".new", ".tmp", ".swp", ".swx", ".bak", ".orig", ".rej")
_PACKAGED = (".dpkg-", ".rpm")


class BadName(ValueError):
    """No service can have this name."""


def check(name: str) -> str:
    """Return name, if a service may have it. BadName says why not."""
    cause = _fault(name)
    if cause:
        raise BadName(f"name {name!r}: {cause}")
    return name


def check_target(name: str) -> str:
    """Return name, if a message may name it: a service, an instance of one (web@2)
    or a helper (@heartcheck)."""
    if not isinstance(name, str):
        raise BadName(f"name {name!r}: not text")
    base = name[1:] if name.startswith("@") else name
    cause = _fault(re.sub(r"(?<=.)@[0-9]+\Z", "", base))
    if cause:
        raise BadName(f"name {name!r}: {cause}")
    return name


def _fault(name: str) -> str:
    if not isinstance(name, str):
        return "not text"
    if not name:
        return "must not be empty"
    if len(name) > _MAX_LENGTH:
        return f"longer than {_MAX_LENGTH} characters"
    if name.endswith(_LEFTOVERS) or any(part in name for part in _PACKAGED):
        return "files of such names are ignored"
    if not _GOOD.fullmatch(name):
        return "must begin with a letter, a digit or _, and go on with letters, digits and . _ + -"
    if name.lower().endswith(".json"):
        return 'must not end in ".json", which only the file may'
    return ""
