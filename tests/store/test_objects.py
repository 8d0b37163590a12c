"""Objects in a folder and in a bucket, held to one suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from minio import Minio

from eventflow.errors import Misconfigured, NotFound, Unavailable
from eventflow.store.objects import Objects, open_objects
from tests.services import a_free_port, an_s3_server


class ObjectsConformance:
    """Inherit it and say where the objects are with a fixture ``objects``."""

    def test_what_was_put_is_there(self, objects: Objects) -> None:
        objects.put("streams/a/1-9.zip", b"bytes")

        assert objects.get("streams/a/1-9.zip") == b"bytes"
        assert objects.exists("streams/a/1-9.zip")

    def test_an_object_is_replaced_whole(self, objects: Objects) -> None:
        objects.put("a", b"a long first one")

        objects.put("a", b"short")

        assert objects.get("a") == b"short"

    def test_an_object_may_be_empty(self, objects: Objects) -> None:
        objects.put("a", b"")

        assert objects.get("a") == b""

    def test_a_large_object_comes_back(self, objects: Objects) -> None:
        content = bytes(range(256)) * 40_000
        objects.put("large", content)

        assert objects.get("large") == content

    @pytest.mark.parametrize(
        ("start", "length"), [(0, 1), (0, 100), (99, 1), (7, 20), (90, 50), (0, 0), (100, 1), (200, 5)]
    )
    def test_a_part_is_exactly_that_part(self, objects: Objects, start: int, length: int) -> None:
        content = bytes(range(100))
        objects.put("part", content)

        assert objects.get_range("part", start, length) == content[start : start + length]

    def test_a_file_is_sent_and_read_some_at_a_time(self, objects: Objects, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_bytes(content := bytes(range(256)) * 70_000)

        objects.send("sent/file", file)

        parts = list(objects.read("sent/file"))
        assert len(parts) > 1
        assert b"".join(parts) == content
        assert file.exists()

    def test_what_is_not_there_is_named(self, objects: Objects) -> None:
        assert not objects.exists("nowhere/at/all")
        with pytest.raises(NotFound, match="nowhere/at/all"):
            objects.get("nowhere/at/all")
        with pytest.raises(NotFound, match="nowhere/at/all"):
            objects.get_range("nowhere/at/all", 0, 10)
        with pytest.raises(NotFound, match="nowhere/at/all"):
            next(objects.read("nowhere/at/all"))

    def test_what_was_deleted_is_gone_and_may_be_deleted_again(self, objects: Objects) -> None:
        objects.put("a/b", b"bytes")

        objects.delete("a/b")
        objects.delete("a/b")

        assert not objects.exists("a/b")

    def test_keys_are_listed_in_order_and_by_prefix(self, objects: Objects) -> None:
        for key in ("b/2", "a/1", "b/10", "bb/1"):
            objects.put(key, b"")

        assert list(objects.list()) == ["a/1", "b/10", "b/2", "bb/1"]
        assert list(objects.list("b/")) == ["b/10", "b/2"]
        assert list(objects.list("c")) == []

    def test_a_key_may_hold_any_word(self, objects: Objects) -> None:
        objects.put("größe/a b+c.zip", b"bytes")

        assert objects.get("größe/a b+c.zip") == b"bytes"
        assert list(objects.list("größe/")) == ["größe/a b+c.zip"]


class TestFolder(ObjectsConformance):
    """A folder."""

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Objects:
        return open_objects((tmp_path / "objects").as_uri())

    @pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a//b", "", "a/../b", ".hidden"])
    def test_a_key_stays_inside(self, objects: Objects, key: str) -> None:
        with pytest.raises(ValueError, match="is not a key"):
            objects.put(key, b"")

    def test_half_an_object_that_a_killed_writer_left_goes_with_it(self, objects: Objects, tmp_path: Path) -> None:
        objects.put("a/b[1].zip", b"bytes")
        (tmp_path / "objects/a/.b[1].zip.x7q").write_bytes(b"half")

        objects.delete("a/b[1].zip")

        assert list((tmp_path / "objects/a").iterdir()) == []

    def test_a_folder_that_is_a_file_is_out_of_reach(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("a file")

        with pytest.raises((Unavailable, NotFound)):
            open_objects((tmp_path / "file").as_uri()).put("a", b"")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with an_s3_server() as url:
        yield url


class TestS3(ObjectsConformance):
    """A bucket of rclone."""

    @pytest.fixture
    def objects(self, s3: str) -> Objects:
        return a_bucket(s3)


@pytest.fixture(scope="module")
def another_s3() -> Iterator[str]:
    with an_s3_server("moto") as url:
        yield url


class TestAnotherS3(ObjectsConformance):
    """A bucket of moto, which is another implementation."""

    @pytest.fixture
    def objects(self, another_s3: str) -> Objects:
        return a_bucket(another_s3)


def a_bucket(server: str) -> Objects:
    """A bucket of one's own."""
    return open_objects(f"{server}/test-{uuid4().hex[:12]}?secure=false&create=true")


def test_a_bucket_that_is_there_already_is_used(s3: str) -> None:
    url = f"{s3}/shared?secure=false"
    open_objects(f"{url}&create=true").put("a", b"bytes")

    assert open_objects(url).get("a") == b"bytes"


def test_a_bucket_that_was_misspelt_is_not_made(s3: str) -> None:
    with pytest.raises(Unavailable, match=r"misspelt.* no such bucket.* name of the bucket in the setting objects"):
        open_objects(f"{s3}/misspelt?secure=false")

    assert not the_client(s3).bucket_exists("misspelt")


def the_client(s3: str) -> Minio:
    """Another client of the same server."""
    address = f"127.0.0.1:{urlsplit(s3).port}"
    return Minio(address, access_key="test", secret_key="testtest", secure=False, region="us-east-1")


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(Unavailable, match=r"bucket .*Connection refused") as caught:
        open_objects(f"s3://key:secret@127.0.0.1:{a_free_port()}/bucket?secure=false")
    assert "Max retries" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["somebody:testtest", "test:something"])
def test_whoever_is_not_let_in_is_told_what_to_look_at(s3: str, wrong: str) -> None:
    with pytest.raises(Unavailable, match="Look at the key and the secret in the setting objects"):
        open_objects(f"{s3.replace('test:testtest', wrong)}/shared?secure=false&create=true")


def test_a_bucket_that_went_away_is_named_whatever_is_asked_of_it(s3: str) -> None:
    objects = open_objects(f"{s3}/leaving?secure=false&create=true")
    the_client(s3).remove_bucket("leaving")

    with pytest.raises(Unavailable, match=r"NoSuchBucket: .* the name of the bucket in the setting objects"):
        objects.get("a")
    with pytest.raises(Unavailable, match="NoSuchBucket"):
        objects.put("a", b"bytes")


@pytest.mark.parametrize(
    "url", ["ftp://somewhere", "s3://key:secret@host", "s3://key:secret@host/a/b", "s3://key:secret@host/b"]
)
def test_a_place_that_nobody_knows_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured):
        open_objects(url)
