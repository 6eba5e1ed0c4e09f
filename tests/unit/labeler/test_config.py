"""Settings: order of strength, and errors that name the key and what is allowed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gramwatt_labeler.config import Duration, describe, load, settings
from gramwatt_labeler.decode_errors import message_and_path
from gramwatt_labeler.errors import ConfigError, ScaleError
from gramwatt_labeler.scale_files import load_scales, pick

DOCS = Path(__file__).parents[3] / "docs" / "labeler.md"


def test_flags_beat_environment_beats_file_beats_defaults(tmp_path: Path) -> None:
    file = tmp_path / "labeler.yml"
    file.write_text("watch: {interval: 30s, lookback: 2d}\nprometheus: {url: 'http://file:9090'}\n")
    environ = {
        "GRAMWATT_LABELER_WATCH_INTERVAL": "20s",
        "GRAMWATT_LABELER_GRADING_SCALES": "gramwatt, comparia",
    }
    loaded = load(str(file), environ, {"watch.interval": "10s"})
    assert loaded.config.watch.interval == 10
    assert loaded.config.watch.lookback == 172_800
    assert loaded.config.grading.scales == ["gramwatt", "comparia"]
    assert loaded.config.prometheus.url == "http://file:9090"
    assert loaded.config.watch.patience == 300
    text = describe(loaded)
    assert 'watch.interval: "10s"' in text
    assert "# flag --watch.interval" in text
    assert "# environment GRAMWATT_LABELER_GRADING_SCALES" in text
    assert f"# {file}" in text


def test_variables_shared_with_the_stack_are_read_and_the_own_ones_win() -> None:
    shared = {"GRAMWATT_PROMETHEUS_URL": "http://shared:9090", "GRAMWATT_GRAFANA_URL": "http://grafana:3000"}
    assert load(environ=shared).config.prometheus.url == "http://shared:9090"
    assert load(environ=shared).config.grafana.url == "http://grafana:3000"
    own = {"GRAMWATT_LABELER_PROMETHEUS_URL": "http://own:9090"}
    assert load(environ=own | shared).config.prometheus.url == "http://own:9090"
    assert load(environ=shared | own).config.prometheus.url == "http://own:9090"


def test_an_unknown_variable_is_told() -> None:
    loaded = load(environ={"GRAMWATT_LABELER_WATCH_INTERVALL": "5s", "PATH": "/bin"})
    assert len(loaded.warnings) == 1
    assert "GRAMWATT_LABELER_WATCH_INTERVALL is not a setting" in loaded.warnings[0]


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("watch: {interval: 15}", "$.watch.interval", "expected a duration such as"),
        ("watch: {interval: 0s}", "$.watch.interval", "allowed is 1s to 1h"),
        ("watch: {every: 15s}", "$.watch", "allowed here: interval, lookback, patience"),
        ("wacht: {}", "$", "allowed here: prometheus, watch, grading"),
        ("labels: {formats: [gif]}", "$.labels.formats[0]", "allowed: svg, png, pdf"),
        ("log: {level: loud}", "$.log.level", "allowed: debug, info, warning, error"),
        ("web: {listen_address: '10045'}", "$.web.listen_address", "expected HOST:PORT"),
        ("prometheus: {url: 'localhost:9090'}", "$.prometheus.url", "expected http://HOST:PORT"),
        ("prometheus: {url: ''}", "$.prometheus.url", "must not be empty"),
        ("grading: {scales: []}", "$.grading.scales", "length"),
        ("- list", "$", "expected a mapping"),
        ("a: [", "--config.file", "is not YAML"),
    ],
)
def test_a_wrong_file_is_refused_by_key(text: str, path: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "labeler.yml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(str(file))
    assert caught.value.path == path
    assert words in str(caught.value)


def test_a_wrong_flag_and_a_missing_file_are_named() -> None:
    with pytest.raises(ConfigError, match=r"\(--watch.interval\)"):
        load(flags={"watch.interval": "often"})
    with pytest.raises(ConfigError, match=r"cannot read /no/such\.yml"):
        load("/no/such.yml")


@pytest.mark.parametrize("key", sorted(settings()))
def test_every_setting_has_a_row_in_the_docs(key: str) -> None:
    assert f"| `{key}` |" in DOCS.read_text()


@pytest.mark.slow
def test_scales_of_a_directory_are_added_and_win_by_name(tmp_path: Path, built_in: Any) -> None:
    own = built_in["gramwatt"].file.read_text().replace('version: "2"', 'version: "ours"')
    (tmp_path / "mine.yml").write_text(own)
    (tmp_path / "other.yaml").write_text(own.replace("name: gramwatt", "name: ours"))
    scales = load_scales(str(tmp_path))
    assert scales["gramwatt"].id.version == "ours"
    assert set(scales) == {*built_in, "ours"}
    assert scales["gramwatt"].id.sha256 != built_in["gramwatt"].id.sha256


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("joules: 0.17\n", "joules: -1\n"), r"\$\.references\[0\]\.joules: Expected `float` > 0"),
        (("joules: 0.17\n", "jouls: 0.17\n"), "jouls"),
        (("up_to: 0.5", "up_to: 0.1"), r"\$\.bands: up_to must rise"),
        (("kind: eei", "kind: magic"), "magic"),
        (
            ("digits: digit-classification", "digits: nothing"),
            r"\$\.aliases\.digits: no reference for task 'nothing'",
        ),
        (("letter: B,", "letter: A,"), "a letter is used twice"),
    ],
)
def test_a_wrong_scale_is_refused_by_file_and_key(
    change: Any, words: Any, tmp_path: Path, built_in: Any
) -> None:
    text = built_in["gramwatt"].file.read_text()
    assert change[0] in text
    (tmp_path / "bad.yml").write_text(text.replace(*change, 1))
    with pytest.raises(ScaleError, match=words) as caught:
        load_scales(str(tmp_path))
    assert "bad.yml" in str(caught.value)


@pytest.mark.slow
def test_a_rated_scale_needs_bounds_that_fit(tmp_path: Path, built_in: Any) -> None:
    text = built_in["gaissalabel"].file.read_text()
    for old, new, words in (
        ("1.0863867368274065, ", "", "bounds: expected 4 falling numbers"),
        ("bounds: [1.17", "cuts: [1.17", "cuts: expected 4 rising numbers"),
        ("weight: 0.20\n", "weight: 0.20\n    lower_is_better: true\n", "needs a reference"),
    ):
        (tmp_path / "bad.yml").write_text(text.replace(old, new))
        with pytest.raises(ScaleError, match=words):
            load_scales(str(tmp_path))


@pytest.mark.slow
def test_scales_are_picked_by_name(built_in: Any) -> None:
    assert [one.id.name for one in pick(built_in, ["comparia", "gramwatt"])] == ["comparia", "gramwatt"]
    with pytest.raises(
        ScaleError, match=r"no scale 'best' \(known: comparia, gaissa, gaissa-fixed, gaissalabel, gramwatt\)"
    ):
        pick(built_in, ["best"])
    assert [one.id.name for one in pick(built_in, ["gaissa"])] == ["gaissa"]
    with pytest.raises(ScaleError, match="'strep' does not grade recorded windows"):
        pick(built_in, ["strep"])
    with pytest.raises(ScaleError, match="/no/such is not a directory"):
        load_scales("/no/such")


def test_names_of_the_server_and_flags_by_word() -> None:
    loaded = load(
        environ={"GRAMWATT_LABELER_WEB_ALLOWED_HOSTS": "labels.example.org, *.example.net"},
        flags={"labels.parts": "true"},
    )
    assert loaded.config.web.allowed_hosts == ["labels.example.org", "*.example.net"]
    assert loaded.config.labels.parts is True
    with pytest.raises(ConfigError, match=r"labels\.parts"):
        load(flags={"labels.parts": "perhaps"})


@pytest.mark.parametrize("text", ["1" * 100_000, "1." * 50_000, "1s" * 50_000 + "x", "1h" * 10 + "1"])
def test_a_long_text_that_is_no_duration_is_refused_in_one_pass(text: str) -> None:
    """Each took the square of its length: minutes for a hundred thousand digits."""
    with pytest.raises(ValueError, match="expected a duration"):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("text", "message", "path"),
    [
        (
            "Expected `int`, got `str` - at `$.watch.interval`",
            "Expected `int`, got `str`",
            "$.watch.interval",
        ),
        ("Expected `int`", "Expected `int`", "$"),
        ("unknown field ` - at `x` - at `$.a`", "unknown field ` - at `x`", "$.a"),
        ("Object contains unknown field ` - at `" + "a - at `" * 50_000, None, "$"),
    ],
)
def test_where_an_error_is_is_read_from_its_end(text: str, message: str | None, path: str) -> None:
    assert message_and_path(text) == (text if message is None else message, path)


@pytest.mark.slow
@pytest.mark.parametrize(("redirection", "code"), [(">/dev/full", 1), (">&-", 0), ("| true", 141)])
def test_an_output_that_cannot_be_written_is_no_traceback(redirection: str, code: int) -> None:
    # Unbuffered, so that the very first line meets a pipe that nobody reads.
    shell = (
        f"sleep 0.2; {sys.executable} -u -m gramwatt_labeler scales {redirection}; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", shell], timeout=60, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
