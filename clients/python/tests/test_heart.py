"""client.heart: where and when it beats, and that a service that hangs is restarted."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import types
import unittest
from pathlib import Path
from typing import Any, Callable, List
from unittest import mock

from ncolony.client import heart
from supervised import ColonyCase, DirectoryCase

LONG_AGO = 10**9


class Case(DirectoryCase):
    def expect(self, check: Any, name: str = "web") -> None:
        """Make the environment that of a service with this beatcheck."""
        self.environ(NCOLONY_CONFIG=json.dumps({"args": ["x"], "ncolony.beatcheck": check}), NCOLONY_NAME=name)
        heart._own.cache_clear()
        self.addCleanup(heart._own.cache_clear)

    def beaten(self, path: Path) -> bool:
        """Return whether there was a beat, and forget it."""
        if not path.exists() or path.stat().st_mtime == LONG_AGO:
            return False
        os.utime(path, (LONG_AGO, LONG_AGO))
        return True


class TestFromEnv(Case):
    def test_outside(self) -> None:
        for config in (None, "", "{}", '{"args": ["x"]}', '{"ncolony.beatcheck": null}'):
            self.environ(NCOLONY_CONFIG=config)
            heart._own.cache_clear()
            self.assertIsNone(heart.from_env())
            self.assertIsNone(heart.makeService())
            heart.beat()
            before = threading.active_count()
            with heart.beating() as beating:
                self.assertEqual(threading.active_count(), before)
                beating.beat()

            async def asynchronous() -> None:
                async with heart.beating() as beating:
                    self.assertIsNone(beating.error)

            asyncio.run(asynchronous())

    def test_period(self) -> None:
        periods = [(3, 3.0), (0.5, 0.5), ("3", 3.0), ("1e1", 10.0), ("500ms", 0.5), ("1h30m", 5400.0), ("1.5s", 1.5), (".5m", 30.0), ("7\u00b5s", 7e-6)]
        for period, seconds in periods:
            with self.subTest(period):
                self.expect({"period": period, "status": "/s"})
                found = heart.from_env()
                assert found is not None
                self.assertAlmostEqual(found.period, seconds)
                self.assertAlmostEqual(found.interval, max(seconds / 3, 0.001))
                self.assertEqual((found.path, found.name), ("/s", "web"))

    def test_nonsense(self) -> None:
        periods: List[Any] = [None, 0, -1, "-1", "", "3 s", "s", "1e", "nan", "1_0", True, [], 1e400, "11y", 315360001]
        bad: List[Any] = [{"period": period, "status": "/s"} for period in periods]
        bad += [{"period": 1}, {"period": 1, "status": ""}, {"period": 1, "status": 5}, {"period": 1, "status": "a\0b"}, [], "x", 5]
        for check in bad:
            with self.subTest(check):
                self.expect(check)
                readers: List[Callable[[], Any]] = [heart.from_env, heart.beat, heart.beating, heart.makeService]
                for read in readers:
                    with self.assertRaisesRegex(ValueError, "^parse NCOLONY_CONFIG: "):
                        read()
        for config in ("{", "[]", "5", "\udcff"):
            self.environ(NCOLONY_CONFIG=config)
            with self.assertRaisesRegex(ValueError, "^parse NCOLONY_CONFIG: "):
                heart.from_env()


class TestBeat(Case):
    def test_file(self) -> None:
        path = self.dir / "s"
        self.expect({"period": 3, "status": str(path)})
        for _ in range(2):
            heart.beat()
            self.assertTrue(self.beaten(path))
        path.write_text("content")
        heart.beat()
        self.assertEqual(path.read_text(), "content")

    def test_directory(self) -> None:
        hearts = self.dir / "hearts"
        found = heart.Heart(f"{hearts}/", 3, "web")
        with self.assertRaises(FileNotFoundError):
            found.beat()
        self.assertFalse(hearts.exists())
        hearts.mkdir()
        found.beat()
        self.assertTrue(self.beaten(hearts / "web"))
        later = heart.Heart(hearts, 3, "\u00fc")  # a directory, also without a slash
        later.beat()
        self.assertEqual(later.getFile(), str(hearts / "\u00fc"))
        self.assertTrue(self.beaten(hearts / "\u00fc"))
        for name in ("", ".", "..", "../web"):
            with self.assertRaisesRegex(ValueError, "is not a file name"):
                heart.Heart(hearts, 3, name).beat()

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be somebody else")
    def test_file_of_somebody_else(self) -> None:
        self.dir.chmod(0o755)
        path = self.dir / "s"
        path.touch()
        os.utime(path, (LONG_AGO, LONG_AGO))
        os.seteuid(65534)
        self.addCleanup(os.seteuid, 0)
        with self.assertRaises(PermissionError):
            heart.Heart(path).beat()
        os.seteuid(0)
        path.chmod(0o666)
        os.seteuid(65534)
        heart.Heart(path).beat()
        os.seteuid(0)
        self.assertTrue(self.beaten(path))

    def test_thread(self) -> None:
        path = self.dir / "hearts" / "web"
        self.expect({"period": 0.03, "status": f"{path.parent}/"})
        errors: List[Exception] = []
        with heart.beating(errors.append) as beating:
            self.eventually("two beats have failed", lambda: len(errors) > 1)
            self.assertIsInstance(beating.error, FileNotFoundError)
            path.parent.mkdir()
            for _ in range(3):
                self.eventually("a beat", lambda: self.beaten(path))
            self.assertIsNone(beating.error)
            beating.start()  # once more is none
            self.assertEqual([thread.name for thread in threading.enumerate()].count("heart"), 1)
        self.assertNotIn("heart", [thread.name for thread in threading.enumerate()])

    def test_asyncio(self) -> None:
        path = self.dir / "s"
        self.expect({"period": 0.03, "status": str(path)})

        async def main() -> None:
            async with heart.beating() as beating:
                self.assertTrue(self.beaten(path))  # before anything else
                task = beating._task
                for _ in range(3):
                    while not self.beaten(path):
                        await asyncio.sleep(0.001)
            assert task is not None
            self.assertTrue(task.cancelled())

        asyncio.run(asyncio.wait_for(main(), 60))

    def test_stand_in_for_twisted(self) -> None:
        """Without Twisted this shows what it would be given."""
        internet, service = types.ModuleType("internet"), types.ModuleType("service")
        timer, multi = mock.Mock(), mock.Mock()
        internet.TimerService, service.MultiService = timer, multi  # type: ignore[attr-defined]
        path = self.dir / "s"
        self.expect({"period": 9, "status": str(path)})
        with mock.patch.dict(sys.modules, {"twisted.application.internet": internet, "twisted.application.service": service}):
            wrapped = mock.Mock()
            self.assertIs(heart.wrapHeart(wrapped), multi.return_value)
        wrapped.setServiceParent.assert_called_once_with(multi.return_value)
        timer.return_value.setServiceParent.assert_called_once_with(multi.return_value)
        interval, beat = timer.call_args[0]
        self.assertEqual(interval, 3)
        beat()
        self.assertTrue(self.beaten(path))

    def test_twisted(self) -> None:
        try:
            from twisted.application.internet import TimerService
        except ImportError:
            self.skipTest("needs Twisted")
        self.expect({"period": 9, "status": str(self.dir / "s")})
        self.assertIsInstance(heart.makeService(), TimerService)
        self.assertEqual(heart.makeService().step, 3)


# Programs that beat until there is a file beside their heartbeat file, and then hang.
BEATS = {
    "loop": """
