"""What is wrong with settings that only shows when they are put to use."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import apps.raspberry_pi as app
from apps.raspberry_pi import check, config_file, log
from apps.raspberry_pi.__main__ import watch
from apps.raspberry_pi.cameras.drawing import Drawing
from apps.raspberry_pi.config_file import WrongError
from apps.raspberry_pi.service import Part, Service, stop_all
from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid import EdgevidError, Model, UsageError, Zone
from tests.apps.parts import RED, colours

README = Path(app.__file__).with_name("README.md")
EXAMPLE = Path(app.__file__).with_name("edgevid.toml")
CAMERA = '[[camera]]\nname = "front"\nsource = "0"\n'
NO_PAGE = "[web]\nenabled = false\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tiny model and its labels."""
    (tmp_path / "tiny.tflite").write_bytes(tiny_model())
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.delenv("EDGEVID_MODELS", raising=False)
    return tmp_path


def written(folder: Path, text: str) -> config_file.ConfigFile:
    path = folder / "edgevid.toml"
    path.write_text(text, "utf-8")
    return config_file.read(path)


def secret(folder: Path, text: str = "hush-hush-hush-hush", mode: int = 0o600) -> str:
    path = folder / f"secret-{mode:o}"
    path.write_text(text)
    path.chmod(mode)
    return f'"{path}"'


def settings_that_are_wrong(folder: Path) -> list[tuple[str, int, str]]:
    """Text, line, problem."""
    (folder / "a file").write_text("")
    (folder / "bad.toml").write_text("format = 1\non_treshold = 0.6")
    mqtt = CAMERA + '[mqtt]\nhost = "localhost"\n'
    web = CAMERA + "[web]\n"
    everyone = secret(folder, mode=0o644)
    return [
        (CAMERA.replace('"0"', '"-"'), 3, "[[camera]]: a service has no standard input"),
        (CAMERA.replace('"0"', '"rtsp:me:hush@camera/x"'), 3, "an address begins with rtsp://"),
        (CAMERA.replace('"0"', '"rtps://me:hush@camera/x"'), 3, "did you mean rtsps://?"),
        (CAMERA.replace('"0"', '"rtsp://me:hush@"'), 3, "rtsp:// and no host"),
        (CAMERA + '[mqtt]\nhost = "mqtt://localhost"\n', 5, "[mqtt]: host is the name of a mach"),
        (CAMERA + '[mqtt]\nhost = "localhost:1883"\n', 5, "what follows the colon goes to port"),
        (CAMERA + '[mqtt]\nhost = "me@localhost"\n', 5, "such as localhost, and nothing else"),
        (mqtt + 'topic = "a/#"\n', 6, "[mqtt]: topic is a topic, without + and #"),
        (mqtt + 'topic = ""\n', 6, "[mqtt]: topic is a topic, without + and #"),
        (mqtt + f"password_file = {everyone}\n", 6, "[mqtt]: a password needs a username"),
        (mqtt + f'username = "me"\npassword_file = {everyone}\n', 7, "every user of this machine"),
        (mqtt + 'username = "me"\npassword_file = "/none"\n', 7, "/none: cannot be read: No such"),
        (mqtt + 'ca_file = "/none"\n', 6, "ca_file is of no use without tls = true"),
        (mqtt + 'tls = true\nca_file = "/none"\n', 7, "/none: is no file of certificates"),
        (mqtt + "port = 8080\n", 6, "[mqtt]: 8080 is the page's port already"),
        (mqtt + "[web]\nport = 1883\n", 7, "[web]: 1883 is the broker's port already"),
        (web + 'host = "http://0.0.0.0"\n', 5, "[web]: host is the name of a machine"),
        (web + 'host = "0.0.0.0"\n', 5, "[web]: on 0.0.0.0 other machines could see the cameras"),
        (
            web + 'host = "256.0.0.1"\ntoken_file = ' + secret(folder),
            5,
            "the page cannot be at 256",
        ),
        (web + 'token_file = "/none"\n', 5, "[web]: /none: cannot be read: No such file"),
        (web + f"token_file = {everyone}\n", 5, "[web]: "),
        (CAMERA + f'[clips]\nfolder = "{folder}/a file/x"\n', 5, "a file is no folder"),
        (CAMERA.replace('"0"', f'"{folder}"') + f'[clips]\nfolder = "{folder}/"\n', 5, "feed it"),
        (mqtt + f'[service]\nstate_folder = "{folder}/a file"\n', 7, "a file is no folder"),
        (CAMERA + '[gpio]\nbutton = "GPIO2"\n', 5, "[gpio]: the button keeps clips"),
        (
            CAMERA + "on_threshold = 0.3\noff_threshold = 0.4\n",
            5,
            "off_threshold, 0.4, must not be",
        ),
        (CAMERA + "on_threshold = 0.1\n", 4, "off_threshold is the model's own, set it to 0.1 or"),
        (
            CAMERA + "[events]\noff_threshold = 0.9\n",
            5,
            "[events]: camera front: off_threshold, 0.9",
        ),
        (
            CAMERA + 'features = "/a"\n[[camera]]\nname = "b"\nsource = "1"\nfeatures = "/a"\n',
            8,
            "[[camera]]: another camera's are there",
        ),
        (CAMERA + 'rules = "hasty"\n', 4, "hasty: no such file; rules have a file, or a name"),
        (
            CAMERA + f'[events]\nrules = "{folder}/bad.toml"\n',
            5,
            "there is no key on_treshold: did",
        ),
        (
            CAMERA + 'rules = "sure"\noff_threshold = 0.8\n',
            5,
            "must not be over on_threshold, 0.75",
        ),
    ]


