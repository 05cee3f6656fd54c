"""A lab on a cluster is found again by the directory that it was opened from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import InputError, RuntimeFailure
from lab.runtimes.kubernetes.place import Place, on_kind

NAMED = Place("", Path("kind.yaml"), "staging", "lab", None, "registry.example/lab", True)


@pytest.mark.parametrize("place", [NAMED, on_kind(Path("lab"), {})], ids=["a context", "kind"])
def test_what_was_written_is_read(place: Place, tmp_path: Path) -> None:
    place.write(tmp_path)

    assert Place.read(tmp_path) == place


def test_nothing_was_opened_from_an_empty_directory(tmp_path: Path) -> None:
    assert Place.read(tmp_path) is None


def test_what_is_forgotten_is_not_found(tmp_path: Path) -> None:
    NAMED.write(tmp_path)

    Place.forget(tmp_path)

    assert Place.read(tmp_path) is None


KIND = on_kind(Path("lab"), {})
OTHERS = [
    # case                    recorded  asked for                               where it is
    ("kind after a context", NAMED, KIND, "staging, namespace lab"),
    ("a context after kind", KIND, NAMED, "the kind cluster framework-lab"),
    ("kind's by its context", KIND, replace(KIND, cluster=""), "the kind cluster framework-lab"),
    ("another namespace", NAMED, replace(NAMED, namespace="mine"), "staging, namespace lab"),
    ("another context", NAMED, replace(NAMED, context="production"), "staging, namespace lab"),
]


@pytest.mark.parametrize(
    ("recorded", "asked_for", "where"), [case[1:] for case in OTHERS], ids=[case[0] for case in OTHERS]
)
def test_a_directory_has_one_lab(recorded: Place, asked_for: Place, where: str, tmp_path: Path) -> None:
    recorded.write(tmp_path)

    with pytest.raises(RuntimeFailure, match=f"is on {where}, not on {asked_for}; lab down first, or set LAB_DIR"):
        asked_for.require_only(tmp_path)


def test_the_same_place_again_is_fine_with_other_images_too(tmp_path: Path) -> None:
    NAMED.require_only(tmp_path)
    NAMED.write(tmp_path)

    replace(NAMED, image_prefix="registry.example/other").require_only(tmp_path)


def test_a_configuration_of_kind_that_is_not_there_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml"):
        on_kind(tmp_path, {"LAB_KIND_CONFIG": str(tmp_path / "none.yaml")})
