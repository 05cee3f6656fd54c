"""What a container used is read from either version of control groups."""

from __future__ import annotations

import pytest

from lab.core.cgroup import Reading, parse

VERSION_2 = """\
/sys/fs/cgroup/cpu.stat:usage_usec 1500000
/sys/fs/cgroup/cpu.stat:user_usec 1000000
/sys/fs/cgroup/cpu.stat:system_usec 500000
/sys/fs/cgroup/cpu.stat:nr_periods 40
/sys/fs/cgroup/cpu.stat:nr_throttled 10
/sys/fs/cgroup/cpu.stat:throttled_usec 250000
/sys/fs/cgroup/memory.stat:anon 52428800
/sys/fs/cgroup/memory.stat:file 8192
/sys/fs/cgroup/cgroup.procs:1
/sys/fs/cgroup/cgroup.procs:31
/sys/fs/cgroup/cgroup.procs:9
"""
VERSION_1 = """\
/sys/fs/cgroup/cpuacct/cpuacct.usage:1500000000
/sys/fs/cgroup/cpu/cpu.stat:nr_periods 40
/sys/fs/cgroup/cpu/cpu.stat:nr_throttled 10
/sys/fs/cgroup/cpu/cpu.stat:throttled_time 250000000
/sys/fs/cgroup/memory/memory.stat:rss 4096
/sys/fs/cgroup/memory/memory.stat:total_rss 52428800
/sys/fs/cgroup/memory/cgroup.procs:1
/sys/fs/cgroup/memory/cgroup.procs:9
/sys/fs/cgroup/memory/cgroup.procs:31
"""
READ = Reading(cpu_s=1.5, memory_bytes=50 << 20, pids=(1, 9), periods=40, throttled_periods=10, throttled_s=0.25)
WITHOUT_LIMIT = "".join(line for line in VERSION_2.splitlines(keepends=True) if "nr_" not in line and "thr" not in line)


@pytest.mark.parametrize("text", [VERSION_2, VERSION_1], ids=["version 2", "version 1"])
def test_both_versions_say_the_same(text: str) -> None:
    assert parse(text) == READ


def test_without_a_limit_nothing_was_throttled() -> None:
    assert parse(WITHOUT_LIMIT).throttled_periods == 0


@pytest.mark.parametrize("text", ["", "/sys/fs/cgroup/cpu.stat:usage_usec 1\n"], ids=["nothing", "only CPU"])
def test_what_is_no_reading_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is missing"):
        parse(text)
