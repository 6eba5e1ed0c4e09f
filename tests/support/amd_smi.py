"""The stand-in for AMD's libamd_smi.so (tests/fixtures/amdsmi), built for the package amdsmi as installed here."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "fixtures" / "amdsmi" / "amd_smi_stand_in.c"
_NAME = re.compile(r"_libraries\['libamd_smi\.so'\]\.(\w+)")


def build(rocm: Path, without: str = "") -> Path:
    """Compile it to ROCM/lib/libamd_smi.so; ROCM is what ROCM_PATH then names.

    At its import the package looks up every function it knows: those the stand-in has not say NOT_SUPPORTED.
    ``without`` is one to leave out, as a library of an older release does.
    """
    spec = importlib.util.find_spec("amdsmi")
    assert spec is not None, "the package amdsmi is missing: make setup test"
    assert spec.submodule_search_locations
    wrapper = Path(spec.submodule_search_locations[0]) / "amdsmi_wrapper.py"
    names = sorted(set(_NAME.findall(wrapper.read_text(encoding="utf-8"))))
    if without:
        names.remove(without)
    rest = rocm / "rest.c"
    rest.parent.mkdir(parents=True, exist_ok=True)
    rest.write_text(
        "".join(f"__attribute__((weak)) unsigned {name}(void) {{ return 2; }}\n" for name in names)
    )
    library = rocm / "lib" / "libamd_smi.so"
    library.parent.mkdir(exist_ok=True)
    subprocess.run(
        ["gcc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE, rest], check=True
    )
    return rocm
