"""Real colonies for tests: each in a directory of its own, ended with the test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, TypeVar

from ncolony.colony import Colony
from ncolony.records import Status

T = TypeVar("T")

PATIENCE = 60.0  # seconds; only a failing test takes them
SOURCE = str(Path(__file__).resolve().parent.parent / "src")


class DirectoryCase(unittest.TestCase):
    """A test with a directory."""

    def setUp(self) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="ncolony-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def eventually(self, what: str, look: Callable[[], Optional[T]]) -> T:
        """Return what look sees as soon as that is true of something."""
        end = time.monotonic() + PATIENCE
        while True:
            seen = look()
            if seen:
                return seen
            if time.monotonic() > end:
                self.fail(f"not within {PATIENCE} s: {what}")
            time.sleep(0.01)

    def environ(self, **variables: Optional[str]) -> None:
        """Change variables of the environment until the test is over."""
        before = {name: os.environ.get(name) for name in variables}
        self.addCleanup(_set, before)
        _set(variables)


def _set(variables: Dict[str, Optional[str]]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


class ColonyCase(DirectoryCase):
    """A test with the directories of a colony and, after supervise, a supervisor."""

    def setUp(self) -> None:
        super().setUp()
        (self.dir / "config").mkdir()
        (self.dir / "messages").mkdir()
        self.colony = Colony(self.dir)

    def supervise(self, *flags: str) -> "subprocess.Popen[bytes]":
        program = os.environ.get("NCOLONY")
        if not program:
            self.skipTest("needs the supervisor: its path in NCOLONY")
        with open(self.dir / "log", "ab") as log:
            supervisor = subprocess.Popen([program, "--root", str(self.dir), "--frequency", "0.5", *flags], stderr=log)
        self.addCleanup(self._end, supervisor)
        self.eventually("the supervisor is up", lambda: self.colony.alive() and (self.dir / "state/colony.json").exists())
        return supervisor

    def _end(self, supervisor: "subprocess.Popen[bytes]") -> None:
        supervisor.terminate()
        try:
            code = supervisor.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            code = supervisor.wait()
        if code == 0:
            return
        if code != -signal.SIGKILL:
            print((self.dir / "log").read_text(), file=sys.stderr)
            self.fail(f"the supervisor has ended with {code}")
        for status in self.colony.statuses():  # what a killed one leaves; each has a group
            if status.pid:
                try:
                    os.killpg(status.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def running(self, name: str, before: int = 0) -> Status:
        """Wait until a service runs with another pid than before."""

        def look() -> Optional[Status]:
            found = [status for status in self.colony.statuses() if status.name == name]
            return found[0] if found and found[0].state == "running" and found[0].pid != before else None

        return self.eventually(f"{name} runs, and not as {before}", look)

    def gone(self, name: str) -> None:
        self.eventually(f"{name} is gone", lambda: name not in [status.name for status in self.colony.statuses()])

    def program(self, text: str) -> List[str]:
        """Return the command of a Python program that can import the package."""
        return [sys.executable, "-c", text]

    def spec(self, text: str, **more: Any) -> Dict[str, Any]:
        """Return a spec for such a program."""
        return {"args": self.program(text), "env": {"PYTHONPATH": SOURCE}, **more}
