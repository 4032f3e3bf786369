"""Heartbeats of a service that is watched by its heartbeat file.

A service whose spec has the key "ncolony.beatcheck" has to change the time of one
file at least once a period, or else is restarted. The best place to beat is where
the work is done, so that a hang is seen:

    for job in jobs:
        heart.beat()
        job.do()

An asyncio program beats from its loop, and any other from a thread, which shows no
more than that the process is there:

    async with heart.beating():         with heart.beating():
        await serve()                       serve()

All of them do nothing outside ncolony, or if the spec asks for no beats. What they
raise is a ValueError for a NCOLONY_CONFIG that cannot be understood; beat() also
raises the OSError of a file that cannot be touched.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import os
import re
import threading
from typing import Any, Callable, Optional, Union

Path = Union[str, "os.PathLike[str]"]

__all__ = ["Beating", "Heart", "beat", "beating", "from_env", "makeService", "maybeAddHeart", "wrapHeart"]


class Heart:
    """A heartbeat file.

    path is that file or, if it is a directory when the heart beats, the directory
    in which the file is called name. period is the time in seconds within which
    the file has to change; 0: nobody has said.
    """

    def __init__(self, path: Path, period: float = 0.0, name: str = "") -> None:
        self.path = path
        self.period = period
        self.name = name

    @property
    def interval(self) -> float:
        """Seconds between two beats: a third of the period, so that one may be late."""
        return max(self.period / 3, 0.001)

    def getFile(self) -> str:
        """Return the path that a beat would touch now."""
        path = os.fspath(self.path)
        if not path.endswith(os.sep) and not os.path.isdir(path):
            return path
        if not self.name or self.name in (".", "..") or os.sep in self.name:
            raise ValueError(f"beat in directory {path!r}: NCOLONY_NAME {self.name!r} is not a file name")
        return os.path.join(path, self.name)

    def beat(self) -> None:
        """Make the time of the file now, and the file if need be, but no directory.
        It is enough that the file may be written to, whoever owns it."""
        path = self.getFile()
        try:
            os.utime(path)
        except FileNotFoundError:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o644))
            os.utime(path)


def from_env() -> Optional[Heart]:
    """Return the heart that the environment asks for, None if it asks for none."""
    config = os.environ.get("NCOLONY_CONFIG")
    if not config:
        return None
    try:
        spec = json.loads(config)
        check = spec.get("ncolony.beatcheck")
        if check is None:
            return None
        return Heart(_status(check.get("status")), _seconds(check.get("period")), os.environ.get("NCOLONY_NAME", ""))
    except (AttributeError, ValueError) as err:
        raise ValueError(f"parse NCOLONY_CONFIG: {err}") from err


def _status(status: Any) -> str:
    if not isinstance(status, str) or not status or "\0" in status:
        raise ValueError(f"ncolony.beatcheck: status: {status!r} is no path")
    return status


_UNITS = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)", re.ASCII)
_LONGEST = 10 * 365 * 24 * 3600.0


def _seconds(period: Any) -> float:
    """Return the seconds of a duration: a number, or text of one or with units."""
    seconds = -1.0
    if isinstance(period, (int, float)) and not isinstance(period, bool):
        seconds = float(period)
    elif isinstance(period, str):
        if re.fullmatch(f"({_PART.pattern})+", period):
            seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(period))
        elif re.fullmatch(r"[0-9.eE+-]+", period):
            seconds = float(period)
    if not 0 < seconds <= _LONGEST:
        raise ValueError(f"ncolony.beatcheck: period: {period!r} is no time above zero and up to 10 years")
    return seconds


@functools.lru_cache(maxsize=None)
def _own() -> Optional[Heart]:
    return from_env()


def beat() -> None:
    """Beat once, or do nothing if nobody expects it. The environment is read once."""
    heart = _own()
    if heart is not None:
        heart.beat()


class Beating:
    """Beats of a heart at its interval, while a with or async with statement runs.

    A beat that fails is tried again when the next one is due. error is what was
    wrong with the latest, and on_error is called with each. Without a heart
    nothing happens.
    """

    def __init__(self, heart: Optional[Heart], on_error: Optional[Callable[[Exception], None]] = None) -> None:
        self.heart = heart
        self.error: Optional[Exception] = None
        self._on_error = on_error
        self._over = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._task: Optional["asyncio.Task[None]"] = None

    def beat(self) -> None:
        """Beat once. No error comes out of it, but of on_error itself."""
        try:
            if self.heart is not None:
                self.heart.beat()
            self.error = None
        except (OSError, ValueError) as err:
            self.error = err
            if self._on_error is not None:
                self._on_error(err)

    def start(self) -> None:
        """Beat now, and then from a thread, which ends with the process or by stop."""
        if self.heart is None or self._thread is not None:
            return
        self._over.clear()
        self.beat()
        self._thread = threading.Thread(target=self._forever, args=(self.heart.interval,), name="heart", daemon=True)
        self._thread.start()

    def _forever(self, interval: float) -> None:
        while not self._over.wait(interval):
            self.beat()

    def stop(self) -> None:
        """Beat no more once this has returned."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    async def run(self) -> None:
        """Beat from the event loop until this is cancelled; return if there is no heart."""
        while self.heart is not None:
            self.beat()
            await asyncio.sleep(self.heart.interval)

    def __enter__(self) -> "Beating":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> "Beating":
        self._task = asyncio.ensure_future(self.run())
        await asyncio.sleep(0)  # for the first beat
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])


def beating(on_error: Optional[Callable[[Exception], None]] = None) -> Beating:
    """Return the beats that the environment asks for."""
    return Beating(from_env(), on_error)


def makeService() -> Any:
    """Return a service of Twisted that beats from the reactor, None if nobody expects
    beats. Programs without Twisted use beating()."""
    heart = from_env()
    if heart is None:
        return None
    return importlib.import_module("twisted.application.internet").TimerService(heart.interval, Beating(heart).beat)


def maybeAddHeart(master: Any) -> None:
    """Add what makeService returns to a service collection of Twisted."""
    service = makeService()
    if service is not None:
        service.setName("heart")
        service.setServiceParent(master)


def wrapHeart(service: Any) -> Any:
    """Return a MultiService of Twisted with this service and a heart."""
    master = importlib.import_module("twisted.application.service").MultiService()
    service.setServiceParent(master)
    maybeAddHeart(master)
    return master
