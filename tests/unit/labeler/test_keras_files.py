"""Files of Keras 2, Keras 3 and TensorFlow: parameters as Keras counts them, FLOPs as TensorFlow's profiler does."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy
import pytest
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.errors import InputError
from gramwatt_labeler.model_files import libraries
from gramwatt_labeler.model_files.facts import FileFacts, NotKnown
from gramwatt_labeler.model_files.keras_flops import flops
from gramwatt_labeler.model_files.reading import read_model, read_path

MODELS = Path(__file__).parents[2] / "fixtures" / "models"
# 2 x (places x values of a kernel x channels out), as the layers stand in the fixtures' README.
ROW = 2 * (8 * 8 * 9 * 4 + 2 * 2 * 4 * 9 + 2 * 2 * 4 * 6 + 24 * 3)
GRAPH = 2 * (
    64 * 27 * 4  # Conv2D of 3x3 over 8x8x3
    + 64 * 3 * 4  # Conv2D of 1x1
    + 2 * 4 * 5  # a Dense that is called twice
    + 2 * 6 * 4 * 5 * (8 + 5)  # an LSTM of 5 in both directions over 6 steps of 8
    + 2 * (3 * 6 * 8 * 4 + 6 * 6 * (4 + 4) + 6 * 4 * 8)  # attention of 2 heads of 4
    + (5 + 5 + 10 + 48) * 7
    + 7  # the model inside
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "form", "parameters", "operations"),
    [
        ("row-keras2.h5", "HDF5", 197, ROW),
        ("row-keras3.h5", "HDF5", 197, ROW),
        ("row-keras3.keras", "Keras", 197, ROW),
        ("graph-keras2.h5", "HDF5", 1648, GRAPH),
        ("graph-keras3.keras", "Keras", 1648, GRAPH),
    ],
)
def test_parameters_and_flops_of_a_keras_file(name: str, form: str, parameters: int, operations: int) -> None:
    found = read_path(MODELS / name)
    assert found == FileFacts(form, (MODELS / name).stat().st_size, parameters, "Keras", (), operations)


@pytest.mark.parametrize("name", ["row-keras2", "row-keras3"])
def test_a_saved_model_as_a_zip_and_as_a_folder(tmp_path: Path, name: str) -> None:
    archive = MODELS / f"{name}.saved_model.zip"
    zipped = read_path(archive)
    assert (zipped.format, zipped.parameters, zipped.library) == ("SavedModel", 197, "TensorFlow")
    with zipfile.ZipFile(archive) as content:
        content.extractall(tmp_path)
        unpacked = sum(one.file_size for one in content.infolist())
    folder = tmp_path / "row" if (tmp_path / "row").is_dir() else tmp_path
    assert read_path(folder) == zipped
    assert zipped.file_bytes == unpacked
    assert "FLOPs are not known" in zipped.notes[0]


@pytest.mark.slow
def test_the_command_reads_a_folder_and_says_what_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model-facts", str(MODELS / "row-keras3.keras")]) == 0
    assert "Keras, 42 kB, parameters 197, 5.23 kFLOP per request" in capsys.readouterr().out
    assert main(["model-facts", str(MODELS / "row-keras3.h5"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["flops_per_unit"] == ROW
    assert main(["model-facts", str(tmp_path)]) == 1
    assert "the folder has no saved_model.pb" in capsys.readouterr().err


def hdf5(arrays: dict[str, Any], attributes: dict[str, Any] | None = None) -> bytes:
    """A file of HDF5."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as tree:
        for name, one in arrays.items():
            tree[name] = one
        tree.attrs.update(attributes or {})
    return buffer.getvalue()


def facts_of(content: bytes, name: str) -> FileFacts:
    return read_model(io.BytesIO(content), name, len(content))


@pytest.mark.slow
def test_steps_seeds_and_texts_of_a_file_are_no_parameters(tmp_path: Path) -> None:
    arrays = {
        "layers/dense/vars/0": numpy.zeros((10, 20), "f4"),
        "layers/quantised/vars/0": numpy.zeros(7, "i1"),
        "layers/dropout/seed_generator/vars/0": numpy.zeros(2, "f4"),
        "optimizer/vars/1": numpy.zeros((10, 20), "f4"),
        "step": numpy.int64(3),
        "name": "net",
    }
    found = facts_of(hdf5(arrays), "m.weights.h5")
    assert (found.parameters, found.library) == (207, "Keras")
    assert "weights and no configuration" in found.notes[0]
    other = facts_of(hdf5({"x": numpy.zeros(5)}), "data.h5")
    assert (other.parameters, other.library) == (5, "")
    assert "every array in the file is counted" in other.notes[0]


