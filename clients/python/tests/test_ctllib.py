"""ctllib: what it writes, what it refuses, and that a supervisor obeys it."""

from __future__ import annotations

import argparse
import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List, Tuple, Type
from unittest import mock

from ncolony import ctllib
from supervised import SOURCE, ColonyCase, DirectoryCase

NOBODY = 65534


class Case(DirectoryCase):
    def setUp(self) -> None:
        super().setUp()
        self.config, self.messages = self.dir / "config", self.dir / "messages"
        self.config.mkdir()
        self.messages.mkdir()
        self.places = ctllib.Places(config=str(self.config), messages=str(self.messages))

    def names(self) -> List[str]:
        return sorted(os.listdir(self.config)) + sorted(os.listdir(self.messages))

    def sent(self) -> List[Any]:
        return [json.loads((self.messages / file).read_text()) for file in sorted(os.listdir(self.messages))]


class TestWritten(Case):
    """The files are those that the Python NColony writes."""

    def test_places(self) -> None:
        self.assertEqual(tuple(ctllib.Places("c", "m")), ("c", "m"))
        self.assertEqual(ctllib.Places._fields, ("config", "messages"))

    def test_add(self) -> None:
        ctllib.add(self.places, "bare", "/bin/echo", None)
        ctllib.add(
            self.places,
            name="full",
            cmd="/bin/echo",
            args=["\u00dc", "\U0001f600"],
            env=["A=b=c", "E="],
            uid=0,
            gid=6,
            extras={"group": ["g"], "gid": 7},
            env_inherit=["PATH"],
        )
        self.assertEqual(json.loads((self.config / "bare").read_text()), {"args": ["/bin/echo"]})
        self.assertEqual(
            json.loads((self.config / "full").read_text()),
            {
                "args": ["/bin/echo", "\u00dc", "\U0001f600"],
                "env": {"A": "b=c", "E": ""},
                "uid": 0,
                "gid": 7,
                "group": ["g"],
                "env_inherit": ["PATH"],
            },
        )
        self.assertEqual(self.names(), ["bare", "full"])

    def test_messages(self) -> None:
        ctllib.restart(self.places, "web")
        ctllib.restart(self.places, "web@2")
        ctllib.restart(self.places, "@heartcheck")
        ctllib.restartAll(self.places)
        ctllib.restartGroup(self.places, "g")
        self.assertEqual(
            self.sent(),
            [
                {"type": "RESTART", "name": "web"},
                {"type": "RESTART", "name": "web@2"},
                {"type": "RESTART", "name": "@heartcheck"},
                {"type": "RESTART-ALL"},
                {"type": "RESTART-GROUP", "group": "g"},
            ],
        )
        for file in self.names():
            self.assertIn(f"-{os.getpid()}-", file)

    def test_threads(self) -> None:
        def send() -> None:
            for _ in range(50):
                ctllib.restartAll(self.places)

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.names()), 200)

    def test_where_a_spec_stands(self) -> None:
        (self.config / "web.json").write_text("{}")
        (self.config / "web.json").chmod(0o600)
        (self.config / "web").mkdir()  # which the supervisor passes over
        ctllib.add(self.places, "web", "a", [])
        self.assertEqual(json.loads((self.config / "web.json").read_text()), {"args": ["a"]})
        self.assertEqual(stat.S_IMODE((self.config / "web.json").stat().st_mode), 0o600)
        (self.config / "web").rmdir()
        (self.config / "web").write_text("{}")
        with self.assertRaisesRegex(FileExistsError, "both stand in"):
            ctllib.add(self.places, "web", "b", [])
        ctllib.remove(self.places, "web")
        self.assertEqual(self.names(), [])

    def test_order_on_disk(self) -> None:
        disk = mock.Mock()
        disk.fsync.side_effect, disk.rename.side_effect = os.fsync, os.rename
        with mock.patch("os.fsync", disk.fsync), mock.patch("os.rename", disk.rename):
            ctllib.add(self.places, "web", "a", [])
        self.assertEqual([call[0] for call in disk.mock_calls], ["fsync", "rename"])


