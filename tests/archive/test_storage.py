"""Recordings that lie in S3, by a server that speaks it; ``make test-cluster`` runs these."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgevid.archive import Settings, answers, find, index, libraries, search
from edgevid.errors import SourceError
from tests.archive.test_index import rows

pytestmark = pytest.mark.slow


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket, ``recordings``, as s3fs sees it; also by other processes."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    kind = libraries.fsspec().get_filesystem_class("s3")
    kind.clear_instance_cache()  # another test's server
    system = kind()
    system.mkdir("recordings")
    yield system
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", b"")
    server.stop()


def test_recordings_in_a_bucket_are_those_of_a_folder(
    bucket: Any, footage: Path, settings: Settings, tmp_path: Path
) -> None:
    local = find([str(footage)])
    for one in local:
        bucket.put(one.address, f"recordings/{Path(one.address).relative_to(footage)}")
    bucket.pipe("recordings/2026-05-02/09/gate/readme.txt", b"no video")
    bucket.pipe("recordings/2026-05-02/09/gate/02.00.mp4", b"broken")
    found = find(["s3://recordings"])
    assert len(found) == len(local) + 1
    whole = [one for one in found if one.size > 100]
    assert [(one.camera, one.began, one.content()) for one in whole] == [
        (one.camera, one.began, one.content()) for one in local
    ]
    report = index(found, tmp_path / "remote", settings, workers=2)
    assert report.indexed == len(local)
    assert [line.split(": ")[0] for line in report.problems] == [
        "s3://recordings/2026-05-02/09/gate/02.00.mp4"
    ]
    index(local, tmp_path / "local", settings, workers=1)
    tables = [
        [{**row, "source": ""} for row in rows(tmp_path / name)] for name in ("remote", "local")
    ]
    assert tables[0] == tables[1]
    sources = {row["source"] for row in rows(tmp_path / "remote")}
    assert sources == {one.address for one in whole}
    again = index(find(["s3://recordings/2026-05-01/*/yard/*.mp4"]), tmp_path / "remote", settings)
    assert (again.indexed, again.known) == (0, 3)


def test_clips_are_cut_from_a_bucket(bucket: Any, footage: Path, tmp_path: Path) -> None:
    one = find([str(footage)])[0]
    bucket.put(one.address, "recordings/yard/one.mp4")
    (remote,) = find(["s3://recordings/yard/one.mp4"])
    assert one.began is not None
    answer = search.Answer("yard", remote.address, "", one.began, 1.0, 2.0, 0.5, "red")
    assert answers.write_clips([answer], tmp_path) == []
    assert len(list(tmp_path.glob("*.mp4"))) == 1


def test_what_a_server_refuses_is_one_line(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="s3://nowhere: ") as told:
        find(["s3://nowhere"])
    assert "\n" not in str(told.value)
    with pytest.raises(SourceError, match="s3://recordings: holds no videos"):
        find(["s3://recordings"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    type(bucket).clear_instance_cache()
    with pytest.raises(SourceError, match="s3://recordings: ") as told:
        find(["s3://recordings"])
    assert "\n" not in str(told.value)
