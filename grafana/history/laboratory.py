"""What is in the laboratory: machines, services that always run, and jobs that come and go."""

from __future__ import annotations

from dataclasses import dataclass, field

DAY, HOUR = 86400.0, 3600.0


@dataclass(frozen=True, slots=True)
class Device:
    """One metered part of a machine. Watts while idle; what is drawn beyond is of processes."""

    component: str
    name: str
    source: str
    idle: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Job:
    """A process of a workload: on which machine, whose, and what it draws by component beside the idle draw."""

    machine: str
    command: str
    user: str
    workload: str
    kind: str
    pid: int
    watts: dict[str, float]
    begin: float  # Unix seconds
    end: float
    swing: float = 0.0  # share by which a service follows the day
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What the owner of a job recorded about it."""

    window: str
    name: str
    phase: str
    model: str
    task: str
    dataset: str
    user: str
    project: str
    values: dict[str, float]
    grade: str
    span: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """One exporter."""

    name: str
    devices: tuple[Device, ...]
    embodied: float = 0.0  # grams a second
    silent_since: float | None = None  # seconds before the end at which it stopped to answer
    sensors: dict[str, str] = field(default_factory=dict)  # sensor -> why it does not deliver


MACHINES = (
    Machine(
        "lab-1:10044",
        (
            Device("cpu", "package-0", "rapl", 22.0, 0.05),
            Device("dram", "dram-0", "rapl", 6.0, 0.05),
            Device("gpu", "GPU-5f3a91c2", "nvml", 24.0, 0.05),
            Device("gpu", "GPU-b07e44d8", "nvml", 23.0, 0.05),
        ),
        embodied=0.011,
        sensors={"rapl": "", "nvml": "", "ipmi": "absent", "estimate": "disabled"},
    ),
    Machine(
        "lab-2:10044",
        (
            Device("cpu", "package-0", "estimate", 11.0, 0.5),
            Device("dram", "dram-0", "estimate", 3.0, 0.5),
        ),
        sensors={"rapl": "denied", "nvml": "absent", "estimate": ""},
    ),
    Machine(
        "web-1:10044",
        (Device("cpu", "package-0", "rapl", 14.0, 0.05), Device("dram", "dram-0", "rapl", 4.0, 0.05)),
        embodied=0.006,
        sensors={"rapl": "", "nvml": "absent", "estimate": "disabled"},
    ),
    Machine(
        "old-1:10044",
        (Device("cpu", "package-0", "estimate", 19.0, 0.5),),
        silent_since=5 * HOUR,
        sensors={"rapl": "absent", "estimate": ""},
    ),
)

_SERVICES = (
    ("lab-1:10044", "Xorg", "root", "display-manager.service", "unit", 901, {"cpu": 1.4, "dram": 0.2}, 0.3),
    (
        "lab-1:10044",
        "ollama",
        "alice",
        "ollama.service",
        "unit",
        1730,
        {"cpu": 3.5, "dram": 1.1, "gpu": 31.0},
        0.9,
    ),
    ("lab-2:10044", "jupyter-lab", "bob", "session-4", "session", 2210, {"cpu": 4.2, "dram": 0.6}, 0.8),
    ("lab-2:10044", "systemd-journal", "root", "systemd-journald.service", "unit", 388, {"cpu": 0.3}, 0.0),
    (
        "web-1:10044",
        "postgres",
        "postgres",
        "postgresql.service",
        "unit",
        1201,
        {"cpu": 7.5, "dram": 1.6},
        0.5,
    ),
    ("web-1:10044", "nginx", "www-data", "nginx.service", "unit", 1388, {"cpu": 3.1, "dram": 0.3}, 0.7),
    ("web-1:10044", "node", "www-data", "shop-api", "container", 4410, {"cpu": 9.8, "dram": 1.9}, 0.7),
    ("old-1:10044", "python3", "carol", "session-2", "session", 990, {"cpu": 5.0}, 0.2),
)

# name, model, task, dataset, user, project, machine, hours, watts by component, samples an hour or requests an hour
_TRAININGS = (
    ("resnet-a", "resnet50", "image-classification", "imagenet-100", "alice", "vision", 1.6,
     {"cpu": 31.0, "dram": 3.0, "gpu": 168.0}, 410_000, "C"),
    ("resnet-b", "resnet50", "image-classification", "imagenet-100", "alice", "vision", 1.25,
     {"cpu": 27.0, "dram": 3.0, "gpu": 149.0}, 525_000, "B"),
    ("cvae", "cvae-cnn", "image-generation", "digits", "bob", "generation", 0.7,
     {"cpu": 39.0, "dram": 2.0, "gpu": 61.0}, 900_000, "A"),
)  # fmt: skip
_LETTERS = {"A": 0.4, "B": 0.8, "C": 1.1, "D": 1.5, "E": 2.1}


def _chance(number: int) -> float:
    """Something between 0 and 1 that looks like chance and is always the same; 0 for 0."""
    return number * 0.6180339887 % 1.0


def jobs(end: float, begin: float) -> list[Job]:
    """Everything that ran between ``begin`` and ``end``, and a little after it, oldest first."""
    found = [
        Job(machine, command, user, workload, kind, pid, watts, begin, end + 10 * DAY, swing)
        for machine, command, user, workload, kind, pid, watts, swing in _SERVICES
    ]
    found += _trainings(end, begin) + _inferences(end, begin) + _batch(end, begin)
    return sorted(found, key=lambda job: job.begin)


def _trainings(end: float, begin: float) -> list[Job]:
    """Three a day on the first machine, the last of each within the last hours; each a little better than before."""
    found = []
    days = int((end - begin) / DAY) + 1
    for day in range(days):
        for number, (name, model, task, dataset, user, project, hours, watts, pace, grade) in enumerate(
            _TRAININGS
        ):
            start = end - day * DAY - (2.2 + 5.5 * number + 2.5 * _chance(3 * day + number)) * HOUR
            worse = 1 + 0.02 * day
            ident = f"{day:02d}{number}"
            run = Run(
                f"01JB{ident}", name, "training", model, task, dataset, user, project,
                {"samples": round(pace * hours / worse), "accuracy": 0.91 - 0.002 * day, "epochs": 12.0},
                grade, grade if number else "B-C",
            )  # fmt: skip
            drawn = {component: value * (1 + 0.004 * day) for component, value in watts.items()}
            found.append(
                Job("lab-1:10044", "python3", user, f"train-{ident}", "slurm", 20_000 + 10 * day + number, drawn,
                    start, start + hours * HOUR, run=run)
            )  # fmt: skip
    # One that is open at the end of the history, and after it.
    run = Run("01JBOPEN", "bert-finetune", "training", "bert-base", "text-classification", "reviews", "carol",
              "language", {}, "", "")  # fmt: skip
    found.append(
        Job("lab-1:10044", "python3", "carol", "train-open", "slurm", 31_337,
            {"cpu": 21.0, "dram": 2.4, "gpu": 96.0}, end - 0.6 * HOUR, end + 10 * HOUR, run=run)
    )  # fmt: skip
    return found


def _inferences(end: float, begin: float) -> list[Job]:
    """A batch of requests on the second machine twice a day, and one that failed."""
    found = []
    for half in range(int(2 * (end - begin) / DAY) + 1):
        start = end - half * DAY / 2 - (1.4 + 3 * _chance(half)) * HOUR
        run = Run(
            f"01JI{half:02d}", "llm-serve", "inference", "smollm-135m", "text-generation", "prompts", "bob",
            "language", {"requests": 1800.0, "tokens": 410_000.0 - 900 * half}, "D", "C-E",
        )  # fmt: skip
        found.append(
            Job("lab-2:10044", "python3", "bob", f"serve-{half:02d}", "session", 41_000 + half,
                {"cpu": 17.0, "dram": 1.2}, start, start + 0.9 * HOUR, run=run)
        )  # fmt: skip
    start = end - 7.3 * HOUR
    run = Run("01JFAIL", "short-test", "inference", "smollm-135m", "text-generation", "", "carol", "", {},
              "", "", "no samples, tokens or requests recorded")  # fmt: skip
    found.append(
        Job(
            "lab-2:10044",
            "python3",
            "carol",
            "session-9",
            "session",
            42_900,
            {"cpu": 9.0},
            start,
            start + 240,
            run=run,
        )
    )
    return found


def _batch(end: float, begin: float) -> list[Job]:
    """A build every four hours that is not recorded."""
    found = []
    for number in range(int((end - begin) / (4 * HOUR))):
        start = end - number * 4 * HOUR - (0.4 + 2 * _chance(number)) * HOUR
        found.append(
            Job("web-1:10044", "cc1plus", "carol", f"build-{number:03d}", "job", 50_000 + number,
                {"cpu": 24.0, "dram": 0.8}, start, start + 0.3 * HOUR)
        )  # fmt: skip
    return found


def index_of(run: Run) -> float:
    """The efficiency index that belongs to its letter."""
    return _LETTERS[run.grade]