class TestRefused(Case):
    """What cannot be written leaves nothing, and what was there as it was."""

    def test_names(self) -> None:
        bad = ["", ".", "..", "../web", "a/b", "/etc/passwd", ".web", "#web", "-web", "+web", "web~", "web.new", "web.tmp", "web.bak", "web.swp"]
        bad += ["web.json", "web.JSON", "web.dpkg-old", "web.rpmsave", "w b", "web\n", "w\0b", "\u00dc", "\u0663", "x" * 101, "@web", "web@1"]
        for name in bad:
            with self.subTest(name):
                with self.assertRaises(ctllib.BadName):
                    ctllib.add(self.places, name, "a", [])
                with self.assertRaises(ctllib.BadName):
                    ctllib.remove(self.places, name)
                if name not in ("@web", "web@1"):
                    with self.assertRaises(ctllib.BadName):
                        ctllib.restart(self.places, name)
        for name in ("@", "@@1", "@web@", "web@", "web@x", "web@1\n", "@1@"):
            with self.subTest(name), self.assertRaises(ctllib.BadName):
                ctllib.restart(self.places, name)
        for name in ("_", "0", "a.b-c+d_e", "x" * 100):
            ctllib.add(self.places, name, "a", [])
            ctllib.remove(self.places, name)
        self.assertEqual(self.names(), [])

    def test_values(self) -> None:
        ctllib.add(self.places, "web", "a", [])
        before = (self.config / "web").read_bytes()
        refused: List[Tuple[Type[Exception], Dict[str, Any]]] = [
            (ValueError, {"env": ["A"]}),
            (ValueError, {"env": ["=b"]}),
            (ValueError, {"extras": {"x": float("nan")}}),
            (ValueError, {"args": ["\udcff"]}),  # a byte that is no UTF-8, from sys.argv
            (ValueError, {"args": ["x" * 102400]}),
            (TypeError, {"args": [b"x"]}),
        ]
        for error, params in refused:
            params.setdefault("args", [])
            with self.subTest(params), self.assertRaises(error):
                ctllib.add(self.places, "web", "a", **params)
        with self.assertRaises(ValueError):
            ctllib.restartGroup(self.places, "g" * 65536)
        self.assertEqual((self.config / "web").read_bytes(), before)
        self.assertEqual(self.names(), ["web"])

    def test_remove_of_nothing(self) -> None:
        with self.assertRaises(FileNotFoundError) as caught:
            ctllib.remove(self.places, "web")
        self.assertEqual(caught.exception.filename, str(self.config / "web"))

    def test_no_regular_file(self) -> None:
        os.mkfifo(self.config / "web")
        with self.assertRaisesRegex(OSError, "not a regular file"):
            ctllib.add(self.places, "web", "a", [])
        self.assertTrue(stat.S_ISFIFO((self.config / "web").stat().st_mode))

    def refused(self, places: ctllib.Places, error: Type[Exception]) -> None:
        with self.assertRaises(error) as adding:
            ctllib.add(places, "web", "a", [])
        with self.assertRaises(error) as sending:
            ctllib.restartAll(places)
        for caught in (adding, sending):
            self.assertNotIn(".tmp-", str(caught.exception))

    def test_no_directory(self) -> None:
        places = ctllib.Places(str(self.dir / "none"), str(self.dir / "none"))
        self.refused(places, FileNotFoundError)
        (self.dir / "none").write_text("a file")
        with self.assertRaises(NotADirectoryError):
            ctllib.restartAll(places)

    def test_unwritable(self) -> None:
        self.dir.chmod(0o755)
        for directory in (self.config, self.messages):
            directory.chmod(0o555)
        if os.geteuid() == 0:  # who may write everything
            os.seteuid(NOBODY)
            self.addCleanup(os.seteuid, 0)
        self.refused(self.places, PermissionError)

    def test_full_disk(self) -> None:
        ctllib.add(self.places, "web", "a", [])
        with mock.patch("os.fsync", side_effect=OSError(errno.ENOSPC, "No space left on device")):
            with self.assertRaises(OSError) as caught:
                ctllib.add(self.places, "web", "b", [])
        self.assertEqual((caught.exception.errno, caught.exception.filename), (errno.ENOSPC, str(self.config / "web")))
        self.assertEqual(json.loads((self.config / "web").read_text()), {"args": ["a"]})
        self.assertEqual(self.names(), ["web"])


