"""The model: the same bytes from the same seed, refused when it is anything else, and ranked exactly."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from shop import model, seed
from shop.model import DIMENSIONS, MAXIMUM, Model, ModelError
from shop.nearest import Nearest

SHA256 = "d10c5c5b4f93291e6bc7dd97dce1757f9670e6857c8c14632871fa5114564ec1"


@pytest.fixture(scope="module")
def built() -> Model:
    return model.build()


@pytest.fixture(scope="module")
def content(built: Model, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("model") / "model"
    model.write(path, built)
    return path.read_bytes()


def test_the_bytes_are_the_same_everywhere(content: bytes) -> None:
    assert json.loads(content.partition(b"\n")[0])["sha256"] == SHA256


def test_what_was_written_is_read(built: Model, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(content)
    assert model.read(path) == built


def other_seed(content: bytes) -> bytes:
    return content.replace(b'"seed": %d' % seed.SEED, b'"seed": 7', 1)


WRONG: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("empty", lambda content: b"", "is not a model; make one"),
    ("something else", lambda content: b"\x89PNG\r\n" + content, "is not a model; make one"),
    ("JSON of something else", lambda content: b"[]\n", "is not a model; make one"),
    ("of another seed", other_seed, "is another model (seed 7, not 20260101)"),
    ("cut short", lambda content: content[:-1], "is damaged; make it anew"),
    ("changed", lambda content: content[:-1] + bytes([content[-1] ^ 1]), "is damaged; make it anew"),
]


@pytest.mark.parametrize(("change", "problem"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_another_file_is_refused(
    change: Callable[[bytes], bytes], problem: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "model"
    path.write_bytes(change(content))
    with pytest.raises(ModelError) as refused:
        model.read(path)
    assert problem in str(refused.value)


def test_the_nearest_are_exact_and_ties_go_by_id(built: Model) -> None:
    chance = random.Random(1)
    wanted = [[chance.randint(-MAXIMUM, MAXIMUM) for _ in range(DIMENSIONS)], model.embedding(built, 5)]
    products = list(enumerate(model.embeddings(built), start=1))
    expected = [
        [
            (product_id, squared)
            for squared, product_id in sorted(
                (sum((a - b) ** 2 for a, b in zip(embedding, one, strict=True)), product_id)
                for product_id, embedding in products
            )[:20]
        ]
        for one in wanted
    ]
    assert Nearest(built).of(wanted, 20) == expected


def test_the_largest_distance_is_exact() -> None:
    far = Model(2, bytes([0x81] * DIMENSIONS + [0x7F] * DIMENSIONS))  # -127 and 127 in every dimension
    assert Nearest(far).of([[-MAXIMUM] * DIMENSIONS], 2) == [[(1, 0), (2, DIMENSIONS * 254**2)]]
