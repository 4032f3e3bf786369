"""The README, word by word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from supervised import PATIENCE, SOURCE, ColonyCase

README = Path(__file__).resolve().parent.parent / "README.md"


class TestReadme(ColonyCase):
    def test_programs(self) -> None:
        server = os.environ.get("NCOLONY_SERVE")
        if not server:
            self.skipTest("needs the server: its path in NCOLONY_SERVE")
        self.supervise()
        self.colony.add("serve", {"args": [server, "--root", str(self.dir)], "ready": {"notify": True}}, PATIENCE)
        programs = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
        self.assertEqual(len(programs), 6)
        for text in programs:
            with self.subTest(text.splitlines()[0]):
                command = [sys.executable, "-W", "error", "-c", text.replace("/srv/colony", str(self.dir))]
                done = subprocess.run(command, env={**os.environ, "PYTHONPATH": SOURCE}, capture_output=True, text=True, timeout=PATIENCE)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([status.name for status in self.colony.statuses() if status.name[0] != "@"], ["serve"])
