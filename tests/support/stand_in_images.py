"""Base images made from this machine's own files, where none can be pulled: Python, Prometheus, Alertmanager, Grafana.

They prove our images and how they are wired, not the upstream images. Grafana's is a program that answers its health
check and shows that it can read its password.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from docker_engine import TOOLS, Engine

ROOT = Path(__file__).parents[2]
PYTHON = "stand-in/python:3.12.0-slim"
PROMETHEUS = "stand-in/prometheus:1.0.0"
ALERTMANAGER = "stand-in/alertmanager:1.0.0"
GRAFANA = "stand-in/grafana:1.0.0"
_TOOLS = (
    "bash sh env cat ls id mkdir rm sleep sort md5sum cp mv sed find head tail chmod chown grep true dirname uname"
    " ldconfig"
)

# What wheels take for granted (manylinux), beside what the programs above bring.
_LIBRARIES = (
    *(
        "libstdc++.so.6",
        "libgcc_s.so.1",
        "libnss_files.so.2",
        "libnss_dns.so.2",
        "libresolv.so.2",
        "libz.so.1",
    ),
    *("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libm.so.6"),
)
_FOLDERS = (
    *("usr/bin", "usr/sbin", "usr/lib", "usr/lib64"),
    *("proc", "sys", "dev", "run", "tmp", "var/lib", "root"),
)
_UNUSED = re.compile(
    r"/(test|tests|__pycache__|idlelib|tkinter|turtledemo|lib2to3|config-[^/]*)(/|$)|\.pyc$|\.a$"
)
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
    "grafana:x:472:0:grafana:/:/bin/sh\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/gshadow": "root:*::\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_GRAFANA = b"""#!/usr/local/bin/python3
import http.server, os, pathlib
password = pathlib.Path(os.environ["GF_SECURITY_ADMIN_PASSWORD__FILE"]).read_text().strip()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{os.getuid()} {len(password)}".encode())
address = os.environ["GF_SERVER_HTTP_ADDR"]
import socket
http.server.HTTPServer.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
http.server.HTTPServer((address, int(os.environ["GF_SERVER_HTTP_PORT"])), Handler).serve_forever()
"""

# Unpacks what _packages() laid ready: a name that no recipe had is an error, as with apt.
_APT_GET = b"""#!/bin/sh
set -e
verb=$1; shift
[ "$verb" = install ] || exit 0
for name in "$@"; do
  case $name in -*) continue ;; esac
  dpkg-deb -x "/var/cache/stand-in/$name.deb" /
done
"""


class _Image:
    """A root file system as a tar archive."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._bytes, mode="w")  # noqa: SIM115 - closed by data()
        self._names: set[str] = set()
        for name in ("bin", "lib", "lib64", "sbin"):
            self.link(name, f"usr/{name}")
        for name in (
            "usr/bin",
            "usr/sbin",
            "usr/lib",
            "usr/lib64",
            "proc",
            "sys",
            "dev",
            "run",
            "tmp",
            "var/lib",
            "root",
        ):
            self._folder(name, 0o1777 if name == "tmp" else 0o755)
        for name, text in _ACCOUNTS.items():
            self.text(name, text.encode())

    def _folder(self, name: str, mode: int = 0o755) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(entry)

    def link(self, name: str, target: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(entry)

    def text(self, name: str, data: bytes, mode: int = 0o644) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), mode
        self._tar.addfile(entry, io.BytesIO(data))

    def file(self, source: Path, name: str = "") -> None:
        """One file; links are followed. Programs and libraries bring the libraries that they need."""
        name = _merged(name or str(source))
        if name in self._names or not source.exists():
            return
        self._names.add(name)
        entry = self._tar.gettarinfo(str(source.resolve()), name)
        entry.uid = entry.gid = 0
        entry.type = tarfile.REGTYPE  # not a hard link to a file that was added before
        entry.size = source.stat().st_size
        entry.linkname = ""
        with source.open("rb") as handle:
            self._tar.addfile(entry, handle)
        for library in _libraries(source):
            self.file(library)

    def tree(self, source: Path, name: str = "") -> None:
        for path in sorted(source.rglob("*")):
            if path.is_file() and not _UNUSED.search(str(path.relative_to(source.parent))):
                self.file(path, f"{name or source}/{path.relative_to(source)}")

    def data(self) -> bytes:
        self._tar.close()
        return self._bytes.getvalue()


def _merged(name: str) -> str:
    """Where a file is once /bin, /lib and so on are links into /usr."""
    name = name.lstrip("/")
    return f"usr/{name}" if name.split("/")[0] in ("bin", "sbin", "lib", "lib64") else name


def _libraries(file: Path) -> Iterable[Path]:
    if not (".so" in file.name or os.access(file, os.X_OK)):
        return []
    done = subprocess.run(["ldd", file], capture_output=True, text=True, check=False)
    return [Path(name) for name in re.findall(r"(/\S+) \(0x", done.stdout)]


def _system(image: _Image, more: str = "") -> None:
    for name in (*_TOOLS.split(), *more.split()):
        for folder in ("/usr/bin", "/usr/sbin", "/bin", "/sbin"):
            if Path(folder, name).exists():
                image.file(Path(folder, name))
                break
    for pattern in _LIBRARIES:
        for path in Path("/usr/lib").glob(f"*-linux-gnu/{pattern}"):
            image.file(path)


