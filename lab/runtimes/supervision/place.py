"""Where a lab keeps its things, and where the part goes that PostgreSQL and Valkey must reach.

All is in the lab's directory, but for two cases: root runs the servers as `nobody`, who may not be able to walk to
it, and the path of a Unix socket is limited. Then that part goes to a private directory below the system's temporary
one. Nothing outside of these two directories is made, changed or removed.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import InputError, RuntimeFailure

DEFAULT_DIRECTORY = ".lab"
SOCKET_PATH_MAX = 107 if sys.platform == "linux" else 103
LONGEST_SOCKET = Path("run") / ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class Servant:
    """The user that the servers run as when root must not; `nobody` is part of every system."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Place:
    """`lab` is the lab's directory, `server` the part that the servers reach."""

    lab: Path
    server: Path

    @property
    def lock(self) -> Path:
        return self.lab / "lock"

    @property
    def state(self) -> Path:
        return self.lab / "state.json"

    @property
    def token_key(self) -> Path:
        return self.lab / "token-key"

    @property
    def model(self) -> Path:
        return self.lab / "model"

    @property
    def logs(self) -> Path:
        return self.lab / "logs"

    @property
    def spans(self) -> Path:
        return self.lab / "spans.db"

    @property
    def control(self) -> Path:
        return self.server / "control"

    @property
    def data(self) -> Path:
        return self.server / "data"

    @property
    def sockets(self) -> Path:
        return self.server / "run"

    @property
    def binaries(self) -> Path:
        return self.server / "binaries"


def lab_directory(environ: Mapping[str, str]) -> Path:
    """The directory of the lab that commands mean: `LAB_DIR`, or `.lab` here."""
    return Path(environ.get("LAB_DIR") or DEFAULT_DIRECTORY).absolute()


def servant() -> Servant | None:
    """Whom the servers run as; None when it is the user who runs the lab."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise RuntimeFailure(
            "PostgreSQL does not run as root, and this system has no user nobody. Run the lab as another user."
        ) from None
    return Servant(entry.pw_name, entry.pw_uid, entry.pw_gid)


def choose(directory: Path, servant: Servant | None) -> Place:
    """The place of the lab in `directory`, which exists. Raises InputError when no directory will do."""
    inside = directory / "server"
    if _serves(inside, servant):
        return Place(directory, inside)
    digest = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:12]
    outside = Path(tempfile.gettempdir()) / f"framework-lab-{os.geteuid()}-{digest}"
    if _serves(outside, servant):
        return Place(directory, outside)
    who = f"{servant.name} cannot walk to it, or " if servant else ""
    raise InputError(
        "LAB_DIR and TMPDIR",
        [
            f"{path}: {who}its path is too long for a Unix socket ({SOCKET_PATH_MAX} bytes)"
            for path in (directory, outside.parent)
        ],
    )


def make_directory(directory: Path, servant: Servant | None) -> None:
    """Makes the lab's directory unless it exists; raises InputError when nothing can be written there."""
    try:
        directory.mkdir(mode=0o711 if servant else 0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        problem = f"cannot write in {directory}: {error.strerror}; set LAB_DIR to a directory of your own"
        raise InputError("the lab's directory", [problem]) from error


def prepare(place: Place, servant: Servant | None) -> None:
    """Empty directories for a new lab, owned as the servers need it. The caller holds the lab's lock."""
    discard(place)
    shutil.rmtree(place.logs, ignore_errors=True)
    for end in ("", "-wal", "-shm"):  # as SQLite names what it keeps beside
        place.spans.with_name(place.spans.name + end).unlink(missing_ok=True)
    place.logs.mkdir(mode=0o700)
    place.server.mkdir(mode=0o700)
    for path in (place.data, place.sockets):
        path.mkdir(mode=0o700)
        if servant:
            os.chown(path, servant.uid, servant.gid)
    if servant:
        place.server.chmod(0o711)


def discard(place: Place) -> None:
    """Removes what a lab leaves behind once nothing runs; its logs and spans stay until the next one starts."""
    if place.server.is_symlink() or place.server.exists():
        found = place.server.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise RuntimeFailure(f"{place.server} is not a directory of this user; remove it, or set LAB_DIR or TMPDIR")
        shutil.rmtree(place.server)
    for path in (place.token_key, place.model, place.state):
        path.unlink(missing_ok=True)


def _serves(server: Path, servant: Servant | None) -> bool:
    short_enough = len(os.fsencode(server / LONGEST_SOCKET)) <= SOCKET_PATH_MAX
    return short_enough and (servant is None or all(_can_walk(servant, parent) for parent in server.resolve().parents))


def _can_walk(servant: Servant, directory: Path) -> bool:
    found = directory.stat()
    if found.st_uid == servant.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == servant.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
