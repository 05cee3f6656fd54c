"""The embedded runtime: replicas are processes of this machine, PostgreSQL and Valkey come from Python packages."""

from lab.runtimes.local.opening import lasting_lab, local_lab
from lab.runtimes.local.runtime import LocalRuntime

__all__ = ["LocalRuntime", "lasting_lab", "local_lab"]
