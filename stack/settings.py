"""What may be set about the stack: environment over `.env` over defaults."""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from honcho.environ import parse  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent

# service -> (the setting that moves its port, default)
PORTS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "exporter": ("STACK_EXPORTER_PORT", 10044),
        "labeler": ("STACK_LABELER_PORT", 10045),
        "prometheus": ("STACK_PROMETHEUS_PORT", 9090),
        "alertmanager": ("STACK_ALERTMANAGER_PORT", 9093),
        "grafana": ("STACK_GRAFANA_PORT", 3000),
    }
)


class StackError(Exception):
    """Something the user can mend; the text says what and how."""


@dataclass(frozen=True)
class Settings:
    """Where the stack of this checkout lives and listens.

    ``environ`` is the environment its processes get, ``ports`` TCP ports by service.
    """

    environ: Mapping[str, str]
    ports: Mapping[str, int]
    bind: str
    var: Path
    socket: Path
    mode: str

    def url(self, service: str, path: str = "") -> str:
        """Address of a service as seen from this machine."""
        return f"http://{self.local_address}:{self.ports[service]}{path}"

    @property
    def listen_host(self) -> str:
        """The address to listen on as it stands before a port: IPv6 in brackets."""
        return f"[{self.bind}]" if ":" in self.bind else self.bind

    @property
    def local_address(self) -> str:
        """Where this machine itself reaches what listens: loopback for all addresses."""
        everywhere = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not bound
        return everywhere.get(self.bind, self.listen_host)

    @property
    def zone(self) -> str:
        """Grid zone; empty means that no CO2 is computed."""
        return self.environ.get("GRAMWATT_INTENSITY_ZONE", "")


def load(environ: Mapping[str, str] = os.environ, root: Path = ROOT) -> Settings:
    """Read the environment and ``root/.env``. Raises StackError naming the setting that is wrong."""
    merged: dict[str, str] = {}
    try:
        merged.update(parse((root / ".env").read_text()))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StackError(f"cannot read {root / '.env'}: {error.strerror}") from None
    merged.update(environ)
    # Compose and make pass settings on as empty strings; empty means "not set" everywhere.
    merged = {
        name: value for name, value in merged.items() if value or not name.startswith(("STACK_", "GRAMWATT_"))
    }

    mode = merged.get("STACK_MODE", "auto")
    if mode not in ("auto", "native", "docker"):
        raise StackError(f"STACK_MODE={mode!r}: allowed are auto, native and docker")
    ports = {service: _port(merged, name, default) for service, (name, default) in PORTS.items()}
    used: dict[int, str] = {}
    for service, port in ports.items():
        if port in used:
            name, other = PORTS[service][0], PORTS[used[port]][0]
            raise StackError(f"{other} and {name} are both {port}; give each service its own port")
        used[port] = service
    var = Path(merged.get("STACK_VAR") or root / "var").resolve()
    return Settings(
        environ=MappingProxyType(merged),
        ports=MappingProxyType(ports),
        bind=_address(merged.get("STACK_BIND", "127.0.0.1")),
        var=var,
        socket=Path(merged.get("GRAMWATT_SOCKET_PATH") or _socket(merged, var)),
        mode=mode,
    )


def grafana_password(settings: Settings) -> str:
    """The password of Grafana's user admin: as set, else one made once and kept, readable by this user only."""
    given = settings.environ.get("GRAFANA_ADMIN_PASSWORD", "")
    if given:
        return given
    file = settings.var / "grafana-password"
    if not file.exists():
        settings.var.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_urlsafe(15) + "\n")
    return file.read_text().strip()


def _address(text: str) -> str:
    """An address to listen on, without the brackets that IPv6 may stand in."""
    bare = text.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        raise StackError(
            f"STACK_BIND={text!r}: expected an address such as 127.0.0.1, 0.0.0.0 or ::1"
        ) from None
    return bare


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, str(default))
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise StackError(f"{name}={text!r}: expected a port from 1 to 65535")
    return int(text)


def _socket(environ: Mapping[str, str], var: Path) -> Path:
    """The first place where clients look that this user can create, else a folder of the stack."""
    if os.geteuid() == 0:
        return Path("/run/gramwatt/gramwatt.sock")
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.access(runtime, os.W_OK):
        return Path(runtime) / "gramwatt" / "gramwatt.sock"
    return var / "run" / "gramwatt.sock"