def test_settings_that_cannot_work_are_told_with_their_line(place: Path) -> None:
    for text, line, problem in settings_that_are_wrong(place):
        message = ""
        try:
            check.settings(written(place, text))
        except WrongError as error:
            message = next((one for one in error.problems if problem in one), str(error))
        assert message.startswith(f"{place}/edgevid.toml:{line}: ["), (text, message)
        assert problem in message, (text, message)
        assert "hush" not in message
        assert "\n" not in message


def test_a_folder_that_may_not_be_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.raspberry_pi.folders.os.access", lambda *_: False)
    with pytest.raises(UsageError, match=r"edgevid.toml:5: \[clips\]: the user \w+ may not write"):
        check.settings(written(place, CAMERA + f'[clips]\nfolder = "{place}/clips"\n'))


def test_a_missing_library_is_told_with_the_line_that_needs_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(UsageError, match=r"edgevid.toml:5: \[gpio\]: .*gpiozero"):
        check.settings(written(place, CAMERA + '[gpio]\nled = "GPIO2"\n'))


def test_what_may_come_right_by_itself_is_not_wrong(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        text = CAMERA.replace('"0"', '"/dev/video99"') + f"[web]\nport = {port}\n"
        text += '[mqtt]\nhost = "no.such.broker.invalid"\n'
        text += '[[camera]]\nname = "back"\nsource = "usb stick/later.mp4"\n'
        check.settings(written(place, text))
    assert not (place / "state").exists()  # nothing was made


def model_of(place: Path, text: str) -> Model:
    file = written(place, text)
    model = check.model(file)
    check.labels(file, model)
    return model


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ('[model]\nname = "movinet-b7"\n', 5, "[model]: there is no model called 'movinet-b7'"),
        ('[model]\nname = "/none.tflite"\n', 5, "[model]: there is no model file /none.tflite"),
        ('[model]\nname = "labels.txt"\n', 5, "[model]: "),
        ('[model]\nname = "{tiny}"\nlabels = "/none"\n', 6, "[model]: "),
        ('[model]\nname = "{tiny}"\nlabels = "{tiny}"\n', 6, "[model]: "),
        ('{model}[events]\nallow = ["mauve"]\n', 8, "[events]: camera front: "),
        ('{model}[events]\ndeny = ["mauve"]\n', 8, "[events]: camera front: "),
        ('features = "/a"\n{model}', 4, "camera front: tiny gives no features"),
        ('{model}[archive]\nfolder = "{place}/a"\n', 8, "[archive]: tiny gives no features"),
        (
            'rules = "{place}/rules.toml"\n{model}',
            4,
            "there are rules for 'mauve', which the model",
        ),
        ('allow = ["read"]\n{model}', 4, "[[camera]]: camera front: "),
        ('allow = ["red"]\ndeny = ["red"]\n{model}', 4, "camera front: allow and deny leave no"),
    ],
)
def test_model_and_labels_that_do_not_go_together(
    place: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: int, problem: str
) -> None:
    monkeypatch.chdir(place)
    (place / "rules.toml").write_text("format = 1\n[label.mauve]\non_threshold = 0.9\n")
    model = '[model]\nname = "{tiny}"\nlabels = "{place}/labels.txt"\n'
    for name, value in (("model", model), ("tiny", "{place}/tiny.tflite"), ("place", str(place))):
        text = text.replace(f"{{{name}}}", value)
    with pytest.raises(UsageError) as caught:
        model_of(place, CAMERA + text)
    assert str(caught.value).startswith(f"{place}/edgevid.toml:{line}: ")
    assert problem in str(caught.value)