@pytest.mark.slow
def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    secret.write_bytes(hdf5({"x": numpy.zeros(1000)}))
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as tree:
        tree["x"] = numpy.zeros(5)
        tree["link"] = h5py.ExternalLink(str(secret), "/x")
        tree["again"] = tree["x"]
    assert read_path(path).parameters == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "m.h5", "HDF5 cannot read it"),
        (hdf5({}, {"model_config": "{"}), "m.h5", "the configuration in the file is not JSON"),
        (b"PK\x03\x04" + bytes(50), "m.keras", "the archive cannot be read"),
        (b"PK\x03\x04" + bytes(50), "m.zip", "the archive cannot be read"),
    ],
)
def test_a_damaged_file_is_refused(content: bytes, name: str, words: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: .*{words}"):
        facts_of(content, name)


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.slow
def test_a_zip_of_something_else_is_refused_and_a_packed_bomb_too() -> None:
    with pytest.raises(InputError, match=r"has no config\.json and model\.weights\.h5"):
        facts_of(zipped({"a": b""}), "m.keras")
    with pytest.raises(InputError, match=r"no saved_model\.pb"):
        facts_of(zipped({"a": b""}), "m.zip")
    with pytest.raises(InputError, match=r"several saved_model\.pb"):
        facts_of(zipped({"a/saved_model.pb": b"", "b/saved_model.pb": b""}), "m.zip")
    bomb = {"config.json": b"{}", "model.weights.h5": bytes(100_000_001)}
    with pytest.raises(InputError, match="more than 100000000 bytes when it is unpacked"):
        facts_of(zipped(bomb, zipfile.ZIP_DEFLATED), "m.keras")
    packed = {"config.json": b"{}", "model.weights.h5": hdf5({"layers/a/vars/0": numpy.zeros(9, "f4")})}
    assert facts_of(zipped(packed, zipfile.ZIP_DEFLATED), "m.keras").parameters == 9


@pytest.mark.slow
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("m.zip", ("saved_model.pb", "variables/variables.index")),
        ("m.keras", ("config.json", "model.weights.h5")),
        ("m.pt", ("archive/data.pkl",)),
    ],
)
def test_a_packed_part_that_is_damaged_is_refused(name: str, entries: tuple[str, ...], method: int) -> None:
    content = bytearray(zipped(dict.fromkeys(entries, b"1234567890" * 100), method))
    for at in range(len(content)):
        if content[at : at + 4] == b"PK\x03\x04":
            start = at + 30 + int.from_bytes(content[at + 26 : at + 28], "little")
            content[start : start + 8] = b"\xff" * 8
    with pytest.raises(InputError, match=rf"^{re.escape(name)}: "):
        facts_of(bytes(content), name)


@pytest.mark.parametrize(
    "damage",
    [
        lambda index: index[:-1],
        lambda index: index[:60] + index[90:],
        lambda index: b"",
        lambda index: index[-48:],
    ],
)
def test_a_damaged_index_of_variables_is_refused(damage: Any) -> None:
    with zipfile.ZipFile(MODELS / "row-keras3.saved_model.zip") as archive:
        index = archive.read("variables/variables.index")
    content = zipped({"saved_model.pb": b"x", "variables/variables.index": damage(index)})
    with pytest.raises(InputError, match=r"^m\.zip: "):
        facts_of(content, "m.zip")


def test_a_package_that_is_missing_leaves_the_size_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(libraries, "missing", lambda kind: "h5py")
    found = read_path(MODELS / "row-keras3.h5")
    assert (found.parameters, found.file_bytes) == (None, (MODELS / "row-keras3.h5").stat().st_size)
    assert "h5py is not installed: pip install 'gramwatt-labeler[models]'" in found.notes[0]


def row(*layers: tuple[str, dict[str, Any]], start: list[int | None] | None = None) -> dict[str, Any]:
    """The configuration of layers in a row, as Keras 3 writes it."""
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": start or [None, 9, 9, 2]}}
    rest = [
        {"class_name": name, "config": {"name": f"l{at}", **config}}
        for at, (name, config) in enumerate(layers)
    ]
    return {"class_name": "Sequential", "config": {"layers": [first, *rest]}}