def python(engine: Engine) -> None:
    """This interpreter with pip, a shell, and this machine's package index."""
    image = _Image()
    _system(image, "useradd wget dpkg-deb tar")
    _packages(image)
    base, version = Path(sys.base_prefix), f"{sys.version_info[0]}.{sys.version_info[1]}"
    to = "usr/local"
    image.file(base / "bin" / f"python{version}", f"{to}/bin/python{version}")
    for path in base.glob(f"lib/libpython{version}*.so*"):
        image.file(path, f"{to}/lib/{path.name}")
    for path in sorted((base / "lib" / f"python{version}").rglob("*")):
        relative = path.relative_to(base)
        site = "site-packages" in path.parts
        if (
            path.is_file()
            and not _UNUSED.search(f"/{relative}")
            and not (site and not re.search(r"/pip", str(path)))
        ):
            image.file(path, f"{to}/{relative}")
    for name in ("python3", "python"):
        image.link(f"{to}/bin/{name}", f"python{version}")
    image.file(Path("/etc/ssl/certs/ca-certificates.crt"))
    image.file(Path("/etc/login.defs"))
    image.text("etc/pip.conf", _pip_settings())
    engine.docker(
        "import",
        "-c",
        "ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin LD_LIBRARY_PATH=/usr/local/lib",
        "-",
        PYTHON,
        data=image.data(),
    )


def _packages(image: _Image) -> None:
    """The Debian packages that our images install, and an `apt-get install` that unpacks them."""
    recipes = [(ROOT / name / "Dockerfile").read_text() for name in ("exporter", "labeler")]
    wanted = {
        word
        for found in re.findall(r"apt-get install (.*?)(?=&&|\n(?! ))", "\n".join(recipes), re.DOTALL)
        for word in found.replace("\\", " ").split()
        if not word.startswith("-")
    }
    folder = TOOLS / "packages"
    missing = [name for name in sorted(wanted) if not list(folder.glob(f"{name}_*.deb"))]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *missing]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"apt-get download {' '.join(missing)}: {done.stderr[-500:]}"
    for name in wanted:
        package = next(folder.glob(f"{name}_*.deb"))
        image.text(f"var/cache/stand-in/{name}.deb", package.read_bytes())
    image.text("usr/bin/apt-get", _APT_GET, 0o755)


def _pip_settings() -> bytes:
    """What pip is set to here, as its system-wide file."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    lines = {}
    for key, value in re.findall(r"^(?:global|:env:)\.([a-z-]+)='(.*)'$", listed, re.MULTILINE):
        if key in ("index-url", "extra-index-url", "cert", "trusted-host", "proxy"):
            lines[key] = " ".join(
                word for word in value.replace("\\n", " ").split() if not word.startswith("file:")
            )
    return ("[global]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items() if value)).encode()


def _busybox(image: _Image) -> None:
    """As in the images of the Prometheus project, so that our script has no more than it will have there."""
    busybox = next(
        path for path in (TOOLS / "root").rglob("busybox") if os.access(path, os.X_OK) and path.is_file()
    )
    image.file(busybox, "usr/bin/busybox")
    names = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        if name != "busybox":
            image.link(f"usr/bin/{name}", "busybox")


def prometheus(engine: Engine) -> None:
    """Prometheus and Alertmanager as `make setup` has them."""
    debian = ROOT / ".tools" / "debian"
    for name, program, tag in (
        ("prometheus", "prometheus", PROMETHEUS),
        ("alertmanager", "prometheus-alertmanager", ALERTMANAGER),
    ):
        image = _Image()
        _busybox(image)
        image.file(debian / "usr/bin" / program, f"usr/libexec/{program}")
        image.tree(debian / "usr/share/prometheus", "usr/share/prometheus")
        extra = " --web.ui-path=/usr/share/prometheus/alertmanager/no-ui" if name == "alertmanager" else ""
        launcher = f'#!/bin/sh\nexec /usr/libexec/{program}{extra} "$@"\n'
        image.text(f"usr/bin/{name}", launcher.encode(), 0o755)
        image.text(f"{name}/.keep", b"")
        data = image.data()
        engine.docker("import", "-c", "ENV PATH=/usr/bin", "-", f"{tag}-root", data=data)
        recipe = f"FROM {tag}-root\nRUN chown -R 65534:65534 /{name}\nUSER nobody\nWORKDIR /\n"
        engine.docker("build", "--network", "host", "-t", tag, "-", data=recipe.encode())


def grafana(engine: Engine) -> None:
    """Something in Grafana's place, with its user."""
    recipe = (
        f"FROM {PYTHON}\nCOPY run.sh /run.sh\n"
        "RUN mkdir -p /var/lib/grafana && chown 472 /var/lib/grafana\nUSER 472\n"
    )
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, data, mode in (("Dockerfile", recipe.encode(), 0o644), ("run.sh", _GRAFANA, 0o755)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    engine.docker("build", "--network", "host", "-t", GRAFANA, "-", data=context.getvalue())


def make_all(engine: Engine) -> dict[str, str]:
    """Every stand-in; the settings that make docker-compose.yml use them."""
    python(engine)
    prometheus(engine)
    grafana(engine)
    return {
        "STACK_PYTHON_IMAGE": PYTHON,
        "STACK_PROMETHEUS_IMAGE": PROMETHEUS,
        "STACK_ALERTMANAGER_IMAGE": ALERTMANAGER,
        "STACK_GRAFANA_IMAGE": GRAFANA,
    }
