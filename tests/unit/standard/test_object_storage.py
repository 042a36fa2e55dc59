"""Paths in object storage, on files and on fsspec's storage in memory."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from bide.authoring import providers
from bide.authoring.assets import Asset
from bide.authoring.value_policy import value_policy
from bide.model.errors import ConfigError, InvalidArgument
from bide.model.value_classes import use_policy
from bide.model.values import decode, encode
from bide.standard import object_stores
from bide.standard.object_storage import ObjectStoragePath
from bide.standard.object_stores import attach, get_fs, has_fs


@pytest.fixture
def bucket() -> Iterator[ObjectStoragePath]:
    """A bucket in memory, with ``a.csv`` and ``deep/b.csv``."""
    found = ObjectStoragePath(f"memory://{uuid.uuid4().hex}")
    found.mkdir(parents=True)
    (found / "a.csv").write_text("a")
    (found / "deep").mkdir()
    (found / "deep" / "b.csv").write_text("bb")
    yield found
    found.unlink(recursive=True)


@pytest.mark.parametrize(
    ("given", "text", "parts"),
    [
        ("s3://bucket/a/b.csv", "s3://bucket/a/b.csv", ("bucket", "a/b.csv", None)),
        ("s3://aws@bucket/a//b#1?c.csv", "s3://aws@bucket/a//b#1?c.csv", ("bucket", "a//b#1?c.csv", "aws")),
        ("gs://bucket", "gs://bucket", ("bucket", "", None)),
        ("/tmp/x/", "file:///tmp/x", ("", "tmp/x", None)),
        ("file:///tmp/x", "file:///tmp/x", ("", "tmp/x", None)),
        ("sftp://ssh_default@host/tmp/x", "sftp://ssh_default@/tmp/x", ("", "tmp/x", "ssh_default")),
    ],
)
def test_a_url_is_taken_apart(given: str, text: str, parts: tuple[str, str, str | None]) -> None:
    path = ObjectStoragePath(given)
    assert (str(path), (path.bucket, path.key, path.conn_id)) == (text, parts)


def test_names_are_those_of_pathlib() -> None:
    path = ObjectStoragePath("s3://bucket/a/b.tar.gz", conn_id="aws")
    assert (path.name, path.stem, path.suffix, path.suffixes) == ("b.tar.gz", "b.tar", ".gz", [".tar", ".gz"])
    assert str(path.parent) == "s3://aws@bucket/a"
    assert [str(one) for one in path.parents] == ["s3://aws@bucket/a", "s3://aws@bucket"]
    assert path.parent / "b.tar.gz" == path
    assert path.parent.joinpath("c", "d").path == "bucket/a/c/d"
    assert path.with_suffix(".bz2").name == "b.tar.bz2"
    assert str(path.relative_to("s3://aws@bucket")) == "a/b.tar.gz"
    assert path.is_relative_to(path.parent)
    assert not path.is_relative_to("s3://bucket"), "another connection, another storage"
    with pytest.raises(ValueError, match="different storages"):
        path.relative_to("gs://bucket")
    assert path.as_uri() == "s3://bucket/a/b.tar.gz"
    assert path < path.with_name("c")
    assert Asset(uri=path).uri == str(path)


def test_only_local_paths_are_files_for_others(tmp_path: Path) -> None:
    assert os.fspath(ObjectStoragePath(tmp_path)) == str(tmp_path)
    with pytest.raises(TypeError, match="is not on this machine"):
        os.fspath(ObjectStoragePath("s3://bucket/a"))


def test_what_is_there_is_found(bucket: ObjectStoragePath) -> None:
    assert sorted(one.name for one in bucket.iterdir()) == ["a.csv", "deep"]
    assert [one.key for one in bucket.rglob("*.csv")] == ["a.csv", "deep/b.csv"]
    assert [one.name for one in bucket.glob("*.csv")] == ["a.csv"]
    assert [(root.key, files) for root, _, files in bucket.walk()] == [("", ["a.csv"]), ("deep", ["b.csv"])]
    file = bucket / "deep" / "b.csv"
    assert (file.exists(), file.is_file(), file.is_dir(), file.size(), file.stat().st_size) == (
        True, True, False, 2, 2,
    )  # fmt: skip
    assert (file.parent.is_dir(), (bucket / "nosuch").exists()) == (True, False)


def test_reading_and_writing(bucket: ObjectStoragePath) -> None:
    file = bucket / "text"
    assert file.write_text("Grüße") == 5
    assert (file.read_text(), file.read_bytes()) == ("Grüße", "Grüße".encode())
    with file.open("wb", compression="gzip") as out:
        out.write(b"packed")
    with file.open("rb", compression="gzip") as back:
        assert back.read() == b"packed"
    file.unlink()
    with pytest.raises(FileNotFoundError):
        file.unlink()
    file.unlink(missing_ok=True)
    file.touch()
    with pytest.raises(FileExistsError):
        file.touch(exist_ok=False)


def test_copies_also_go_to_other_storages(bucket: ObjectStoragePath, tmp_path: Path) -> None:
    (bucket / "a.csv").copy(tmp_path)
    assert (tmp_path / "a.csv").read_text() == "a"
    (bucket / "a.csv").copy(bucket / "new" / "c.csv")
    assert (bucket / "new" / "c.csv").read_text() == "a"
    with pytest.raises(IsADirectoryError, match="recursive=True"):
        bucket.copy(tmp_path / "all")
    bucket.copy(tmp_path / "all", recursive=True)
    assert sorted(str(one.relative_to(tmp_path / "all")) for one in (tmp_path / "all").rglob("*.csv")) == [
        "a.csv", "deep/b.csv", "new/c.csv",
    ]  # fmt: skip
    moved = (bucket / "a.csv").move(str(tmp_path / "moved.csv"))
    assert (moved.read_text(), (bucket / "a.csv").exists()) == ("a", False)
    (bucket / "new" / "c.csv").rename(bucket / "d.csv")
    assert (bucket / "d.csv").exists()


def test_a_path_is_an_xcom(bucket: ObjectStoragePath) -> None:
    before = use_policy(value_policy([], []))
    try:
        back = decode(encode(ObjectStoragePath("s3://aws@bucket/a"), what="x"))
    finally:
        use_policy(before)
    assert (back, back.conn_id) == (ObjectStoragePath("s3://aws@bucket/a"), "aws")
    with pytest.raises(InvalidArgument, match="storage options"):
        ObjectStoragePath("s3://bucket/a", key="secret").serialize()


def test_a_storage_may_have_a_name_of_its_own(bucket: ObjectStoragePath) -> None:
    attach("memory", alias="mine")
    assert ObjectStoragePath(f"mine://{bucket.bucket}/a.csv").read_text() == "a"
    assert attach(alias="mine").protocol == "memory"
    with pytest.raises(InvalidArgument, match="needs a protocol"):
        attach(alias="nobody")


def test_a_scheme_that_nothing_opens_says_what_to_install() -> None:
    with pytest.raises(ConfigError, match="nothing that is installed opens nosuch://"):
        get_fs("nosuch")
    with pytest.raises(ConfigError, match=r"with the connection 'c': install .* by `bide provider add`"):
        get_fs("nosuch", "c")
    assert (has_fs("file"), has_fs("nosuch")) == (True, False)


def test_a_provider_package_opens_its_schemes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "moon_files.py").write_text(
        "import fsspec\nschemes = ['moon']\nseen = []\n"
        "def get_fs(conn_id, storage_options):\n"
        "    seen.append((conn_id, storage_options))\n    return fsspec.filesystem('memory')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        providers.ProvidersManager, "filesystem_module_names", property(lambda _: ["no.such.module", "moon_files"])
    )
    object_stores._openers_by_scheme.cache_clear()
    try:
        path = ObjectStoragePath("moon://armstrong@base/flag", size=1)
        assert isinstance(path.fs, type(fsspec.filesystem("memory")))
        assert path.parent.fs is path.fs
        assert sys.modules["moon_files"].seen == [("armstrong", {"size": 1})]
    finally:
        object_stores._openers_by_scheme.cache_clear()
