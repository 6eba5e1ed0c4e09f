"""The sensors in order of preference: for each device the first that measures it wins."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..config.schema import Config
from ..model import Sensor
from .disabled import Disabled


def build(
    config: Config, boottime_ns: Callable[[], int], awake_ns: Callable[[], int] | None = None
) -> list[Sensor]:
    """One sensor per source, in order of preference. Nothing is opened yet.

    ``awake_ns`` is a clock that stands still while the machine sleeps (CLOCK_MONOTONIC), if there is one.

    A disabled sensor is in the list as a :class:`Disabled`, so that its state is reported. Modules are imported
    only for sensors that are enabled, to keep the exporter small.
    """
    settings = config.sensors
    procfs, sysfs = config.path.procfs, config.path.sysfs
    sensors: list[Sensor] = []

    if settings.replay.file:
        from .drivers.replay import Replay

        sensors.append(Replay(settings.replay.file, boottime_ns))

    if settings.rapl.enabled:
        from .drivers.rapl.rapl import Rapl

        sensors.append(Rapl(sysfs, boottime_ns, settings.rapl.max_watts, settings.rapl.idle_watts))
    else:
        sensors.append(Disabled("rapl"))

    if settings.hwmon.enabled:
        from .drivers.hwmon.hwmon import Hwmon
        from .threads import Repeater

        sensors.append(Hwmon(sysfs, boottime_ns, settings.hwmon.idle_watts, Repeater))
    else:
        sensors.append(Disabled("hwmon"))

    if settings.cray.enabled:
        from .drivers.cray import Cray

        sensors.append(Cray(sysfs, boottime_ns))
    else:
        sensors.append(Disabled("cray"))

    if settings.nvml.enabled:
        from .drivers.nvidia.nvml import Nvml

        sensors.append(Nvml(procfs, boottime_ns, _wall_us, settings.nvml.idle_watts, awake_ns=awake_ns))
    else:
        sensors.append(Disabled("nvml"))

    if settings.amdsmi.enabled:
        from .drivers.amd.amdsmi import AmdSmi
        from .threads import Repeater

        idle_watts, shown = settings.amdsmi.idle_watts, settings.hwmon.enabled
        sensors.append(
            AmdSmi(
                sysfs,
                boottime_ns,
                idle_watts,
                hwmon_shows_apus=shown,
                awake_ns=awake_ns,
                repeater=Repeater,
            )
        )
    else:
        sensors.append(Disabled("amdsmi"))

    if settings.ipmi.enabled:
        from .drivers.ipmi.ipmi import Ipmi

        sensors.append(Ipmi(boottime_ns, float(settings.ipmi.interval)))
    else:
        sensors.append(Disabled("ipmi"))

    if settings.redfish.enabled:
        from .drivers.redfish.redfish import Redfish

        redfish = settings.redfish
        sensors.append(
            Redfish(
                boottime_ns,
                float(redfish.interval),
                redfish.url,
                redfish.user,
                redfish.password_file,
                redfish.ca_file,
            )
        )
    else:
        sensors.append(Disabled("redfish"))

    if settings.estimate.enabled:
        from .drivers.estimate.estimate import Estimate

        estimate = settings.estimate
        sensors.append(
            Estimate(
                procfs,
                sysfs,
                boottime_ns,
                estimate.cpu_tdp_watts,
                estimate.idle_watts,
                estimate.memory,
                awake_ns,
                state_dir=config.state.dir,
                other=estimate.other,
            )
        )
    else:
        sensors.append(Disabled("estimate"))
    return sensors


def _wall_us() -> int:
    """Unix time in microseconds, the clock of NVML's utilisation rows."""
    return time.time_ns() // 1000
