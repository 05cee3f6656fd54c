"""The lab's state file: enough to reach its supervisor, and to end what it started if it was killed."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.errors import RuntimeFailure
from lab.runtimes.supervision.place import Place
from lab.runtimes.supervision.processes import Identity, find, session


@dataclass(frozen=True, slots=True)
class State:
    supervisor: Identity
    place: Place
    children: tuple[Identity, ...]

    def living(self) -> list[Identity]:
        """Those of the supervisor and its children that still run, or have left something of their session running."""
        return [identity for identity in (self.supervisor, *self.children) if find(identity) or session(identity)]


def write(state: State) -> None:
    """Replaces the file at once, so that a reader never sees half of it."""
    document = {
        "supervisor": asdict(state.supervisor),
        "server": str(state.place.server),
        "children": [asdict(child) for child in state.children],
    }
    new = state.place.state.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file)
    new.replace(state.place.state)


def read(directory: Path) -> State | None:
    """The state of the lab in `directory`; None when there is no lab."""
    path = Place(directory, directory).state
    try:
        document = json.loads(path.read_text())
        return State(
            Identity(**document["supervisor"]),
            Place(directory, Path(document["server"])),
            tuple(Identity(**child) for child in document["children"]),
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RuntimeFailure(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RuntimeFailure(f"{path} is not a lab's state ({error}); once nothing of it runs, remove it") from error
