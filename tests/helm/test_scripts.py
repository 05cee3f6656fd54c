"""What the chart `service` has a pod say while it waits: its script, with every program but the shell replaced."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.helm.charts import CHARTS, DEADLINE_S

# Each call is counted in a file; a second passes with every look at the clock, and none in between.
COUNT = """#!/bin/sh
count=$(($(cat "$0.count" 2>/dev/null || echo 0) + 1))
echo $count > "$0.count"
"""
PROGRAMS = {
    "pg_isready": "echo db:5432 - no response; test $count -gt 40",
    "psql": "cat > /dev/null; test $count -le 70 || echo yes",
    "date": "echo $((1700000000 + count))",
    "sleep": "",
}


def test_a_pod_says_every_half_minute_what_it_waits_for(tmp_path: Path) -> None:
    for name, answer in PROGRAMS.items():
        (tmp_path / name).write_text(f"{COUNT}{answer}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", (CHARTS / "service" / "files" / "wait.sh").read_text()],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "DATABASE_URL": "postgresql://db/x", "IMAGE": "mine:1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    told = [line.split(";")[0] for line in done.stdout.splitlines()]
    for_database = "waiting until the database answers: db:5432 - no response"
    for_migration = "waiting until mine:1 has migrated the database"
    assert (done.returncode, done.stderr) == (0, "")
    assert told == [for_database] * 2 + [for_migration] * 3
