"""notify: what is said, when, and that nobody has to hear it."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import threading
import time
from typing import List

from ncolony import notify
from supervised import PATIENCE, ColonyCase, DirectoryCase


class Case(DirectoryCase):
    def listen(self, address: str = "") -> socket.socket:
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(ear.close)
        path = address or str(self.dir / "ear")
        ear.bind("\0" + path[1:] if path[0] == "@" else path)
        ear.setblocking(False)
        self.environ(NOTIFY_SOCKET=path)
        return ear

    def heard(self, ear: socket.socket) -> List[str]:
        said = []
        while True:
            try:
                said.append(ear.recv(65536).decode())
            except BlockingIOError:
                return said


class TestNotify(Case):
    def test_said(self) -> None:
        for address in ("", f"@ncolony-test-{os.getpid()}"):
            ear = self.listen(address)
            self.assertTrue(notify.notify("READY=1", "STATUS=\u00fc"))
            self.assertEqual(self.heard(ear), ["READY=1\nSTATUS=\u00fc"])

    def test_nobody(self) -> None:
        for address in (None, ""):
            self.environ(NOTIFY_SOCKET=address)
            self.assertFalse(notify.notify("READY=1"))

    def test_wrong(self) -> None:
        self.listen()
        for line in ("READY", "A=b\nC=d"):
            with self.assertRaisesRegex(ValueError, "KEY=VALUE"):
                notify.notify(line)
        self.environ(NOTIFY_SOCKET="relative")
        with self.assertRaisesRegex(ValueError, "neither a path"):
            notify.notify("READY=1")

    def test_gone(self) -> None:
        self.environ(NOTIFY_SOCKET=str(self.dir / "none"))
        with self.assertRaises(FileNotFoundError):
            notify.notify("READY=1")
        self.listen().close()
        with self.assertRaises(ConnectionRefusedError):
            notify.notify("READY=1")

    def test_full(self) -> None:
        self.listen()
        with self.assertRaises(BlockingIOError):
            for _ in range(100000):
                notify.notify("WATCHDOG=1")

    def test_watchdog_interval(self) -> None:
        for usec, pid, seconds in [
            (None, None, None), ("", None, None), ("0", None, None), ("-5", None, None), ("x", None, None), ("\u00b2", None, None),
            ("3000000", None, 1.5), ("3000000", str(os.getpid()), 1.5), ("3000000", "1", None),
        ]:  # fmt: skip
            self.environ(WATCHDOG_USEC=usec, WATCHDOG_PID=pid)
            self.assertEqual(notify.watchdog_interval(), seconds)


class TestLife(Case):
    def test_signal(self) -> None:
        ear = self.listen()
        self.environ(WATCHDOG_USEC=None)
        before = signal.getsignal(signal.SIGTERM)
        with notify.Life() as life:
            self.assertFalse(life.wait(0))
            life.ready("serving\non 80")
            life.extend(2)
            os.kill(os.getpid(), signal.SIGTERM)
            self.assertTrue(life.wait())
            self.assertTrue(life.wait(5) and life.stopping)
            self.assertEqual(select.select([life], [], [], 0)[0], [life])
        self.assertEqual(self.heard(ear), ["READY=1\nSTATUS=serving on 80", "EXTEND_TIMEOUT_USEC=2000000", "STOPPING=1"])
        self.assertIs(signal.getsignal(signal.SIGTERM), before)
        life.stop()  # too late, and no error

    def test_signal_while_waiting(self) -> None:
        self.environ(NOTIFY_SOCKET=None, WATCHDOG_USEC=None)
        with notify.Life((signal.SIGUSR1,)) as life:
            main = threading.get_ident()
            killer = threading.Thread(target=lambda: signal.pthread_kill(main, signal.SIGUSR1))
            killer.start()
            self.assertTrue(life.wait())
            killer.join()

    def test_stop_by_thread(self) -> None:
        early = notify.Life()
        early.stop()
        with early as life:
            self.assertTrue(life.wait())
        with notify.Life() as life:
            stopper = threading.Thread(target=life.stop)
            stopper.start()
            self.assertTrue(life.wait())
            stopper.join()

    def test_watchdog(self) -> None:
        ear = self.listen()
        self.environ(WATCHDOG_USEC="20000", WATCHDOG_PID=None)
        with notify.Life() as life:
            begin = time.monotonic()
            said: List[str] = []
            while len(said) < 2 and time.monotonic() < begin + PATIENCE:
                waits = time.monotonic()
                self.assertFalse(life.wait(0.2))
                self.assertGreaterEqual(time.monotonic() - waits, 0.2)
                said += self.heard(ear)
            elapsed = time.monotonic() - begin
            self.assertEqual(set(said), {"WATCHDOG=1"})
            self.assertGreater(len(said), 1)
            self.assertLessEqual(len(said), elapsed / 0.01 + 1)  # as often as is wanted, and not more

            def says() -> List[str]:  # a loop that does not wait says it too, once it is due
                life.wait(0)
                return self.heard(ear)

            self.assertEqual(self.eventually("it is due", says), ["WATCHDOG=1"])

    def test_deaf(self) -> None:
        self.environ(NOTIFY_SOCKET=str(self.dir / "none"), WATCHDOG_USEC="20000", WATCHDOG_PID=None)
        with notify.Life() as life:
            life.ready()
            self.assertIsInstance(life.error, FileNotFoundError)
            self.assertFalse(life.wait(0.05))
            self.listen()
            life.status("up")
            self.assertIsNone(life.error)

    def test_asyncio(self) -> None:
        ear = self.listen()
        self.environ(WATCHDOG_USEC="20000", WATCHDOG_PID=None)

        async def main() -> None:
            with notify.Life() as life:
                waiting = asyncio.ensure_future(life.stopped())
                said: List[str] = []
                while len(said) < 3:
                    await asyncio.sleep(0.001)
                    said += self.heard(ear)
                self.assertEqual(set(said), {"WATCHDOG=1"})
                os.kill(os.getpid(), signal.SIGINT)
                await waiting
                self.assertEqual(self.heard(ear)[-1], "STOPPING=1")

        asyncio.run(asyncio.wait_for(main(), 60))


NOTIFIES = """
import os, time
from ncolony import notify
with notify.Life() as life:
    life.ready("serving")
    while not life.wait(0.1):
        if os.path.exists("hang"):
            os.remove("hang")
            time.sleep(1000)
"""

NOTIFIES_BY_ASYNCIO = """
import asyncio
from ncolony import notify
async def main():
    with notify.Life() as life:
        life.ready("serving")
        await life.stopped()
asyncio.run(main())
"""


class TestSupervised(ColonyCase):
    def test_ready_hang_stop(self) -> None:
        self.supervise("--no-helpers")
        work = self.dir / "work"
        work.mkdir()
        for name, text in (("loop", NOTIFIES), ("async", NOTIFIES_BY_ASYNCIO)):
            status = self.colony.add(name, self.spec(text, ready={"notify": True}, watchdog=5, cwd=str(work)), 60)
            self.assertEqual((status.state, status.ready, status.status_text), ("running", True, "serving"))
        before = self.running("loop")
        (work / "hang").touch()
        after = self.running("loop", before.pid)
        self.assertEqual(after.restarts, 1)
        assert after.last_exit is not None
        self.assertIn("WATCHDOG=1", after.last_exit.reason)
        self.assertEqual(self.running("async").restarts, 0)
        for name in ("loop", "async"):  # they end by themselves when they are told to
            self.colony.stop(name)
            status = self.colony.status(name)
            assert status.last_exit is not None
            self.assertEqual((status.state, status.last_exit.code), ("stopped", 0))
