"""The containers as a user starts them: a copy of this checkout, an engine of its own, stand-ins for base images."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from compose_stack import SETTINGS, TOKEN, Stack
from docker_engine import Engine, running
from ports_for_tests import free_ports
from stand_in_images import make_all

from stack.settings import PORTS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if not os.environ.get("GRAMWATT_TEST_COMPOSE"):
        pytest.skip("builds images in a Docker engine of its own; run it with `make test-compose`")
    with running(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


@pytest.fixture(scope="session")
def images(engine: Engine) -> dict[str, str]:
    return make_all(engine)


@pytest.fixture(scope="session")
def stack(
    engine: Engine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("checkout")
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in files:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    run = tmp_path_factory.mktemp("run")
    lines = {
        **images,
        **SETTINGS,
        **{PORTS[service][0]: str(port) for service, port in ports.items()},
        "STACK_RUN_DIR": str(run),
    }
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    (folder / "secrets").mkdir(mode=0o700)
    (folder / "secrets" / "grafana-admin-password").write_text(f"{TOKEN}\n")
    running_stack = Stack(engine, folder, ports, run)
    try:
        running_stack.up()
        yield running_stack
    finally:
        print(running_stack.compose("logs", "--no-color", "--tail", "15", check=False))
        running_stack.compose("down", "--volumes", check=False)
