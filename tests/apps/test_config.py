"""The configuration: what the example says, and what is said of a wrong file."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest

from apps.raspberry_pi import config as module
from apps.raspberry_pi.config import AlertConfig, CameraConfig, Config
from apps.raspberry_pi.config_file import read
from edgevid import EventRules, Manifest, UsageError

EXAMPLE = Path(module.__file__).with_name("edgevid.toml")
CAMERA = '[[camera]]\nname = "front"\nsource = "0"\n'
ALERT = CAMERA + '[[alert]]\nlevel = "alert"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "edgevid.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_example_is_the_defaults() -> None:
    assert read(EXAMPLE).config == Config((CameraConfig(name="front", source="picamera"),))


def test_the_example_explains_every_option_under_its_table() -> None:
    lists: dict[str, type] = {"camera": CameraConfig, "alert": AlertConfig}
    tables = {
        name: kind
        for name, kind in get_type_hints(Config).items()
        if name.removesuffix("s") not in lists
    }
    for name, record in {**lists, **tables}.items():
        text = re.split(rf"\n(?:# )?\[+{name}\]+\n", EXAMPLE.read_text("utf-8"))[1]
        text = re.split(r"\n(?:# )?\[", text)[0]
        shown = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))
        known = {field.name for field in fields(record)}
        general = {field.name for field in fields(module.Rules)} if name == "camera" else set()
        assert known - general <= shown <= known, name


def test_what_the_example_has_commented_out_can_be_used(tmp_path: Path) -> None:
    text = re.sub(r"^# (\[\[|\w+ = )", r"\1", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    config = read(written(tmp_path, text)).config
    assert config.cameras[0].crop == (80, 0, 480, 480)
    assert config.cameras[0].allow == ("juggling balls",)
    # It says that these are the model's.
    assert config.events.over(Manifest("any", ("one", "two"))) == EventRules()
    for name in set(vars(EventRules())) - {"by_label"}:
        assert getattr(config.events, name) == getattr(EventRules(), name)


def test_several_cameras_each_with_its_own_rules(tmp_path: Path) -> None:
    text = CAMERA + "on_threshold = 1\n" + CAMERA.replace("front", "back")
    one, two = read(written(tmp_path, text)).config.cameras
    assert (one.name, one.on_threshold) == ("front", 1.0)
    assert (two.name, two.on_threshold) == ("back", None)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", None, "names no camera"),
        (CAMERA + "[wep]\n", 4, "there is no table wep: did you mean web?"),
        (CAMERA + "[web]\nprot = 1\n", 5, "[web]: there is no key prot: did you mean port?"),
        (CAMERA + "[web]\n\nport = 0\n", 6, "[web]: port must be a port, 1 to 65535"),
        (CAMERA + "[web]\nport = true\n", 5, "[web]: port must be a port, 1 to 65535"),
        (CAMERA + "[mqtt]\nport = 1\n[web]\nport = 'x'\n", 7, "[web]: port must be a port"),
        (CAMERA + "[web]\nenabled = 1\n", 5, "[web]: enabled must be true or false"),
        (CAMERA + "web = { port = 'x' }\n", 4, "[[camera]]: there is no key web"),
        ("web = { port = 'x' }\n" + CAMERA, 1, "[web]: port must be"),
        ("web = 3\n" + CAMERA, 1, "web is a table: write [web]"),
        ("camera = 3\n", 1, "each camera is a table: write [[camera]]"),
        (CAMERA + '[[camera]]\nname = "b"\n', 4, "[[camera]]: source is missing"),
        (CAMERA + '[[camera]]\nname = "b/c"\nsource="1"', 5, "name must be letters, digits"),
        (CAMERA + CAMERA, 5, "a second camera called 'front'"),
        (CAMERA + "crop = [0, 0, 0, 5]\n", 4, "crop must be [x, y, width, height] in pixels"),
        (CAMERA + "fit = 'squeeze'\n", 4, "fit must be one of 'crop', 'stretch', 'letterbox'"),
        (CAMERA + "[events]\non_threshold = nan\n", 5, "on_threshold must be a number from 0 to 1"),
        (CAMERA + "[service]\nstall = inf\n", 5, "stall must be seconds, over 0"),
        (CAMERA + "alert = 3\n", 4, "[[camera]]: there is no key alert"),
        ("alert = 3\n" + CAMERA, 1, "each alert is a table: write [[alert]]"),
        (CAMERA + "[[alert]]\n", 4, "[[alert]]: level is missing"),
        (ALERT + "[[alert]]\nlevel = 'loud'\n", 7, 'level must be one of "log", "show", "al'),
        (ALERT + "between = '22:00'\n", 6, 'a part of the day, such as "22:00-06:00"'),
        (ALERT + "between = '22:00-24:00'\n", 6, 'a part of the day, such as "22:00-06:00"'),
        (ALERT + "between = '22:00-22:00'\n", 6, 'a part of the day, such as "22:00-06:00"'),
        (ALERT + "probability = 1.5\n", 6, "probability must be a number from 0 to 1"),
        (ALERT + "cool_down = -1\n", 6, "cool_down must be seconds, 0 or more"),
        (CAMERA + "[model\n", 4, "expected ']' at the end of a table declaration"),
        (CAMERA + "[model]\nname = ", 5, "invalid value"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(
    text: str, line: int | None, problem: str, tmp_path: Path
) -> None:
    path = written(tmp_path, text)
    place = f"{path}:{line}: " if line else f"{path}: "
    with pytest.raises(UsageError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(place)
    assert problem in message
    assert "\n" not in message


def test_all_that_is_wrong_is_told_at_once_in_the_files_order(tmp_path: Path) -> None:
    text = 'wep = 1\n[web]\nport = 0\n[[alert]]\nlevle = "show"\n[model]\nthreads = 0\n'
    path = written(tmp_path, text + CAMERA + "tracks = 0\nfit = 'x'\n" + CAMERA)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert [line.partition(": ")[0] for line in str(caught.value).splitlines()] == [
        f"{path}:{number}" for number in (1, 3, 4, 5, 7, 11, 12)
    ]


def test_alert_rules(tmp_path: Path) -> None:
    config = read(
        written(tmp_path, ALERT + 'between = "22:30-06:05"\nlabels = ["falling"]\n')
    ).config
    assert config.alerts == (AlertConfig(level="alert", between=(1350, 365), labels=("falling",)),)
    assert read(written(tmp_path, CAMERA)).config.alerts == ()


def test_a_password_in_a_source_is_not_shown(tmp_path: Path) -> None:
    config = read(written(tmp_path, CAMERA.replace('"0"', '"rtsp://me:hush@camera/"'))).config
    assert "hush" not in repr(config)
    with pytest.raises(UsageError) as caught:
        read(written(tmp_path, CAMERA.replace('"0"', '["rtsp://me:hush@camera/"]')))
    assert "hush" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read: No such file"):
        read(tmp_path / "none.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# \xff")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        read(path)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "edgevid.toml"
    path.write_bytes(b"\xef\xbb\xbf" + CAMERA.replace("\n", "\r\n").encode())
    assert read(path).config.cameras[0].name == "front"
    path.write_bytes(b"\xef\xbb\xbf" + CAMERA.encode() + b"[web]\nport = 0\n")
    with pytest.raises(UsageError, match=r"toml:5: \[web\]: port must be"):
        read(path)


@pytest.mark.parametrize("angle", ["45", "-90", "90.0", "true", "'90'"])
def test_a_camera_is_turned_by_right_angles_only(tmp_path: Path, angle: str) -> None:
    with pytest.raises(UsageError, match="rotate must be one of 0, 90, 180, 270"):
        read(written(tmp_path, CAMERA + f"rotate = {angle}\n"))
    assert read(written(tmp_path, CAMERA + "rotate = 270\n")).config.cameras[0].rotate == 270
