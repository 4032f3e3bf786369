"""Specs and messages as files, with the names of the Python NColony's ctllib.

Nothing is asked of a supervisor, and nothing is waited for: what is written is
obeyed by the one that runs, or by the next. Module colony also waits.

A file is written under a temporary name, synced and renamed. A name that the
supervisor would refuse is a BadName, and what it could not read a ValueError; both
before anything is written. What the disk refuses is an OSError.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Sequence

from ncolony import _files
from ncolony._names import BadName

__all__ = ["BadName", "PARSER", "Places", "add", "call", "main", "remove", "restart", "restartAll", "restartGroup"]


class Places(NamedTuple):
    """The directories of a colony that one writes to. They have to exist."""

    config: _files.Path
    messages: _files.Path


def add(
    places: Places,
    name: str,
    cmd: str,
    args: Optional[Sequence[str]],
    env: Optional[Iterable[str]] = None,
    uid: Optional[int] = None,
    gid: Optional[int] = None,
    extras: Optional[Mapping[str, Any]] = None,
    env_inherit: Optional[Sequence[str]] = None,
) -> None:
    """Write the spec of a service: a new one, or in place of the one there is.

    cmd is its program and args are its arguments. env is a list of NAME=VALUE,
    env_inherit of names of the supervisor's variables. extras are further keys,
    which win over those of the other parameters.
    """
    spec: Dict[str, Any] = {"args": [cmd, *(args or ())]}
    if env is not None:
        spec["env"] = dict(_variable(text) for text in env)
    for key, value in (("uid", uid), ("gid", gid), ("env_inherit", env_inherit)):
        if value is not None:
            spec[key] = value
    spec.update(extras or {})
    _files.write_spec(places.config, name, _files.encode(spec, _files.MAX_SPEC))


def _variable(text: str) -> "tuple[str, str]":
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ValueError(f"env {text!r}: not NAME=VALUE")
    return name, value


def remove(places: Places, name: str) -> None:
    """Remove the spec of a service, which ends it. FileNotFoundError: there is none."""
    _files.remove_spec(places.config, name)


def restart(places: Places, name: str) -> None:
    """Ask for a new life of a service, whatever it is doing now."""
    _files.send(places.messages, {"type": "RESTART", "name": name})


def restartAll(places: Places) -> None:
    """Ask for a new life of every service that nobody has stopped."""
    _files.send(places.messages, {"type": "RESTART-ALL"})


def restartGroup(places: Places, group: str) -> None:
    """Ask for a new life of every service in a restart group."""
    _files.send(places.messages, {"type": "RESTART-GROUP", "group": group})


def _object(path: str) -> Dict[str, Any]:
    try:
        return _files.read(path)
    except (OSError, ValueError) as err:
        raise argparse.ArgumentTypeError(str(err)) from err


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ncolony ctl")
    parser.add_argument("--messages", required=True, help="directory of requests")
    parser.add_argument("--config", required=True, help="directory of specs")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    adding = verbs.add_parser("add", help="write a spec")
    adding.add_argument("name")
    adding.add_argument("--cmd", required=True, help="program")
    adding.add_argument("--arg", dest="args", action="append", help="an argument of it; may be repeated")
    adding.add_argument("--env", action="append", metavar="NAME=VALUE", help="a variable; may be repeated")
    adding.add_argument("--uid", type=int)
    adding.add_argument("--gid", type=int)
    adding.add_argument("--extras", type=_object, metavar="FILE", help="JSON object of further keys")
    adding.add_argument("--env-inherit", action="append", metavar="NAME", help="a variable of the supervisor; may be repeated")
    adding.set_defaults(func=add)

    for verb, func, what in (("remove", remove, "name"), ("restart", restart, "name"), ("restart-group", restartGroup, "group")):
        one = verbs.add_parser(verb)
        one.add_argument(what)
        one.set_defaults(func=func)
    verbs.add_parser("restart-all").set_defaults(func=restartAll)
    return parser


PARSER = _parser()


def call(results: argparse.Namespace) -> None:
    """Call results.func with the places that results names, and with all else there
    is in it as keywords."""
    params = dict(vars(results))
    places = Places(config=params.pop("config"), messages=params.pop("messages"))
    params.pop("func")(places, **params)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Do what a command line says, without the name of the program and with or
    without a first "ctl"; by default that of this process."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["ctl"]:
        del argv[0]
    call(PARSER.parse_args(argv))
