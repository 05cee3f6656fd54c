"""What a container used, from its control group's files as `grep -H ''` prints them: version 2 or 1. Pure.

https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

ROOT = "/sys/fs/cgroup"
V2 = (f"{ROOT}/cpu.stat", f"{ROOT}/memory.stat", f"{ROOT}/cgroup.procs")
V1 = (
    f"{ROOT}/cpuacct/cpuacct.usage",
    f"{ROOT}/cpu/cpu.stat",
    f"{ROOT}/memory/memory.stat",
    f"{ROOT}/memory/cgroup.procs",
)
READS = (("grep", "-H", "", *V2), ("grep", "-H", "", *V1))


@dataclass(frozen=True, slots=True)
class Reading:
    """`memory_bytes` is anonymous memory: neither the page cache nor files mapped, which replicas share.

    `pids` lacks the process that read.
    """

    cpu_s: float
    memory_bytes: int
    pids: tuple[int, ...]
    periods: int
    throttled_periods: int
    throttled_s: float


def parse(text: str) -> Reading:
    """Raises ValueError where it is no such reading."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        file, _, content = line.partition(":")
        lines[file].append(content)
    version_2 = lines[V2[0]]
    cpu_file, memory_file, procs_file = V2 if version_2 else V1[1:]
    cpu, memory = _table(lines[cpu_file]), _table(lines[memory_file])
    try:
        return Reading(
            cpu_s=cpu["usage_usec"] / 1e6 if version_2 else int(lines[V1[0]][0]) / 1e9,
            memory_bytes=memory["anon"] if version_2 else memory["total_rss"],
            pids=_others(lines[procs_file]),
            periods=cpu.get("nr_periods", 0),
            throttled_periods=cpu.get("nr_throttled", 0),
            throttled_s=cpu.get("throttled_usec", 0) / 1e6 if version_2 else cpu.get("throttled_time", 0) / 1e9,
        )
    except (KeyError, IndexError) as missing:
        raise ValueError(f"no control group's files: {missing} is missing") from None


def _table(lines: list[str]) -> dict[str, int]:
    return {name: int(value) for name, value in map(str.split, lines)}


def _others(lines: list[str]) -> tuple[int, ...]:
    """All but the youngest, which is the reader itself."""
    return tuple(sorted(int(line) for line in lines)[:-1])
