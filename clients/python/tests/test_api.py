"""api, against ncolony-serve itself."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
from typing import Any, Dict, List

from ncolony.api import Client, Problem
from supervised import PATIENCE, ColonyCase

SLEEP: Dict[str, Any] = {"args": ["/bin/sleep", "1000"]}

# Counts in its output, ten lines a second.
COUNTS = "import itertools, time\nfor n in itertools.count():\n    print(n, flush=True)\n    time.sleep(0.1)"


class Case(ColonyCase):
    def setUp(self) -> None:
        super().setUp()
        self.program_of_server = os.environ.get("NCOLONY_SERVE", "")
        if not self.program_of_server:
            self.skipTest("needs the server: its path in NCOLONY_SERVE")
        self.client = Client(self.dir / "state/serve.sock", validate=False)

    def serve(self, *flags: str) -> None:
        """Start a supervisor, and the server as one of its services."""
        self.supervise()
        command = [self.program_of_server, "--root", str(self.dir), *flags]
        self.colony.add("serve", {"args": command, "ready": {"notify": True}, "backoff": {"min": 0}}, PATIENCE)

    def problem(self, code: str, status: int, call: Any, *args: Any, **more: Any) -> Problem:
        with self.assertRaises(Problem) as caught:
            call(*args, **more)
        self.assertEqual((caught.exception.code, caught.exception.status), (code, status), caught.exception)
        return caught.exception


class TestServed(Case):
    def test_specs(self) -> None:
        self.serve()
        client = self.client
        written = client.put("web", SLEEP, create=True, wait=PATIENCE)
        assert written.status is not None
        self.assertEqual((written.name, written.created, written.status.state), ("web", True, "running"))
        self.assertEqual(json.loads(client.spec("web")), SLEEP)
        self.problem("precondition-failed", 412, client.put, "web", SLEEP, create=True)
        patched = client.patch("web", {"restart": "on-failure"}, if_match=written.hash)
        self.assertFalse(patched.created)
        self.assertIsNone(patched.status)
        self.problem("precondition-failed", 412, client.patch, "web", {"restart": None}, if_match=written.hash)
        service = client.service("web")
        self.assertEqual((service.spec, service.hash), ({**SLEEP, "restart": "on-failure"}, patched.hash))
        assert service.status is not None
        self.assertEqual((service.status.pid, service.stopped, service.faults), (written.status.pid, False, ()))

        bad = self.problem("invalid", 422, client.put, "web", {"args": [], "uid": "x"})
        self.assertEqual({fault.field for fault in bad.faults}, {"args", "uid"})
        self.assertIn(bad.field, ("args", "uid"))
        self.problem("conflict", 409, client.put, "none", {"args": ["/nowhere"]}, wait=PATIENCE)
        self.problem("timeout", 504, client.put, "slow", {**SLEEP, "ready": {"fd": 3}}, wait=0.5)
        self.assertEqual(client.service("slow").name, "slow")  # and it is written

        late = {"args": ["/bin/sh", "-c", "sleep 1; echo >&3; exec sleep 1000"], "ready": {"fd": 3}}
        hurried = Client(self.dir / "state/serve.sock", timeout=0.5)  # for what is not waited for
        self.assertIsNotNone(hurried.put("late", late, wait=PATIENCE).status)

        self.problem("precondition-failed", 412, client.delete, "web", if_match=written.hash)
        client.delete("web", if_match=patched.hash, wait=PATIENCE)
        for ask in (client.service, client.delete, client.spec, client.restart):
            self.problem("not-found", 404, ask, "web")

    def test_validation(self) -> None:
        try:
            import jsonschema  # noqa: F401
        except ImportError:
            self.skipTest("needs jsonschema")
        self.serve()
        client = Client(self.dir / "state/serve.sock")
        spec = {**SLEEP, "env": {"A": "b"}, "stop": {"signal": "SIGINT", "grace": "1.5s"}, "schedule": {"every": "1h"}, "x.y": None}
        self.assertTrue(client.put("web", spec).created)
        for key, value in [("stop", {"signal": "NOPE"}), ("env", {"A": 5}), ("restart", "maybe"), ("args", "x")]:
            found = self.problem("invalid", 0, client.put, "web", {**spec, key: value})
            self.assertEqual(found.field.partition(".")[0], key)
        self.problem("invalid", 0, client.send, {"type": "RESTART"})
        self.assertEqual(json.loads(client.spec("web")), spec)

    def test_requests(self) -> None:
        self.serve()
        client = self.client
        before = client.put("web", SLEEP, wait=PATIENCE).status
        assert before is not None
        for _ in range(2):  # one key, one restart
            sent = client.restart("web", key="once")
            assert sent.result is not None
            self.assertEqual((sent.result.ok, sent.result.old_pid), (True, before.pid))
        self.assertEqual(self.running("web", before.pid).generation, before.generation + 1)
        self.assertEqual(client.message(sent.request), sent)
        self.assertIn(sent.request, [one.request for one in client.messages()])
        self.assertIsNone(client.restart("web", wait=0).result)

        client.stop("web")
        self.assertTrue(client.service("web").stopped)
        client.start("web")
        client.signal("web", "KILL")
        another = self.problem("conflict", 409, client.restart, "web", generation=99)
        self.assertIn("another life", another.detail)
        assert another.result is not None
        self.assertEqual((another.result.ok, another.request != ""), (False, True))
        self.assertEqual(client.send({"type": "RESCAN"}, wait=PATIENCE).result is not None, True)
        self.problem("invalid", 422, client.send, {"type": "DANCE"})

    def test_looking(self) -> None:
        self.serve()
        client = self.client
        client.put("many", {**SLEEP, "instances": 5, "group": ["g"]}, wait=PATIENCE)
        names = [f"many@{n}" for n in range(1, 6)]
        # Lists tell what the server knew a moment ago.
        self.eventually("all are seen to run", lambda: len(list(client.services(state=["running"], group="g"))) == 5)
        self.assertEqual([item.name for item in client.services(limit=2, group="g")], names)
        self.assertEqual([item.name for item in client.services(text="MANY", state=["running", "failed"], limit=3)], names)
        page = client.page(group="g", limit=2)
        self.assertEqual((page.next, page.total, page.supervisor), ("many@2", 5, True))
        self.assertEqual((page.services[0].file, page.services[0].groups), ("many", ("g",)))
        self.assertEqual([status.name for status in client.service("many").instances], names)
        self.problem("invalid", 400, client.page, limit=5000)

        self.assertTrue(client.ready())
        report = client.colony()
        assert report.colony is not None
        self.assertTrue(report.supervisor)
        self.assertEqual(report.colony["config"], str(self.dir / "config"))
        self.assertEqual(client.schema("status")["type"], "object")
        self.problem("not-found", 404, client.schema, "nonsense")

    def test_no_supervisor(self) -> None:
        server = subprocess.Popen([self.program_of_server, "--root", str(self.dir)], stderr=subprocess.DEVNULL)

        def end() -> None:
            server.terminate()
            try:
                server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

        self.addCleanup(end)
        self.eventually("it listens", (self.dir / "state/serve.sock").exists)
        self.assertFalse(self.client.ready())
        self.assertTrue(self.client.put("web", SLEEP).created)
        self.problem("no-supervisor", 503, self.client.restart, "web")
        self.assertFalse(self.client.colony().supervisor)

    def test_roles(self) -> None:
        def free() -> int:  # and none that the system gives to anybody who asks for any
            port = random.randrange(20000, 30000)
            with socket.socket() as probe:
                return 0 if probe.connect_ex(("127.0.0.1", port)) == 0 else port

        port = self.eventually("a port is free", free)
        self.serve("--listen", f"127.0.0.1:{port}")
        url = f"http://127.0.0.1:{port}"
        tokens = {role: (self.dir / f"state/serve.token.{role}").read_text() for role in ("admin", "read")}
        reader, admin = Client(url, token=tokens["read"]), Client(url, token=tokens["admin"])
        self.assertTrue(admin.put("web", SLEEP).created)
        self.assertEqual(reader.service("web").name, "web")
        self.problem("forbidden", 403, reader.restart, "web")
        self.problem("unauthorized", 401, Client(url, token="wrong").service, "web")
        self.problem("unauthorized", 401, Client(url).follow_events, None)


class TestFollowed(Case):
    def kill_server(self) -> None:
        before = self.running("serve")
        os.kill(before.pid, signal.SIGKILL)
        self.running("serve", before.pid)

    def test_events(self) -> None:
        self.serve()
        self.client.put("web", SLEEP, wait=PATIENCE)
        seen: List[int] = []
        with self.client.follow_events(service=["web"]) as stream:
            self.client.restart("web")
            for event in stream:
                seen.append(event.seq)
                self.assertEqual(event.name, "web")
                if event.type == "answered":
                    break
            self.kill_server()
            sent = self.client.restart("web")
            for event in stream:
                seen.append(event.seq)
                if event.type == "answered" and event.raw["request"] == sent.request:
                    break
        kept = [one.seq for one in self.client.events(seen[0] - 1, service=["web"], limit=1000).events]
        self.assertEqual(seen, kept[: len(seen)])
        self.assertEqual([one.type for one in self.client.events(0, type=["started"], limit=2).events], ["started"] * 2)

    def test_log(self) -> None:
        self.serve()
        self.client.put("counts", self.spec(COUNTS, log={}), wait=PATIENCE)
        seen: List[int] = []
        end = time.monotonic() + PATIENCE
        with self.client.follow_log("counts") as stream:
            for line in stream:
                seen.append(int(line.line))
                if len(seen) == 5:
                    self.kill_server()
                if len(seen) >= 20 or time.monotonic() > end:
                    break
        self.assertEqual(seen, list(range(seen[0], seen[0] + 20)))
        self.eventually("two lines more", lambda: len(self.client.log("counts", after=line.at).lines) > 1)
        page = self.client.log("counts", after=line.at, limit=2)
        self.assertEqual([int(one.line) for one in page.lines], [seen[-1] + 1, seen[-1] + 2])
        self.assertEqual(page.next, page.lines[-1].at)
        self.assertEqual([one.line for one in self.client.log("counts", grep="^1.$", from_=line.at.partition(":")[0] + ":0", limit=1).lines], ["10"])
        self.problem("not-found", 404, self.client.log, "nobody")
        self.problem("invalid", 400, self.client.log, "counts", stream="neither")
