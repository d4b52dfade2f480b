"""The sockets' directory: private, remembered, and never somebody else's."""

import os
from pathlib import Path

import pytest

from persistence.embedded.account import Account
from persistence.embedded.files import read_path, write_path
from persistence.embedded.sockets import SocketDir


def test_it_is_short_and_private_and_goes_away(tmp_path: Path) -> None:
    sockets = SocketDir(tmp_path / "record")
    path = sockets.open()
    assert path.stat().st_mode & 0o777 == 0o700
    assert len(os.fsencode(path / ".s.PGSQL.5432.lock")) < 104
    sockets.remove()
    assert not path.exists()
    assert not (tmp_path / "record").exists()


def test_it_is_used_again_and_emptied_after_a_crash(tmp_path: Path) -> None:
    path = SocketDir(tmp_path / "record").open()
    (path / "valkey.sock").touch()
    sockets = SocketDir(tmp_path / "record")
    assert sockets.open() == path
    assert not any(path.iterdir())
    sockets.remove()


def test_one_that_others_may_enter_is_not_trusted(tmp_path: Path) -> None:
    path = SocketDir(tmp_path / "record").open()
    (path / "theirs").touch()
    path.chmod(0o755)
    sockets = SocketDir(tmp_path / "record")
    assert sockets.open() != path
    assert (path / "theirs").exists()
    sockets.remove()
    (path / "theirs").unlink()
    path.rmdir()


def test_a_link_of_its_name_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "haversack-victim"
    victim.mkdir(mode=0o700)
    (victim / "precious").touch()
    (tmp_path / "haversack-link").symlink_to(victim)
    write_path(tmp_path / "record", tmp_path / "haversack-link")
    sockets = SocketDir(tmp_path / "record")
    assert sockets.open() != victim
    assert (victim / "precious").exists()
    sockets.remove()


@pytest.mark.parametrize("content", ["", ".", "{here}"])
def test_a_damaged_record_empties_nothing(
    tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir(mode=0o700)
    (here / "precious").touch()
    monkeypatch.chdir(here)
    (tmp_path / "record").write_text(content.format(here=here))
    sockets = SocketDir(tmp_path / "record")
    assert sockets.open() != here
    assert (here / "precious").exists()
    sockets.remove()


@pytest.mark.usefixtures("as_root")
def test_one_that_another_account_made_in_its_place_is_not_trusted(tmp_path: Path) -> None:
    path = SocketDir(tmp_path / "record").open()
    os.chown(path, 65534, 65534)
    sockets = SocketDir(tmp_path / "record")
    assert sockets.open() != path
    sockets.remove()
    path.rmdir()


@pytest.mark.usefixtures("as_root")
def test_it_belongs_to_the_account_of_its_server(tmp_path: Path) -> None:
    account = Account("nobody", 65534, 65534)
    sockets = SocketDir(tmp_path / "record")
    path = sockets.open(account)
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (65534, 0o700)
    assert SocketDir(tmp_path / "record").open(account) == path
    sockets.remove()
    assert not path.exists()


def test_a_directory_that_others_may_rename_in_is_no_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from persistence.embedded import sockets

    monkeypatch.setattr(sockets, "_candidates", lambda: [tmp_path / "open", tmp_path / "sticky"])
    for name, mode in (("open", 0o777), ("sticky", 0o1777)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    monkeypatch.setattr(sockets, "_PATH_BYTES_MAX", 4096)
    directory = SocketDir(tmp_path / "record")
    assert directory.open().parent == tmp_path / "sticky"
    assert read_path(tmp_path / "record").parent == tmp_path / "sticky"
    directory.remove()
