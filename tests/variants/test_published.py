"""What every variant publishes of itself agrees with the contract: nothing is missing, nothing more, nothing else."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from shop.settings import ROLES

from lab.contract.document import load
from lab.contract.schema import differences
from lab.core.deployment import Service
from lab.tree import contract_document
from tests.variants import normal_form

PATHS = ("/openapi.json", "/docs")

pytestmark = pytest.mark.slow


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, follow_redirects=True)


@pytest.mark.parametrize("role", ROLES)
def test_the_document_agrees_with_the_contract(playing: Callable[[str], Service], role: str) -> None:
    answer = get(f"{playing(role).url}/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    published = answer.json()
    assert published["openapi"].startswith("3.")
    whole = normal_form.operations(contract_document())
    expected = {operation.id: whole[operation.id] for operation in load().of_role(role)}
    found = normal_form.operations(published, but=PATHS)
    assert "\n".join(differences(expected, found)) == ""


@pytest.mark.parametrize("role", ROLES)
def test_there_is_a_page_for_people(playing: Callable[[str], Service], role: str) -> None:
    answer = get(f"{playing(role).url}/docs")
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
