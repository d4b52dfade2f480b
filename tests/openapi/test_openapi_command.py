"""`haversack openapi` prints what `/openapi.json` serves."""

import json
from typing import Any

import pytest

from gateway import cli


def test_it_prints_the_document(document: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["openapi"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(document))


def test_it_has_the_containers_of_the_ruleset(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAVERSACK_RULESET", "tabletop")
    assert cli.main(["openapi"]) == 0
    paths = json.loads(capsys.readouterr().out)["paths"]
    assert "/v1/characters/{char_id}/inventory/pack" in paths
    assert "/v1/characters/{char_id}/inventory/bank" not in paths
