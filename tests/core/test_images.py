"""What container images are called, and what of them others have already."""

from __future__ import annotations

import pytest

from lab.core.images import Built, Layer, absent, copied, full_name, is_prefix, layers, outdated, pinned, repository

ID = "sha256:0123456789abcdef"
RUN = "RUN /bin/sh -c apt-get install python3 # buildkit"
COPY = "COPY /app /app # buildkit"


def test_a_reference_is_made_of_the_id() -> None:
    assert pinned(repository("", "fastapi"), ID) == "framework-lab/fastapi:0123456789ab"
    assert pinned(repository("ghcr.io/me", "fastapi"), ID) == "ghcr.io/me/fastapi:0123456789ab"


PREFIXES = [
    ("framework-lab", True),
    ("ghcr.io/me", True),
    ("127.0.0.1:5000/team/lab", True),
    ("registry.example.com:443/a__b/c-d.e", True),
    ("", False),
    ("ghcr.io/Me", False),
    ("ghcr.io/me/", False),
    ("ghcr.io/me:tag", False),
    ("https://ghcr.io/me", False),
    ("ghcr.io/me lab", False),
]


@pytest.mark.parametrize(("text", "valid"), PREFIXES)
def test_a_prefix_is_a_path_without_a_tag(text: str, valid: bool) -> None:
    assert is_prefix(text) is valid


OLD = "/bin/sh -c #(nop) "
STEPS = [
    # case                    steps, the first one first                                             -> sizes
    ("one for each step", [(RUN, 300), (COPY, 5)], [300, 5]),
    ("settings leave none", [("ENV A=1", 0), (RUN, 300), ('CMD ["a"]', 0), (COPY, 5), ("USER 1", 0)], [300, 5]),
    ("an empty one is one", [(RUN, 300), ("WORKDIR /app", 0), (COPY, 5)], [300, 0, 5]),
    ("of older builders", [(f"{OLD}ADD file:1 in /", 300), (f"{OLD} ENV A=1", 0), (COPY, 5)], [300, 5]),
    ("of debian", [("# debian.sh --arch 'amd64' out/ 'trixie'", 80), (COPY, 5)], [80, 5]),
]


@pytest.mark.parametrize(("steps", "sizes"), [case[1:] for case in STEPS], ids=[case[0] for case in STEPS])
def test_steps_are_the_sizes_of_layers(steps: list[tuple[str, int]], sizes: list[int]) -> None:
    digests = [f"sha256:{number}" for number in range(len(sizes))]

    assert layers(ID, digests, steps) == tuple(map(Layer, digests, sizes))


@pytest.mark.parametrize("digests", [["sha256:1"], ["sha256:1", "sha256:2", "sha256:3"]])
def test_layers_that_cannot_be_told_apart_are_one(digests: list[str]) -> None:
    assert layers(ID, digests, [(RUN, 300), ("RUN /bin/sh -c true", 0)]) == (Layer(ID, 300),)


BASE, PINS, OTHER_PINS, CODE = Layer("base", 280), Layer("pins", 140), Layer("other pins", 130), Layer("code", 1)
SHARING = [
    # case                          layers              of others                                       -> shared
    ("nothing else is there", [BASE, PINS, CODE], [], 0),
    ("what they are made from", [BASE, PINS, CODE], [[BASE, OTHER_PINS]], 280),
    ("what any of them has", [BASE, PINS, CODE], [[BASE], [BASE, PINS]], 420),
    ("all", [BASE, PINS], [[BASE, PINS, CODE]], 420),
    ("nothing", [PINS], [[BASE]], 0),
]


@pytest.mark.parametrize(("own", "others", "shared"), [case[1:] for case in SHARING], ids=[case[0] for case in SHARING])
def test_what_others_have_already(own: list[Layer], others: list[list[Layer]], shared: int) -> None:
    image = Built("mine", "framework-lab/mine:1", tuple(own))
    images = [Built(f"other-{number}", "", tuple(layers)) for number, layers in enumerate(others)]

    assert image.shared_bytes([image, *images]) == shared


def test_a_changed_line_makes_the_last_layer_anew() -> None:
    image = Built("mine", "", (BASE, PINS, CODE, Layer("folder", 0)))

    assert (image.size_bytes, image.last_layer_bytes) == (421, 1)


NAMES = [
    ("postgres:17", "docker.io/library/postgres:17"),
    ("valkey/valkey:8.1", "docker.io/valkey/valkey:8.1"),
    ("framework-lab/lab:1", "docker.io/framework-lab/lab:1"),
    ("ghcr.io/me/lab:1", "ghcr.io/me/lab:1"),
    ("localhost/lab:1", "localhost/lab:1"),
    ("registry:5000/lab:1", "registry:5000/lab:1"),
]


@pytest.mark.parametrize(("reference", "name"), NAMES)
def test_nodes_list_full_names(reference: str, name: str) -> None:
    assert full_name(reference) == name


def test_absent_is_what_any_node_lacks() -> None:
    first = ["docker.io/library/postgres:17", "docker.io/framework-lab/lab:1", "sha256:1"]
    second = ["docker.io/library/postgres:17"]

    assert absent(["postgres:17", "framework-lab/lab:1", "framework-lab/lab:2"], [first]) == ["framework-lab/lab:2"]
    assert absent(["postgres:17", "framework-lab/lab:1"], [first, second]) == ["framework-lab/lab:1"]


CURRENT = "ghcr.io/me/operator:0123456789ab"
THERE = [
    # case                        reference                              -> outdated
    ("an earlier build", "ghcr.io/me/operator:ba9876543210", True),
    ("the build itself", CURRENT, False),
    ("the last build's name", "ghcr.io/me/operator:latest", False),
    ("a release of somebody", "ghcr.io/me/operator:v1.2", False),
    ("a whole commit", "ghcr.io/me/operator:0123456789abcdef0123456789abcdef01234567", False),
    ("digits that are no id", "ghcr.io/me/operator:20261121T120", False),
    ("without a tag", "ghcr.io/me/operator:<none>", False),
    ("without a name", "<none>:<none>", False),
    ("of another repository", "ghcr.io/me/other:ba9876543210", False),
]


@pytest.mark.parametrize(("reference", "gone"), [case[1:] for case in THERE], ids=[case[0] for case in THERE])
def test_outdated_are_earlier_builds_of_what_was_built(reference: str, gone: bool) -> None:
    assert outdated([reference], [CURRENT]) == ([reference] if gone else [])


DOCKERFILES = [
    # case                       lines                                                                  -> paths
    ("nothing", "FROM scratch", ()),
    ("each path", "COPY pins.txt /tmp/\nRUN make\nCOPY lab scenarios /app/", ("pins.txt", "lab", "scenarios")),
    ("of another stage", "COPY --from=code /app /app\nCOPY lab /app", ("lab",)),
    ("everything", "COPY . /app", (".",)),
    ("with an option", "COPY --chmod=755 run /bin/\nCOPY lab /app", (".",)),
    ("as a list", 'COPY ["lab", "/app"]', (".",)),
    ("over two lines", "COPY lab \\\n  scenarios /app/", (".",)),
]


@pytest.mark.parametrize(("text", "paths"), [case[1:] for case in DOCKERFILES], ids=[case[0] for case in DOCKERFILES])
def test_what_an_image_is_built_of(text: str, paths: tuple[str, ...]) -> None:
    assert copied(text) == paths
