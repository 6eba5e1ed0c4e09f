"""Which GPUs there are: a look at every index, and how each is named and measured. Runs on a worker's thread."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from . import modelled
from .library import GONE, MODULE_SCOPE, NEVER, pass_mismatch, power_field
from .probe import best_source

DEFAULT_MAX_WATTS = 1500.0
_PLAIN = re.compile(r"[^\w.:-]", re.ASCII)


class Facts(Struct, frozen=True):
    """What a GPU is: its name, the power it is held to, and its memory. None where the driver does not tell."""

    model: str = ""
    limit_watts: float | None = None
    memory_bytes: int | None = None


class Found(Struct, frozen=True):
    """One GPU that answers. ``source`` is None where it was known before.

    ``power_source`` is what measures it where its counter is not believed: instant, mean, usage or none.
    """

    uuid: str
    index: int
    handle: Any
    max_watts: float = DEFAULT_MAX_WATTS
    has_module: bool = False
    source: str | None = None
    power_source: str = "none"
    facts: Facts = Facts()


class Census(Struct, frozen=True):
    """Every GPU that answers, and why the others do not, by index."""

    found: list[Found]
    failed: dict[int, str]


def survey(lib: Any, count: int, known: frozenset[str]) -> Census:
    """Ask at every index which GPU is there. One GPU that fails or has no proper name never hides the others.

    By index: a look-up by UUID may fail as long as any GPU is lost, says NVML's reference.
    """
    found: list[Found] = []
    failed: dict[int, str] = {}
    names: set[str] = set()
    for index in range(count):
        try:
            handle = lib.nvmlDeviceGetHandleByIndex(index)
            uuid = _name(lib, handle, index, names)
            names.add(uuid)
            found.append(Found(uuid, index, handle) if uuid in known else _measured(lib, handle, uuid, index))
        except lib.NVMLError as error:
            failed[index] = GONE.get(error.value, "error")
        except Exception:  # pynvml's own errors are bare; one GPU never takes the others down
            failed[index] = "error"
    return Census(found, failed)


def _name(lib: Any, handle: Any, index: int, taken: set[str]) -> str:
    """The UUID; of boards that have none, or one that another board has, the PCI address with it."""
    try:
        uuid = _PLAIN.sub("_", str(lib.nvmlDeviceGetUUID(handle)).strip())[:96]
    except UnicodeDecodeError:
        uuid = ""
    except lib.NVMLError as error:
        if error.value not in NEVER:
            raise
        uuid = ""
    if uuid and uuid not in taken:
        return uuid
    address = f"index-{index}"
    with contextlib.suppress(lib.NVMLError, UnicodeDecodeError):
        address = _PLAIN.sub("_", str(lib.nvmlDeviceGetPciInfo(handle).busId)) or address
    name = f"{uuid or 'GPU'}-{address}"
    return name if name not in taken else f"{name}-{index}"


def _measured(lib: Any, handle: Any, uuid: str, index: int) -> Found:
    limit = DEFAULT_MAX_WATTS
    with contextlib.suppress(lib.NVMLError):
        limit = lib.nvmlDeviceGetPowerManagementLimitConstraints(handle)[1] / 1000 or limit
    fields = (lib.NVML_FI_DEV_POWER_AVERAGE, lib.NVML_FI_DEV_POWER_INSTANT)
    module = any(power_field(lib, handle, which, MODULE_SCOPE) for which in fields)
    source = best_source(lib, handle, module)
    power_source = source
    if source == "counter":
        power_source = "none"
        with contextlib.suppress(lib.NVMLError):
            power_source = best_source(lib, handle, has_module=True)
        if power_source == modelled.SOURCE:
            power_source = "none"  # a model refutes no counter
    facts = Facts(
        str(_fact(lib, lambda: lib.nvmlDeviceGetName(handle)) or "").strip()[:96],
        _fact(lib, lambda: lib.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000) or None,
        _fact(lib, lambda: int(lib.nvmlDeviceGetMemoryInfo(handle).total)) or None,
    )
    return Found(uuid, index, handle, limit, module, source, power_source, facts)


def _fact(lib: Any, ask: Callable[[], Any]) -> Any:
    """What a person would like to know of the GPU. Without it, it is measured all the same."""
    try:
        return ask()
    except (lib.NVMLError, UnicodeDecodeError):
        return None
    except Exception as error:
        pass_mismatch(error)
        return None
