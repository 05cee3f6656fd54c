"""Which variants the lab finds, and what it says of manifests that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.errors import InputError
from lab.variants import load_manifests

PLAIN = {"name": "plain", "title": "Plain ASGI", "roles": [], "start": ["{python}", "main.py"]}


def write(folder: Path, **manifest: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "service.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return folder


def test_every_folder_with_a_manifest_is_a_variant(tmp_path: Path) -> None:
    write(tmp_path / "one" / "plain", **PLAIN)
    write(tmp_path / "two" / "shop", **{**PLAIN, "name": "shop", "roles": ["catalog"], "migrate": ["./migrate"]})
    (tmp_path / "one" / "notes").mkdir()

    found = load_manifests([tmp_path / "one", tmp_path / "two"])

    assert list(found) == ["plain", "shop"]
    assert found["plain"].folder == tmp_path / "one" / "plain"
    assert (found["plain"].roles, found["shop"].roles) == ((), ("catalog",))


def test_every_problem_of_every_file_at_once(tmp_path: Path) -> None:
    write(tmp_path / "a", **PLAIN)
    write(tmp_path / "b", **PLAIN)
    write(tmp_path / "c", **{**PLAIN, "name": "No", "rolls": []})
    write(tmp_path / "d", name="d", title="D", roles=["catalog"], start=[])

    with pytest.raises(InputError) as refused:
        load_manifests([tmp_path, tmp_path / "none"])

    assert [problem.removeprefix(f"{tmp_path}/") for problem in refused.value.problems] == [
        f"b/service.yaml: name: plain is already that of {tmp_path}/a/service.yaml",
        "c/service.yaml: rolls: unknown; did you mean roles?",
        "c/service.yaml: name: 'No' does not match ^[a-z][a-z0-9-]{0,29}$",
        "d/service.yaml: migrate: missing",
        "d/service.yaml: start: has fewer than 1 items",
        "none: not a folder",
    ]