import json, os, time
from ncolony.client import heart
file = heart.from_env().getFile()
while not os.path.exists(file + ".hang"):
    heart.beat()
    time.sleep(0.1)
os.remove(file + ".hang")
time.sleep(1000)
""",
    "asyncio": """
import asyncio, os, time
from ncolony.client import heart
async def main():
    async with heart.beating() as beating:
        file = beating.heart.getFile()
        while not os.path.exists(file + ".hang"):
            await asyncio.sleep(0.1)
        os.remove(file + ".hang")
        time.sleep(1000)
asyncio.run(main())
""",
    "thread": """
import time
from ncolony.client import heart
with heart.beating():
    time.sleep(1000)
""",
}


class TestWatched(ColonyCase):
    def test_hang(self) -> None:
        hearts = self.dir / "hearts"
        hearts.mkdir()
        self.supervise()
        check = {"period": 2, "grace": 3, "status": str(hearts)}
        for name, text in BEATS.items():
            spec = self.spec(text, ready={"beat": True}, **{"ncolony.beatcheck": check})
            self.assertTrue(self.colony.add(name, spec, 60).ready)
        thread = self.running("thread").pid
        before = {name: self.running(name) for name in ("loop", "asyncio")}
        for name, status in before.items():  # all at once: each takes its time
            self.assertEqual(status.restarts, 0)
            (hearts / f"{name}.hang").touch()
        for name, status in before.items():
            self.assertEqual(self.running(name, status.pid).restarts, 1)
        self.assertEqual(self.running("thread").pid, thread)
        self.assertEqual(self.running("loop").restarts, 1)  # and beats again


