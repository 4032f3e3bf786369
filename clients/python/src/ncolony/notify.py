"""What a service tells the supervisor about itself, by the protocol of sd_notify(3).

A program with a loop of its own, ready by "ready": {"notify": true} and with a
"watchdog" in its spec, or without either:

    with notify.Life() as life:
        server = open_everything()
        life.ready("serving on port 80")
        while not life.wait(1.0):       # true once it is to end
            server.work()

TERM and INT end the loop, and WATCHDOG=1 is said from within wait as often as the
supervisor wants to hear it, so that a loop that hangs is found out. An asyncio
program has "await life.stopped()" in place of the loop.

Outside a supervisor that wants to hear of it nothing is sent, and TERM and INT end
the loop all the same.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import time
from types import FrameType
from typing import Any, Dict, Optional, Sequence

__all__ = ["Life", "notify", "watchdog_interval"]


def notify(*lines: str) -> bool:
    """Send lines of KEY=VALUE in one datagram. Return whether somebody wants to hear
    them: without NOTIFY_SOCKET nothing is sent. It never waits: a datagram for which
    there is no room is an OSError, as is one for a supervisor that is gone."""
    for line in lines:
        if "\n" in line or "=" not in line:
            raise ValueError(f"notify {line!r}: not a line of KEY=VALUE")
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address[0] not in "/@":
        raise ValueError(f"notify NOTIFY_SOCKET {address!r}: neither a path nor an abstract name")
    if address[0] == "@":
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto("\n".join(lines).encode("utf-8", "replace"), address)
    return True


def watchdog_interval() -> Optional[float]:
    """Return how many seconds there should be between two WATCHDOG=1, which is half
    of what the supervisor allows; None if it does not wait for them. The environment
    of a child says the same, unless WATCHDOG_PID names another process."""
    allowed = os.environ.get("WATCHDOG_USEC", "")
    if not allowed.isascii() or not allowed.isdigit() or int(allowed) == 0:
        return None
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(allowed) / 2e6


class Life:
    """This process as a service, from its start to the signal that ends it.

    While a with statement runs, the signals set stopping instead of what they did
    before. It belongs to the main thread, as signals do. fileno() is readable from
    the first signal on, for select and the like; but who does not call wait or
    stopped has to call watchdog. error is what was wrong with the latest
    notification, None if nothing was: a service goes on when nobody hears it.
    """

    def __init__(self, signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT)) -> None:
        self.stopping = False
        self.error: Optional[OSError] = None
        self._signals = signals
        self._former: Dict[signal.Signals, Any] = {}
        self._interval = watchdog_interval()
        self._due = time.monotonic()  # when to say WATCHDOG=1 next
        self._said_stopping = False
        self._reader, self._writer = -1, -1

    def __enter__(self) -> "Life":
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        for number in self._signals:
            self._former[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)
        self._former.clear()
        reader, writer, self._reader, self._writer = self._reader, self._writer, -1, -1
        os.close(reader)
        os.close(writer)

    def _on_signal(self, number: int, frame: Optional[FrameType]) -> None:
        self.stop()

    def stop(self) -> None:
        """Do as if a signal had come. Any thread may call it."""
        # A lock could be held by what the signal has interrupted; a pipe cannot.
        if not self.stopping:
            self.stopping = True
            if self._writer >= 0:
                os.write(self._writer, b".")

    def fileno(self) -> int:
        return self._reader

    def ready(self, status: str = "") -> None:
        """Say that the service does its work, and in words what."""
        self._tell("READY=1", *([_status(status)] if status else []))
        self.watchdog()

    def status(self, text: str) -> None:
        """Say in words how it is; the supervisor shows 512 bytes of it."""
        self._tell(_status(text))

    def extend(self, seconds: float) -> None:
        """Ask for so many seconds from now, for a start, an end or one long step."""
        self._tell(f"EXTEND_TIMEOUT_USEC={max(1, int(seconds * 1e6))}")

    def reloading(self) -> None:
        """Say that the configuration is read anew, until ready is called."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def watchdog(self) -> None:
        """Say that the service does not hang, if that is due."""
        if self._interval is not None and time.monotonic() >= self._due:
            self._due = time.monotonic() + self._interval
            self._tell("WATCHDOG=1")

    def wait(self, seconds: Optional[float] = None) -> bool:
        """Return true as soon as the service is to end, or false when the seconds are
        over. None waits for the end, which shows only that this thread goes on."""
        end = None if seconds is None else time.monotonic() + max(0.0, seconds)
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        while not self.stopping:
            pause = self._pause(end)
            if poll.poll(None if pause is None else pause * 1000):
                break
            if end is not None and time.monotonic() >= end:
                break
        return self._ended()

    def _pause(self, end: Optional[float]) -> Optional[float]:
        """Say WATCHDOG=1 if it is due, and return how long to wait now."""
        self.watchdog()
        times = [end] if end is not None else []
        if self._interval is not None:
            times.append(self._due)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _ended(self) -> bool:
        if self.stopping and not self._said_stopping:
            self._said_stopping = True
            self._tell("STOPPING=1")
        return self.stopping

    async def stopped(self) -> None:
        """Return when the service is to end; until then the event loop says WATCHDOG=1."""
        loop = asyncio.get_running_loop()
        signalled = asyncio.Event()
        loop.add_reader(self._reader, signalled.set)
        try:
            while not self.stopping:
                try:
                    await asyncio.wait_for(signalled.wait(), self._pause(None))
                except asyncio.TimeoutError:
                    pass
        finally:
            loop.remove_reader(self._reader)
        self._ended()

    def _tell(self, *lines: str) -> None:
        try:
            notify(*lines)
            self.error = None
        except OSError as err:
            self.error = err


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.splitlines())