def test_labels_that_only_a_model_knows_which_cannot_be_downloaded_are_not_wrong(
    place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else systemd would not try again, when the network is there."""
    monkeypatch.setattr("edgevid.models.catalog.Published.addresses", ())
    with pytest.raises(EdgevidError) as caught:
        model_of(place, CAMERA + 'allow = ["opening door"]\n')
    assert not isinstance(caught.value, UsageError)
    assert "could not be downloaded" in str(caught.value)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "apps.raspberry_pi", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("flags", [["--check"], []])
def test_a_wrong_setting_ends_with_the_code_that_systemd_does_not_restart(
    place: Path, flags: list[str]
) -> None:
    written(place, CAMERA + NO_PAGE + f'[model]\nname = "{place}/none.tflite"\n')
    done = run(*flags, "--config", f"{place}/edgevid.toml")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"edgevid: {place}/edgevid.toml:7: [model]: ")
    assert "Traceback" not in done.stderr


def test_without_its_model_a_check_says_that_labels_were_not_looked_at(
    place: Path, folder: Path
) -> None:
    written(place, CAMERA + 'allow = ["whatever"]\n' + NO_PAGE)
    done = run("--check", "--config", f"{place}/edgevid.toml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{place}/edgevid.toml: is right; cameras: front\n"
        "the model is not here yet, the start downloads it: labels were not checked\n"
    )
    assert not any(folder.iterdir())


# What the documentation shows


def test_every_example_of_the_readme_works_with_the_model(
    published_path: Path, published: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = re.findall(r"```toml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(examples) >= 3
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    for path in ("mqtt", "token"):
        (tmp_path / path).write_text("0123456789abcdef")
        (tmp_path / path).chmod(0o600)
    (tmp_path / "front.rules.toml").write_text("format = 1")
    for example in examples:
        text = example if "[[camera]]" in example else CAMERA + example
        file = written(tmp_path, text.replace("/etc/edgevid", str(tmp_path)))
        check.settings(file)
        check.labels(file, published)


def test_what_the_example_has_commented_out_works_with_the_model(
    published: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = re.sub(r"^# (\[\[|\w+ = )", r"\1", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    text = text.replace('follow = ""', 'follow = "motion"')
    of_tracks = r"^(zones|zone_allow|dwell|follow) = .*\n"  # which do not go with these
    of_the_whole = r"^(crop|features) = .*\n"
    for left_out in (of_tracks, of_the_whole):
        file = written(tmp_path, re.sub(left_out, "", text, flags=re.MULTILINE))
        check.settings(file)
        check.labels(file, published)
        assert check.notes(file, published) == []


def test_labels_in_the_readme_are_the_models(published: Model) -> None:
    text = README.read_text("utf-8")
    shown = re.findall(r'"label": "([^"]+)"', text)
    for listed in re.findall(r"(?:allow|deny) = \[([^\]]*)\]", text + EXAMPLE.read_text("utf-8")):
        shown += re.findall(r'"(?:\w+=)?([^"]+)"', listed)  # of a zone: door=opening door
    assert len(shown) >= 4
    assert set(shown) <= set(published.manifest.labels)


# A check says what a start would say


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colours(tmp_path_factory.mktemp("shown") / "red.mp4", (RED, 2.0))


STARTS = [
    "",
    'zones = ["a=0,0;9,0;9,9"]\nfollow = "motion"\ndwell = 5\n',
    'zones = ["a=0,0;9,0;9,9"]\nzone_allow = ["a=red"]\nfollow = "motion"\n',
    'zones = ["a=0,0;9,0;9,9"]\nzone_allow = ["a=mauve"]\nfollow = "motion"\n',
    'allow = ["red"]\nrules = "sure"\n',
    '[[alert]]\nlevel = "alert"\nlabels = ["red", "what is taught later"]\nzones = ["drawn"]\n',
    "[notifications]\nurls_file = {urls}\n",
    '[mqtt]\nhost = "127.0.0.1"\nport = 1\n',
]
DOES_NOT_START = [
    'zones = ["a=0,0;9,0;9,9"]\n',
    "dwell = 5\n",
    'follow = "cats"\n',
    'follow = "motion"\ncrop = [0, 0, 9, 9]\n',
    'follow = "motion"\nfeatures = "{place}/features"\n',
    'follow = "motion"\nzones = ["a=0,0;9,0"]\n',
    'follow = "motion"\nzones = ["a=0,0;9,0;9,9"]\nzone_allow = ["b=red"]\n',
    'follow = "people"\ndetector = "{place}/labels.txt"\n',
    'follow = "people"\ndetector = "no-such-detector"\n',
    'allow = ["mauve"]\n',
    "memory = 0.00001\nallow = []\ndeny = {every}\n",
    '[[alert]]\nlevel = "alert"\ncameras = ["frnt"]\n',
    '[notifications]\nurls_file = "{place}/none"\n',
    "[notifications]\nurls_file = {no_urls}\n",
    '[mqtt]\nhost = "127.0.0.1"\nport = 1\n[service]\nstate_folder = "{place}/labels.txt"\n',
]


def settings_with(place: Path, shown: Path, text: str) -> config_file.ConfigFile:
    words = {
        "place": str(place),
        "urls": secret(place, "json://127.0.0.1:1/x", 0o600),
        "no_urls": secret(place, "nope://x", 0o640),
        "every": str(list(LABELS)),
    }
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", word)
    camera = f'[[camera]]\nname = "front"\nsource = "{shown}"\n'
    own, bracket, tables = text.partition("[")
    if not text.startswith("["):  # keys of the camera, and then perhaps tables
        lines = text.splitlines(keepends=True)
        first = next((n for n, line in enumerate(lines) if line.startswith("[")), len(lines))
        own, bracket, tables = "".join(lines[:first]), "", "".join(lines[first:])
    model = f'[model]\nname = "{place}/tiny.tflite"\nlabels = "{place}/labels.txt"\n'
    return written(place, camera + own + model + NO_PAGE + bracket + tables)


def starts(file: config_file.ConfigFile, monkeypatch: pytest.MonkeyPatch) -> str:
    """Starts the service and has it end as soon as it runs; returns why it does not start."""
    began: list[bool] = []

    def run(service: Service, parts: Sequence[Part] = ()) -> None:
        began.append(True)
        stop_all(parts)

    monkeypatch.setattr(Service, "run", run)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        watch(file, log.Limit(lambda record: None))
    except UsageError as error:
        return str(error)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert began
    return ""


@pytest.mark.parametrize("text", [*STARTS, *DOES_NOT_START])
def test_what_a_check_passes_starts_and_nothing_else_does(
    place: Path, shown: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    if "notifications" in text:
        pytest.importorskip("apprise", reason="Apprise is not installed")
    try:
        file = settings_with(place, shown, text)
        check.everything(file)
        says = ""
    except UsageError as error:
        says = str(error)
    assert bool(says) == (text in DOES_NOT_START), says
    if "edgevid.toml" not in says or not says:
        assert starts(file, monkeypatch) == says
    else:  # each line of it names one of the file
        assert all(re.match(r"\S+/edgevid\.toml:\d+: \[", line) for line in says.splitlines()), says
        with suppress(UsageError):  # which would not be read
            assert starts(settings_with(place, shown, text), monkeypatch)


def test_a_check_says_all_that_is_wrong_at_once(place: Path, shown: Path) -> None:
    text = (
        'dwell = 5\nallow = ["mauve"]\ndeny = ["beige"]\n[[alert]]\nlevel = "log"\n'
        'cameras = ["back"]\n[mqtt]\nhost = "a:1"\ntopic = "#"\n'
        '[clips]\nfolder = "{place}/tiny.tflite"\n'
    )
    file = settings_with(place, shown, text)
    with pytest.raises(WrongError) as caught:
        check.everything(file)
    keys = [file.lines[int(one.split(":")[1]) - 1].split()[0] for one in caught.value.problems]
    assert keys == ["dwell", "allow", "deny", "cameras", "host", "topic", "folder"]
    done = run("--check", "--config", str(file.path))
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if line.startswith("edgevid: ")]
    assert told == [f"edgevid: {one}" for one in caught.value.problems]


@pytest.mark.parametrize(
    ("taught", "setting", "noted"),
    [
        ("", 'follow = "motion"\n', "none"),
        ("motion", 'follow = "motion"\n', ""),
        ("motion", "", ""),
        ("motion", 'follow = "none"\n', "motion"),
    ],
)
def test_a_camera_that_shows_other_pictures_than_were_taught_is_noted(
    taught: str, setting: str, noted: str, place: Path, shown: Path
) -> None:
    file = settings_with(place, shown, setting)
    model = check.everything(file)
    assert model is not None
    assert check.notes(file, model) == []  # it was not taught at all
    told: dict[str, Any] = {"provenance": {"taught": {"follow": taught}}, "head": object()}
    model.manifest = replace(model.manifest, **told)
    problem = f"{file.path}:4: [[camera]]: the model was taught with follow = {noted!r}"
    found = [note.partition(": it knows")[0] for note in check.notes(file, model)]
    assert found == ([problem] if noted else [])
    chosen = {"front": Drawing(follow=taught or "none")}
    assert check.notes(file, model, chosen) == []


def test_a_rule_for_a_zone_that_is_drawn_is_right(place: Path, shown: Path) -> None:
    file = settings_with(place, shown, '[[alert]]\nlevel = "alert"\nzones = ["drawn"]\n')
    model = check.everything(file)
    assert model is not None
    assert len(check.notes(file, model)) == 1
    zone = Zone("drawn", ((0, 0), (9, 0), (9, 9)))
    assert check.notes(file, model, {"front": Drawing((zone,))}) == []


def test_a_rule_that_matches_nothing_now_is_noted(place: Path, shown: Path) -> None:
    file = settings_with(
        place,
        shown,
        'follow = "motion"\nzones = ["b=0,0;9,0;9,9"]\nzone_allow = ["b=red", "b=mauve"]\n'
        '[[alert]]\nlevel = "log"\nlabels = ["red", "dwell", "rde"]\nzones = ["a", "b"]\n',
    )
    model = check.everything(file)
    assert model is not None
    places = [line.removeprefix(f"{file.path}:") for line in check.notes(file, model)]
    assert places == [
        "6: [[camera]]: there is no label 'mauve' now",
        "14: [[alert]]: there is no label 'rde' now",
        "15: [[alert]]: there is no zone 'a' now",
    ]
    done = run("--check", "--config", str(file.path))
    assert done.returncode == 0
    assert done.stdout.count("note: ") == 3
