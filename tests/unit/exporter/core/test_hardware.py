"""Which CPUs and GPUs the machine has, from files."""

from __future__ import annotations

from pathlib import Path

from gramwatt_exporter.hardware import Part, hardware


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_models_and_numbers(tmp_path: Path) -> None:
    proc, sys = tmp_path / "proc", tmp_path / "sys"
    core = "processor\t: {}\nmodel name\t: AMD EPYC 7763  64-Core Processor\nphysical id\t: {}\n\n"
    write(proc / "cpuinfo", "".join(core.format(n, n % 2) for n in range(8)))
    for n in range(8):
        write(
            proc / f"driver/nvidia/gpus/0000:{n:02x}:00.0/information",
            "Model: \t\t NVIDIA A100-SXM4-80GB\nIRQ: 1\n",
        )
    write(sys / "class/drm/card0/device/product_name", "AMD Instinct MI300X\n")
    write(sys / "class/drm/card0/device/vendor", "0x1002\n")
    write(sys / "class/drm/card1/device/product_name", "Somebody's board\n")
    assert hardware(str(proc), str(sys)) == (
        Part("cpu", "AMD EPYC 7763 64-Core Processor", 2),
        Part("gpu", "AMD Instinct MI300X", 1),
        Part("gpu", "NVIDIA A100-SXM4-80GB", 8),
    )


def test_a_machine_that_says_nothing_has_no_rows(tmp_path: Path) -> None:
    assert hardware(str(tmp_path), str(tmp_path)) == ()
    write(tmp_path / "cpuinfo", "model name : \x00" + "x" * 500 + "\n")
    (part,) = hardware(str(tmp_path), str(tmp_path))
    assert (part.devices, len(part.model)) == (1, 96)