CONV = {
    "filters": 5,
    "kernel_size": [3, 3],
    "strides": [1, 1],
    "padding": "valid",
    "dilation_rate": [1, 1],
    "groups": 1,
}
DENSE = {"units": 3}
FLAT = [("Flatten", {}), ("Dense", DENSE)]


@pytest.mark.parametrize(
    ("layers", "start", "operations"),
    [
        ([("Conv2D", CONV)], None, 2 * 49 * 9 * 2 * 5),
        ([("Conv2D", {**CONV, "padding": "same", "strides": [2, 2]})], None, 2 * 25 * 9 * 2 * 5),
        ([("Conv2D", {**CONV, "dilation_rate": [2, 2]})], None, 2 * 25 * 9 * 2 * 5),
        ([("Conv2D", {**CONV, "groups": 2, "filters": 4})], None, 2 * 49 * 9 * 1 * 4),
        ([("Conv2D", {**CONV, "data_format": "channels_first"})], [None, 2, 9, 9], 2 * 49 * 9 * 2 * 5),
        ([("Conv2DTranspose", {**CONV, "strides": [2, 2]}), *FLAT], None,
         2 * 81 * 2 * 9 * 5 + 2 * 19 * 19 * 5 * 3),
        ([("DepthwiseConv2D", {**CONV, "depth_multiplier": 3})], None, 2 * 49 * 9 * 6),
        ([("ZeroPadding2D", {"padding": [[1, 2], [0, 0]]}), *FLAT], None, 2 * 12 * 9 * 2 * 3),
        ([("Cropping2D", {"cropping": [[1, 0], [2, 0]]}), ("UpSampling2D", {"size": [2, 1]}), *FLAT],
         None, 2 * 16 * 7 * 2 * 3),
        ([("MaxPooling2D", {"pool_size": [2, 2], "strides": [2, 2], "padding": "same"}), *FLAT],
         None, 2 * 25 * 2 * 3),
        ([("Reshape", {"target_shape": [-1, 6]}), ("Permute", {"dims": [2, 1]}), ("Dense", DENSE)],
         None, 2 * 6 * 27 * 3),
        ([("RepeatVector", {"n": 4}), ("GRU", {"units": 5, "return_sequences": True}), ("SimpleRNN", {"units": 2})],
         [None, 3],
         2 * 4 * 3 * 5 * 8 + 2 * 4 * 2 * 7),
        ([("TimeDistributed", {"layer": {"class_name": "Dense", "config": DENSE}})], [None, 7, 4], 2 * 7 * 4 * 3),
        ([("Resizing", {"height": 4, "width": 5}), ("GlobalMaxPooling2D", {"keepdims": True}), ("Dense", DENSE)], None,
         2 * 2 * 3),
    ],
)  # fmt: skip
def test_each_layer_by_hand(layers: list[Any], start: list[int | None] | None, operations: int) -> None:
    assert flops(row(*layers, start=start), {}) == operations


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"config": {}}, "no list of layers"),
        (row(("Lambda", {})), "the layer Lambda is not counted"),
        (row(("Dense", DENSE), start=[None, None]), "any size; give its shape, such as NAME="),
        (row(("Dense", {"units": -3}), ("Dense", DENSE)), "configuration that is not understood"),
        (row(("Reshape", {"target_shape": [-9, -9, -2]}), ("Dense", DENSE)), "cannot be followed"),
        (row(("Conv2D", {**CONV, "strides": [0, 1]})), "configuration that is not understood"),
        (row(("Dense", {"units": 2**30}), start=[None, 2**30, 2**30]), "more operations than any model"),
        (row(("MultiHeadAttention", {"attention_axes": [1, 2]})), "form that is not counted"),
        ({"config": {"layers": [None]}}, "a layer has no configuration"),
        (
            {"config": {"layers": [{"class_name": "Dense", "config": {}, "registered_name": "mine>Dense"}]}},
            "Keras's own",
        ),
    ],
)
def test_what_cannot_be_counted_is_not_guessed(model: dict[str, Any], words: str) -> None:
    with pytest.raises(NotKnown, match=words):
        flops(model, {})


def test_an_open_size_is_asked_for_by_the_name_of_its_input() -> None:
    model = row(("Dense", DENSE), start=[None, None, 4])
    assert flops(model, {"x": (1, 10, 4)}) == 2 * 10 * 4 * 3
    with pytest.raises(NotKnown, match="has no input y; it has x"):
        flops(model, {"y": (1, 10, 4)})
    with pytest.raises(NotKnown, match="does not fit"):
        flops(model, {"x": (1, 10, 5)})
