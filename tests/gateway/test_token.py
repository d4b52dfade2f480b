"""The kept token: made once, whole, and for its owner's eyes."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.configuration.kinds import valid_token
from gateway.configuration.settings import SettingsError
from gateway.serving.first_token import kept_token


def test_made_once(tmp_path: Path) -> None:
    data_dir = tmp_path / "a b" / "data"
    token, path = kept_token(data_dir)
    assert valid_token(token) and len(token) == 43
    assert kept_token(data_dir) == (token, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert [entry.name for entry in data_dir.iterdir()] == ["token"]


def test_a_wide_umask_makes_no_difference(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        _, path = kept_token(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_starts_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        tokens = {token for token, _ in threads.map(kept_token, [tmp_path] * 32)}
    assert len(tokens) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["token"]


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    token, path = kept_token(tmp_path)
    assert kept_token(tmp_path) == (token, path)


def test_a_chosen_file_with_a_newline(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text("chosen\n")
    assert kept_token(tmp_path) == ("chosen", path)


@pytest.mark.parametrize("content", ["", "\n", "two words", "ä", "a" * 5000])
def test_a_file_without_a_token(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(content)
    with pytest.raises(SettingsError, match="has no token in it"):
        kept_token(tmp_path)


def test_a_file_that_others_can_read(tmp_path: Path) -> None:
    _, path = kept_token(tmp_path)
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        kept_token(tmp_path)


def test_what_is_not_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    (tmp_path / "elsewhere").write_text("token")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="cannot be kept"):
        kept_token(tmp_path)
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(SettingsError, match="is not a file"):
        kept_token(tmp_path)
    path.unlink()
    path.mkdir(0o700)
    with pytest.raises(SettingsError):
        kept_token(tmp_path)
