"""A colony by its files, with waiting for what becomes of a request.

    colony = Colony("/var/lib/ncolony")
    colony.add("web", {"args": ["/usr/bin/web", "--port", "80"]})
    print(colony.restart("web").new_pid)

Everything is on one machine, and nothing but the files of the colony is needed.
Times are seconds. A time that is over is a TimeoutError, and the request stands.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple, TypeVar

from ncolony import _files, _names, ctllib
from ncolony.records import Result, Status

__all__ = ["Colony", "NoSupervisor", "NoSuchService", "Refused"]

T = TypeVar("T")

# For so long a status has to stand before it is taken for what became of a spec: it
# is written up to 0.1 s late, and a program may end as soon as it has begun.
_SETTLED = 0.4


class NoSupervisor(Exception):
    """Nobody runs this colony, and so nobody will do what was asked for."""


class NoSuchService(LookupError):
    """The supervisor says nothing of a service with this name."""


class Refused(Exception):
    """The supervisor has not done what was asked for, and says why. result or status
    is what it has written."""

    def __init__(self, reason: str, result: Optional[Result] = None, status: Optional[Status] = None) -> None:
        super().__init__(reason)
        self.result = result
        self.status = status


class Colony:
    """The directories of a colony: those below root (by default $NCOLONY_ROOT), or
    each by itself. Without a root, state is beside messages, as MESSAGES.state."""

    def __init__(
        self,
        root: Optional[_files.Path] = None,
        *,
        config: Optional[_files.Path] = None,
        messages: Optional[_files.Path] = None,
        state: Optional[_files.Path] = None,
    ) -> None:
        root = root or os.environ.get("NCOLONY_ROOT") or None
        if root is None:
            if config is None or messages is None:
                raise ValueError("find colony: neither a root, nor NCOLONY_ROOT, nor config and messages are given")
            state = state or os.path.normpath(messages) + ".state"
        base = os.fspath(root or "")
        self.config = os.path.abspath(config or os.path.join(base, "config"))
        self.messages = os.path.abspath(messages or os.path.join(base, "messages"))
        self.state = os.path.abspath(state or os.path.join(base, "state"))

    @property
    def places(self) -> ctllib.Places:
        """The directories as ctllib takes them."""
        return ctllib.Places(self.config, self.messages)

    def alive(self) -> bool:
        """Return whether a supervisor runs this colony."""
        try:
            fd = os.open(os.path.join(self.state, "lock"), os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(fd, fcntl.LOCK_UN)  # not by closing: a fork may have the descriptor
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(fd)

    def status(self, name: str) -> Status:
        """Return what the supervisor says, or last said, of a service."""
        status = self._status(_names.check_target(name))
        if status is None:
            raise NoSuchService(name)
        return status

    def _status(self, name: str) -> Optional[Status]:
        try:
            return Status.of(_files.read(os.path.join(self.state, "status", name + ".json")))
        except FileNotFoundError:
            return None

    def statuses(self) -> List[Status]:
        """Return the status of every service and helper, by name."""
        try:
            files = sorted(os.listdir(os.path.join(self.state, "status")))
        except FileNotFoundError:
            return []
        names = [file[: -len(".json")] for file in files if file.endswith(".json") and not file.startswith(".")]
        return [status for status in map(self._status, names) if status is not None]

    def add(self, name: str, spec: Mapping[str, Any], timeout: float = 30.0) -> Status:
        """Write a spec and wait until the service runs by it and is ready, has ended
        well, or is not to run now. Refused: it does not come to that. A file with
        instances is waited for by its first."""
        if not self.alive():
            raise NoSupervisor(self.state)
        content = _files.encode(spec, _files.MAX_SPEC)
        _files.write_spec(self.config, name, content)
        self.request({"type": "RESCAN"}, timeout)
        service = f"{name}@1" if spec.get("instances") else name
        look = self._steady(service, hashlib.sha256(content).hexdigest())
        status = self._until(look, timeout, f"add {name}")
        if status.spec_error:
            raise Refused(status.spec_error, status=status)
        if not _well(status, spec.get("success_codes", [0])):
            raise Refused(status.reason or str(status.last_exit or status.state), status=status)
        return status

    def _steady(self, name: str, digest: str) -> Callable[[], Optional[Status]]:
        """Return a look that sees a status once it is about this spec and stands still."""
        seen: Optional[Tuple[Any, ...]] = None
        since = 0.0

        def look() -> Optional[Status]:
            nonlocal seen, since
            status = self._status(name)
            said = None
            if status is not None and (status.spec_error or status.spec_sha256 == digest and _at_rest(status)):
                said = (status.generation, status.state, status.spec_error)
            if said != seen:
                seen, since = said, time.monotonic()
            return status if said and time.monotonic() - since >= _SETTLED else None

        return look

    def remove(self, name: str, timeout: float = 30.0) -> None:
        """Remove a spec and wait until nothing of the service is left."""
        if not _files.spec_files(self.config, name):
            raise NoSuchService(name)
        _files.remove_spec(self.config, name)
        if not self.alive():
            raise NoSupervisor(self.state)
        self._until(lambda: None if self._any(name) else True, timeout, f"remove {name}")

    def _any(self, name: str) -> bool:
        return any(status.name.partition("@")[0] == name for status in self.statuses())

    def restart(self, name: str, timeout: float = 30.0) -> Result:
        """Give a service a new life, and wait until that is ready."""
        return self.request({"type": "RESTART", "name": name}, timeout)

    def start(self, name: str, timeout: float = 30.0) -> Result:
        """Start a service that is down, and wait until it is ready."""
        return self.request({"type": "START", "name": name}, timeout)

    def stop(self, name: str, timeout: float = 30.0) -> Result:
        """Keep a service down until a start, and wait until nothing of it is left."""
        return self.request({"type": "STOP", "name": name}, timeout)

    def signal(self, name: str, signal: str, timeout: float = 30.0) -> Result:
        """Send a signal, such as "HUP", to the main process of a service."""
        return self.request({"type": "SIGNAL", "name": name, "signal": signal}, timeout)

    def request(self, message: Mapping[str, Any], timeout: float = 30.0) -> Result:
        """Send any message and wait for its result. Refused: it is not ok;
        NoSuchService: for that reason."""
        if not self.alive():
            raise NoSupervisor(self.state)
        file = os.path.join(self.state, "results", _files.send(self.messages, message) + ".json")
        result = self._until(lambda: _finished(file), timeout, f"request {message.get('type')}")
        if result.error.startswith("no such service"):
            raise NoSuchService(message.get("name"))
        if not result.ok:
            raise Refused(result.error, result=result)
        return result

    def _until(self, look: Callable[[], Optional[T]], timeout: float, what: str) -> T:
        """Look until there is something to see, the time is over, or nobody is left
        who could do anything."""
        end = time.monotonic() + timeout
        pause = 0.005
        while True:
            alive = self.alive()  # before the look: the last deed may be what we wait for
            seen = look()
            if seen is not None:
                return seen
            if not alive:
                raise NoSupervisor(self.state)
            if time.monotonic() >= end:
                raise TimeoutError(f"{what}: not within {timeout} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)


def _at_rest(status: Status) -> bool:
    return status.state not in ("waiting", "starting", "stopping") or status.waiting_for == ("@schedule",)


def _well(status: Status, success_codes: Sequence[int]) -> bool:
    if status.state == "exited":
        return status.last_exit is not None and status.last_exit.code in success_codes
    return status.state not in ("backoff", "failed")


def _finished(path: str) -> Optional[Result]:
    try:
        result = Result.of(_files.read(path))
    except FileNotFoundError:
        return None
    return result if result.finished is not None else None
