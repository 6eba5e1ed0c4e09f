"""A model's file says its parameters, size and library; a damaged one is refused, and nothing is executed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import struct
from pathlib import Path

import pytest
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.errors import InputError
from gramwatt_labeler.model_files.facts import FileFacts
from gramwatt_labeler.model_files.reading import read_model
from gramwatt_labeler.store import Store
from hypothesis import given
from hypothesis import strategies as st
from model_files import gguf, onnx, safetensors, torch_pickle, torch_zip


def facts_of(content: bytes, name: str, size: int = 0) -> FileFacts:
    return read_model(io.BytesIO(content), name, size or len(content))


@pytest.mark.parametrize(
    ("content", "name", "form", "parameters", "library"),
    [
        (
            safetensors({"a": (10, 20), "b": (5,), "scalar": ()}),
            "m.safetensors",
            "safetensors",
            206,
            "PyTorch",
        ),
        (safetensors({"a": (3,)}, "tf"), "model", "safetensors", 3, "TensorFlow"),
        (torch_zip({"0": 200, "1": 5, "17": 70_000}), "m.pt", "PyTorch", 70_205, "PyTorch"),
        (torch_zip({"0": 200}), "pytorch_model.bin", "PyTorch", 200, "PyTorch"),
        pytest.param(onnx([(784, 64), (64,)]), "m.onnx", "ONNX", 50_240, "PyTorch", marks=pytest.mark.slow),
        pytest.param(
            onnx([(784, 64), (64,)], "skl2onnx", packed=False),
            "m.onnx",
            "ONNX",
            50_240,
            "scikit-learn",
            marks=pytest.mark.slow,
        ),
        (gguf([(32, 100), (7,)]), "m.gguf", "GGUF", 3207, "llama.cpp"),
    ],
)
def test_a_header_has_the_facts(content: bytes, name: str, form: str, parameters: int, library: str) -> None:
    found = facts_of(content, name)
    assert (found.format, found.parameters, found.library) == (form, parameters, library)
    assert found.file_bytes == len(content)


def test_the_beginning_of_a_safetensors_file_is_enough() -> None:
    whole = safetensors({"a": (1000, 1000)})
    found = facts_of(whole[:300], "m.safetensors")
    assert (found.parameters, found.file_bytes) == (1_000_000, len(whole))
    assert found.notes == (f"300 of {len(whole)} bytes were here; the header says the rest",)


def test_a_storage_that_two_tensors_share_counts_once() -> None:
    shared = torch_pickle({"0": 200, "1": 200}).replace(b"X\x01\x00\x00\x001", b"X\x01\x00\x00\x000")
    assert facts_of(torch_zip({}, shared), "m.pt").parameters == 200


@pytest.mark.slow
def test_values_in_other_files_are_said() -> None:
    assert "2 tensors are in other files" in facts_of(onnx([(2,), (3,)], outside=True), "m.onnx").notes[0]


@pytest.mark.parametrize("name", ["m.joblib", "m.pkl", "saved_model.pb"])
def test_of_other_formats_the_size_alone_is_known(name: str) -> None:
    found = facts_of(b"x" * 100, name)
    assert (found.file_bytes, found.parameters) == (100, None)
    assert "its size alone is known" in found.notes[0]


class Marks:
    """A pickle that makes a folder when it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("wrap", [lambda content: torch_zip({"0": 1}, content), lambda content: content])
@pytest.mark.parametrize("name", ["m.pt", "m.joblib", "m.pkl", "m.bin"])
def test_nothing_in_a_file_is_executed(tmp_path: Path, name: str, wrap: object) -> None:
    content = wrap(pickle.dumps(Marks(tmp_path / "executed"), 2))  # type: ignore[operator]
    facts_of(content, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "m.onnx", "the file is empty"),
        (b"hello", "m.txt", "this format is not read; there are safetensors"),
        (b"hello, world", "m.pt", "this format is not read"),
        (struct.pack("<Q", 2**63) + b"{}", "m.safetensors", "2 to 100,000,000 bytes"),
        (struct.pack("<Q", 50) + b'{"a"', "m.safetensors", "only 4 of the 50 bytes of the header"),
        (struct.pack("<Q", 4) + b"nope", "m.safetensors", "not JSON"),
        (struct.pack("<Q", 8) + b'{"a": 1}', "m.safetensors", "by no object"),
        (safetensors({"a": (1, 2)}).replace(b"[1, 2]", b"[1,-2]"), "m.safetensors", "no count"),
        (safetensors({"a": (1, 2)}).replace(b"[1, 2]", b"1e3456"), "m.safetensors", "m.safetensors: "),
        (safetensors({"a": ()}).replace(b'"shape": [], "data_offsets": [0, 4]', b'"shape": [9999999999,9999999999]  '),
         "m.safetensors", "m.safetensors: "),
        (b"PK\x03\x04garbage", "m.pt", "the archive cannot be read"),
        (torch_zip({}, b"\x80\x02X\xff\xff\xff\xff"), "m.pt", "no pickle"),
        (b"\x3a\xff\xff\xff\xff\x0f", "m.onnx", "no ONNX model"),
        (b"\x07" * 30, "m.onnx", "no ONNX model"),
        (onnx([(2**40, 2**40)]), "m.onnx", "more values than any model"),
        (onnx([(784, 64)])[:20], "m.onnx", "its end is missing"),
        (b"GGUF" + struct.pack("<IQQ", 9, 1, 1), "m.gguf", "version 9 is not read"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", 2**62), "m.gguf", "ends too early"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 0) + struct.pack("<IIQ", 9, 9, 2**60), "m.gguf",
         "too many values"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_in_words(content: bytes, name: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        facts_of(content, name)
    assert words in str(error.value)
    assert str(error.value).startswith(f"{name}: ")


@pytest.mark.slow
@given(st.data())
def test_whatever_the_bytes_are_it_is_read_or_refused(data: st.DataObject) -> None:
    made = data.draw(
        st.sampled_from([safetensors({"a": (2, 3)}), torch_zip({"0": 6}), onnx([(2, 3)]), gguf([(2, 3)])])
    )
    content = bytearray(made)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    name = data.draw(st.sampled_from(["m.safetensors", "m.pt", "m.onnx", "m.gguf", "m"]))
    with contextlib.suppress(InputError):
        facts_of(bytes(content), name)


@pytest.mark.slow
def test_the_command_prints_and_keeps_the_facts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, url = tmp_path / "m.safetensors", f"sqlite:///{tmp_path / 'grades.db'}"
    file.write_bytes(safetensors({"a": (10, 20)}))
    assert main(["model-facts", str(file)]) == 0
    assert "safetensors, 910 B, parameters 200, PyTorch" in capsys.readouterr().out
    arguments = ["model-facts", str(file), "--model", "acme/net", "--json", "--data.database-url", url]
    assert main([*arguments, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] is None
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "acme/net"
    store = Store(url)
    (model,) = store.models()
    store.close()
    assert (model.facts.author, model.facts.parameters, model.facts.file_bytes) == ("acme", 200, 910)
    assert (model.facts.library, model.facts.licence) == ("PyTorch", "")
    assert main(["model-facts", str(tmp_path / "none.pt")]) == 1
    assert "none.pt: cannot read it: No such file or directory" in capsys.readouterr().err
    assert main(["model-facts", str(tmp_path)]) == 1
    assert main(["model-facts", str(file), "--model", "n" * 300]) == 1
    assert "is no name; write organisation/name" in capsys.readouterr().err
