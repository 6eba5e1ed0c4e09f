"""A /proc and /sys of a machine that is described by a few facts."""

from __future__ import annotations

from pathlib import Path

VENDORS = {"intel": "GenuineIntel", "amd": "AuthenticAMD"}


def describe(
    root: Path,
    name: str = "AMD EPYC 7742 64-Core Processor",
    vendor: str = "amd",
    numbers: tuple[int, int, int] | None = (23, 49, 0),
    chips: int = 2,
    cores: int = 128,
    threads: int = 256,
    mhz: float = 2250,
    memory_gb: float = 256,
    flags: str = "fpu sse",
) -> tuple[Path, Path]:
    """procfs and sysfs; ``numbers`` are family, model and stepping, None where the kernel shows none."""
    proc, sys = root / "proc", root / "sys"
    proc.mkdir(parents=True, exist_ok=True)
    sys.mkdir(exist_ok=True)
    entries = []
    for cpu in range(threads):
        lines = [f"processor\t: {cpu}", f"vendor_id\t: {VENDORS[vendor]}"]
        if numbers is not None:
            lines += [f"cpu family\t: {numbers[0]}", f"model\t\t: {numbers[1]}"]
        lines.append(f"model name\t: {name}")
        if numbers is not None:
            lines.append(f"stepping\t: {numbers[2]}")
        lines += [
            *([f"cpu MHz\t\t: {mhz:.3f}"] if mhz else []),
            f"physical id\t: {cpu % chips}",
            f"siblings\t: {threads // chips}",
            f"core id\t\t: {cpu // chips % max(1, cores // chips)}",
            f"cpu cores\t: {cores // chips}",
            f"flags\t\t: {flags}",
        ]
        entries.append("\n".join(lines))
    (proc / "cpuinfo").write_text("\n\n".join(entries) + "\n")
    if memory_gb:
        (proc / "meminfo").write_text(f"MemTotal:       {int(memory_gb * 1024 * 1024)} kB\n")
    (proc / "stat").write_text(
        "cpu  0 0 0 100 0 0 0 0 0 0\n"
        + "".join(f"cpu{cpu} 0 0 0 100 0 0 0 0 0 0\n" for cpu in range(threads))
    )
    return proc, sys
