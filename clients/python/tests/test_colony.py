"""colony: what is waited for, and that no wait outlives whom it waits for."""

from __future__ import annotations

import os
import threading
import time
import unittest
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Tuple
from unittest import mock

from ncolony import _files
from ncolony.colony import Colony, NoSupervisor, NoSuchService, Refused
from ncolony.records import Exit, parse_time
from supervised import PATIENCE, ColonyCase, DirectoryCase

SLEEP: Dict[str, Any] = {"args": ["/bin/sleep", "1000"]}


class TestPlaces(DirectoryCase):
    def test_root(self) -> None:
        self.environ(NCOLONY_ROOT=None)
        colony = Colony(self.dir, state="/s")
        self.assertEqual(colony.places, (f"{self.dir}/config", f"{self.dir}/messages"))
        self.assertEqual(colony.state, "/s")
        self.assertEqual(Colony(config="/c", messages="/m/").state, "/m.state")
        with self.assertRaisesRegex(ValueError, "NCOLONY_ROOT"):
            Colony(config="/c")
        self.environ(NCOLONY_ROOT="/r")
        self.assertEqual(Colony(messages="/m").state, "/r/state")


class TestRecords(unittest.TestCase):
    def test_times(self) -> None:
        self.assertEqual(parse_time("2024-02-29T23:59:59.123456789Z"), datetime(2024, 2, 29, 23, 59, 59, 123456, timezone.utc))
        self.assertEqual(parse_time("2024-03-01T01:00:00.5+02:00"), datetime(2024, 2, 29, 23, 0, 0, 500000, timezone.utc))
        self.assertIsNone(parse_time(None))
        for text in ("", "2024-02-29", "2024-02-29T23:59:59", "2024-02-30T00:00:00Z"):
            with self.assertRaises(ValueError):
                parse_time(text)

    def test_exit(self) -> None:
        exits: List[Tuple[Dict[str, Any], str]] = [
            ({"code": 0}, "exit code 0"),
            ({"signal": "KILL", "reason": "not ready"}, "signal KILL: not ready"),
            ({"unknown": True}, "end unknown"),
            ({"spawn_error": "no such file"}, "no such file"),
        ]
        for raw, text in exits:
            self.assertEqual(str(Exit.of(raw)), text)


class TestColony(ColonyCase):
    def test_verbs(self) -> None:
        self.supervise("--no-helpers")
        added = self.colony.add("web", SLEEP)
        self.assertEqual((added.name, added.state, added.ready, added.restarts), ("web", "running", True, 0))
        self.assertEqual(added, self.colony.status("web"))
        restarted = self.colony.restart("web")
        self.assertEqual((restarted.ok, restarted.type, restarted.old_pid), (True, "RESTART", added.pid))
        self.assertEqual(self.running("web", added.pid).pid, restarted.new_pid)
        stopped = self.colony.stop("web")
        self.assertEqual((stopped.old_pid, stopped.new_pid), (restarted.new_pid, 0))
        with self.assertRaises(ProcessLookupError):
            os.kill(stopped.old_pid, 0)
        started = self.colony.start("web")
        os.kill(started.new_pid, 0)
        self.colony.signal("web", "KILL")
        self.running("web", started.new_pid)

        self.colony.add("many", {**SLEEP, "instances": 2})
        everybody = self.colony.request({"type": "RESTART-ALL"})
        self.assertEqual({part.name for part in everybody.services}, {"web", "many@1", "many@2"})
        self.assertEqual([status.name for status in self.colony.statuses()], ["many@1", "many@2", "web"])
        for name in ("web", "many"):
            self.colony.remove(name)
        self.assertEqual(self.colony.statuses(), [])

    def test_what_is_not_well(self) -> None:
        self.supervise("--no-helpers")
        with self.assertRaisesRegex(Refused, "env") as caught:
            self.colony.add("bad", {**SLEEP, "env": 5})
        assert caught.exception.status is not None
        self.assertEqual(caught.exception.status.state, "invalid")
        with self.assertRaisesRegex(Refused, "nowhere"):
            self.colony.add("none", {"args": ["/nowhere"]})
        # What never says that it is ready is not taken for something that runs, however slowly it ends.
        job = {"restart": "never", "ready": {"notify": True}}
        with self.assertRaisesRegex(Refused, "exit code 3"):
            self.colony.add("short", {"args": ["/bin/sh", "-c", "exit 3"], **job})
        # One that runs, but not for long, which on a busy machine is longer.
        with mock.patch("ncolony.colony._SETTLED", 2), self.assertRaisesRegex(Refused, "exit code 3"):
            self.colony.add("brief", {"args": ["/bin/sh", "-c", "sleep 0.05; exit 3"], "restart": "never"})
        self.assertEqual(self.colony.add("job", {"args": ["/bin/true"], **job}).state, "exited")
        codes = {"args": ["/bin/sh", "-c", "exit 3"], "success_codes": [3], **job}
        self.assertEqual(self.colony.add("job", codes).state, "exited")
        # A spec that is bad again, and then good: neither is taken for the other.
        running = self.colony.add("web", SLEEP)
        with self.assertRaises(Refused):
            self.colony.add("web", {"args": []})
        self.assertEqual(self.colony.add("web", {**SLEEP, "restart": "on-failure"}).pid, running.pid)

        asks: List[Callable[[str], Any]] = [self.colony.restart, self.colony.status, self.colony.remove, self.colony.start, self.colony.stop]
        for ask in asks:
            with self.assertRaises(NoSuchService):
                ask("ghost")
        for ask in asks:
            with self.assertRaises(ValueError):
                ask("../web")
        with self.assertRaisesRegex(Refused, "another life") as another:
            self.colony.request({"type": "RESTART", "name": "web", "generation": 99})
        assert another.exception.result is not None
        self.assertFalse(another.exception.result.ok)

    def test_no_supervisor(self) -> None:
        with self.assertRaises(NoSupervisor):
            self.colony.add("web", SLEEP)
        with self.assertRaises(NoSupervisor):
            self.colony.restart("web")
        self.assertEqual(os.listdir(self.colony.messages) + os.listdir(self.colony.config), [])
        self.assertEqual(self.colony.statuses(), [])
        _files.write_spec(self.colony.config, "web", b"{}")
        with self.assertRaises(NoSupervisor):
            self.colony.remove("web")
        self.assertEqual(os.listdir(self.colony.config), [])  # the next one knows

    def test_time(self) -> None:
        self.supervise("--no-helpers")
        with self.assertRaises(TimeoutError):
            self.colony.add("slow", {**SLEEP, "ready": {"fd": 3}}, timeout=0.5)
        self.eventually("it starts all the same", lambda: [one for one in self.colony.statuses() if one.state == "starting"])
        with self.assertRaises(TimeoutError):
            self.colony.restart("slow", timeout=0.2)

    def test_killed_meanwhile(self) -> None:
        supervisor = self.supervise("--no-helpers")
        caught = []

        def wait() -> None:
            try:
                self.colony.add("slow", {**SLEEP, "ready": {"fd": 3}}, timeout=PATIENCE)
            except NoSupervisor as err:
                caught.append(err)

        waiting = threading.Thread(target=wait)
        waiting.start()
        self.eventually("slow starts", lambda: [status.pid for status in self.colony.statuses() if status.pid])
        begin = time.monotonic()
        supervisor.kill()
        waiting.join(PATIENCE)
        self.assertTrue(caught)
        self.assertLess(time.monotonic() - begin, PATIENCE / 2)
