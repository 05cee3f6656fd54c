"""Where the part of a lab goes that PostgreSQL and Valkey must reach, and what cannot be used."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import InputError, RuntimeFailure
from lab.runtimes.supervision import place
from lab.runtimes.supervision.place import Servant

STRANGER = Servant("stranger", uid=65533, gid=65533)


@pytest.fixture
def root() -> Iterator[Path]:
    """A directory that everybody can walk to."""
    with tempfile.TemporaryDirectory(prefix="place-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder).resolve()


def test_it_is_in_the_labs_directory(root: Path) -> None:
    assert place.choose(root, None).server == root / "server"
    assert place.choose(root, STRANGER).server == root / "server"


def test_it_is_elsewhere_when_the_servers_user_cannot_walk_there(root: Path) -> None:
    closed = root / "closed"
    closed.mkdir(mode=0o700)

    assert place.choose(closed, None).server == closed / "server"
    elsewhere = place.choose(closed, STRANGER).server
    assert elsewhere.parent == Path(tempfile.gettempdir())
    assert elsewhere.name.startswith(f"framework-lab-{os.geteuid()}-")


def test_it_is_elsewhere_when_the_path_is_too_long_for_a_socket(root: Path) -> None:
    deep = root / ("long" * 25)
    deep.mkdir()

    assert place.choose(deep, None).server.parent == Path(tempfile.gettempdir())


def test_two_labs_have_two_places(root: Path) -> None:
    servers = set()
    for name in ("one", "two"):
        (root / name).mkdir(mode=0o700)
        servers.add(place.choose(root / name, STRANGER).server)

    assert len(servers) == 2


def test_a_temporary_directory_that_will_not_do_either_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = root / ("long" * 25)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))

    with pytest.raises(InputError, match="2 problems in LAB_DIR and TMPDIR"):
        place.choose(deep, None)


def test_the_place_is_private_and_goes_without_a_trace(root: Path) -> None:
    chosen = place.choose(root, None)

    place.prepare(chosen, None)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (chosen.server, chosen.data, chosen.sockets, chosen.logs)]
    place.discard(chosen)

    assert modes == [0o700] * 4
    assert [path.name for path in root.iterdir()] == ["logs"]


def test_what_someone_put_in_its_place_is_left_alone(root: Path) -> None:
    chosen = place.choose(root, None)
    victim = root / "victim"
    victim.mkdir()
    chosen.server.symlink_to(victim)

    with pytest.raises(RuntimeFailure, match="is not a directory of this user"):
        place.prepare(chosen, None)
    assert victim.is_dir()


def test_a_directory_that_cannot_be_made_is_wrong_input(root: Path) -> None:
    (root / "file").touch()

    with pytest.raises(InputError, match=r"cannot write in .*/file/lab: Not a directory; set LAB_DIR"):
        place.make_directory(root / "file" / "lab", None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_is_wrong_input(root: Path) -> None:
    (root / "closed").mkdir(mode=0o500)

    with pytest.raises(InputError, match="Permission denied; set LAB_DIR to a directory of your own"):
        place.make_directory(root / "closed", None)
