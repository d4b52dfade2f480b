"""The document of the shipped ruleset, and validators of what it says."""

from typing import Any

import pytest

from engine.ruleset import Ruleset
from gateway.openapi.document import openapi_document
from tests.openapi.schemas import Schemas


@pytest.fixture(scope="session")
def document(ruleset: Ruleset) -> dict[str, Any]:
    return openapi_document(ruleset)


@pytest.fixture(scope="session")
def schemas(document: dict[str, Any]) -> Schemas:
    return Schemas(document)