class TestCommandLine(Case):
    def base(self) -> List[str]:
        return ["--messages", str(self.messages), "--config", str(self.config)]

    def test_parser(self) -> None:
        extras = self.dir / "extras"
        extras.write_text('{"ncolony.beatcheck": {"period": 10, "grace": 3, "status": "s"}}')
        args = ["add", "web", "--cmd", "c", "--arg", "x", "--arg=-y", "--env", "A=b", "--uid", "5", "--gid", "6", "--extra", str(extras)]
        found = ctllib.PARSER.parse_args([*self.base(), *args, "--env-inherit", "PATH"])
        self.assertIs(found.func, ctllib.add)
        self.assertEqual(
            (found.name, found.cmd, found.args, found.env, found.uid, found.gid, found.env_inherit, found.extras),
            ("web", "c", ["x", "-y"], ["A=b"], 5, 6, ["PATH"], {"ncolony.beatcheck": {"period": 10, "grace": 3, "status": "s"}}),
        )

    def test_call(self) -> None:
        seen: List[Any] = []
        ctllib.call(argparse.Namespace(func=lambda *a, **k: seen.append((a, k)), config="c", messages="m", foo="bar"))
        self.assertEqual(seen, [((ctllib.Places("c", "m"),), {"foo": "bar"})])

    def test_main(self) -> None:
        ctllib.main(["ctl", *self.base(), "restart-all"])
        ctllib.main([*self.base(), "restart", "web"])
        with mock.patch("sys.argv", ["ctl", *self.base(), "restart-group", "g"]):
            ctllib.main()
        self.assertEqual([m["type"] for m in self.sent()], ["RESTART-ALL", "RESTART", "RESTART-GROUP"])

    def run_module(self, *args: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "ncolony", "ctl", *self.base(), *args]
        return subprocess.run(command, env={**os.environ, "PYTHONPATH": SOURCE}, capture_output=True, text=True, timeout=60)

    def test_module(self) -> None:
        self.assertEqual(self.run_module("add", "web", "--cmd", "sleep", "--arg", "9").returncode, 0)
        self.assertEqual(json.loads((self.config / "web").read_text()), {"args": ["sleep", "9"]})
        self.assertEqual(self.run_module("remove", "web").returncode, 0)
        gone = self.run_module("remove", "web")
        self.assertEqual(gone.returncode, 1)
        self.assertRegex(gone.stderr, r"\Ancolony ctl: .*config/web")
        for line in ("", "add web", "add web --cmd a --extras /nowhere"):
            self.assertEqual(self.run_module(*line.split()).returncode, 2)
        self.assertEqual(self.names(), [])


class TestObeyed(ColonyCase):
    def test_life_of_a_service(self) -> None:
        places = self.colony.places
        ctllib.add(places, "early", "/bin/sleep", ["1000"], env=["A=b=c"], extras={"group": ["g"]})
        self.supervise("--no-helpers")
        early = self.running("early").pid
        environ = Path(f"/proc/{early}/environ").read_bytes().split(b"\0")
        self.assertIn(b"A=b=c", environ)
        self.assertIn(b"NCOLONY_CONFIG=" + (self.dir / "config/early").read_bytes(), environ)

        ctllib.add(places, "web", "/bin/sleep", ["1000"])
        web = self.running("web").pid
        ctllib.restart(places, "web")
        web = self.running("web", web).pid
        ctllib.restartGroup(places, "g")
        early = self.running("early", early).pid
        self.assertEqual(self.running("web").pid, web)
        ctllib.restartAll(places)
        early, web = self.running("early", early).pid, self.running("web", web).pid
        ctllib.add(places, "web", "/bin/sleep", ["1001"])  # a change
        self.running("web", web)
        ctllib.remove(places, "web")
        self.gone("web")
        self.assertEqual(self.running("early").pid, early)
        self.assertEqual(os.listdir(self.dir / "messages"), [])
