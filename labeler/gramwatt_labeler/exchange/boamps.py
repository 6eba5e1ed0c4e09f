"""BoAmps reports (Boavizta's format for the energy of an AI task) of evaluations, and evaluations of such reports.

Format: https://github.com/Boavizta/BoAmps, ``model/report_schema.json`` with the schemas it refers to. Energy is in
kWh, durations are in seconds, sizes in GB, parameters in thousand millions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .. import __version__
from ..model import Hardware
from ..store.nouns import Evaluation, Origin
from ..units import JOULES_PER_KILOWATT_HOUR

_FORMAT = "1.1.0"
_SPECIFICATION = "https://github.com/Boavizta/BoAmps/tree/main/model"
_STAGES = {"fine-tuning": "finetuning", "pretraining": "training"}
_DATA = (("token", "token"), ("text", "text"), ("image", "image"), ("object", "image"), ("audio", "audio"),
         ("speech", "audio"), ("video", "video"), ("tabular", "tabular"))  # fmt: skip
_LINES = 100


def as_boamps(evaluation: Evaluation, page: str = "") -> dict[str, Any] | None:
    """None without an energy: a report is of one."""
    window, measured = evaluation.window, evaluation.measurement
    if measured is None:
        return None
    report: dict[str, Any] = {
        "header": {
            "formatVersion": _FORMAT,
            "formatVersionSpecificationUri": _SPECIFICATION,
            "reportId": evaluation.id,
            "reportDatetime": _moment(evaluation.created_at),
            "reportStatus": "final",
            "publisher": {"confidentialityLevel": "internal"},
        },
        "task": _task(evaluation),
        "measures": [_measure(evaluation)],
        "infrastructure": {
            "infraType": "other",
            "components": _components(window.hardware, measured.components),
        },
    }
    if page:
        report["task"]["taskDescription"] = f"{window.name}: {page}"
    if evaluation.grid_zone:
        report["environment"] = {"country": evaluation.grid_zone}
        if evaluation.intensity_grams_per_kwh is not None:
            report["environment"]["powerSourceCarbonIntensity"] = evaluation.intensity_grams_per_kwh
    if measured.uncertainty_ratio is not None:
        ratio = measured.uncertainty_ratio
        report["quality"] = "high" if ratio <= 0.1 else "medium" if ratio <= 0.25 else "low"
    return report


def _task(evaluation: Evaluation) -> dict[str, Any]:
    window = evaluation.window
    kind = str(evaluation.detail.get("training_type", ""))
    algorithm: dict[str, Any] = {"foundationModelName": window.model or window.name}
    parameters = evaluation.measures.get("parameters")
    if parameters is not None and parameters.value is not None:
        algorithm["parametersNumber"] = parameters.value / 1e9
    if "epochs" in window.values:
        algorithm["epochsNumber"] = window.values["epochs"]
    data: dict[str, Any] = {
        "dataUsage": "input",
        "dataType": next((name for part, name in _DATA if part in window.task.lower()), "other"),
    }
    if "samples" in window.values:
        data["dataQuantity"] = window.values["samples"]
    if window.dataset:
        data["sourceUri"] = window.dataset
    size = evaluation.measures.get("dataset_size")
    if size is not None and size.value is not None:
        data["dataSize"] = size.value / 1e9
    datasets = [data]
    if "tokens" in window.values:
        datasets.append({"dataUsage": "output", "dataType": "token", "dataQuantity": window.values["tokens"]})
    task: dict[str, Any] = {
        "taskStage": _STAGES.get(kind, window.phase or "other"),
        "taskFamily": window.task or "not stated",
        "algorithms": [algorithm],
        "dataset": datasets,
    }
    if window.phase == "inference" and "requests" in window.values:
        task["nbRequest"] = window.values["requests"]
    if 0 <= window.values.get("accuracy", -1) <= 1:
        task["measuredAccuracy"] = window.values["accuracy"]
    return task


def _measure(evaluation: Evaluation) -> dict[str, Any]:
    window, measured = evaluation.window, evaluation.measurement
    assert measured is not None
    by = "gramwatt" if evaluation.origin in (Origin.WINDOW, Origin.RANGE, Origin.PROBE) else ""
    imported = measured.imported
    found: dict[str, Any] = {
        "measurementMethod": by or (imported.tool if imported and imported.tool else "not stated"),
        "powerConsumption": measured.energy_joules / JOULES_PER_KILOWATT_HOUR,
        "unit": "kWh",
        "measurementDateTime": _moment(window.start or window.end),
    }
    version = __version__ if by else imported.version if imported else ""
    if version:
        found["version"] = version
    if window.seconds > 0:
        found["measurementDuration"] = window.seconds
    if measured.sources:
        found["cpuTrackingMode"] = ", ".join(measured.sources)
        if "gpu" in measured.components:
            found["gpuTrackingMode"] = ", ".join(measured.sources)
    return found


def _components(hardware: Hardware, parts: Mapping[str, float]) -> list[dict[str, Any]]:
    found = [
        {"componentName": model, "componentType": kind, "nbComponent": count}
        for kind, devices in (("cpu", hardware.cpus), ("gpu", hardware.gpus)) for model, count in devices
    ]  # fmt: skip
    if found:
        return found
    names = {"cpu": "cpu", "gpu": "gpu", "dram": "ram"}
    known = [names[part] for part in parts if part in names]
    return [{"componentType": kind, "nbComponent": 1} for kind in known or ["cpu"]]


def _moment(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "1970-01-01 00:00:00"


def is_report(tree: Mapping[str, Any]) -> bool:
    """Whether an object is a BoAmps report."""
    measures, task = tree.get("measures"), tree.get("task")
    return (
        isinstance(task, dict) and "taskStage" in task and isinstance(measures, list) and bool(measures)
        and all(isinstance(one, dict) and "powerConsumption" in one for one in measures)
    )  # fmt: skip


def as_row(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A report as the columns of a table: what :mod:`..uploads.tools` knows as the tool ``boamps``."""
    task, measures = tree["task"], tree["measures"][:_LINES]
    algorithm = _first(task.get("algorithms"))
    datasets = (
        [one for one in task.get("dataset", ()) if isinstance(one, dict)]
        if isinstance(task.get("dataset"), list)
        else []
    )
    stage = str(task.get("taskStage", "")).lower()
    row: dict[str, Any] = {
        "boamps.report": _in(tree, "header", "reportId"),
        "boamps.phase": "inference" if "inference" in stage else "training",
        "boamps.training": "fine-tuning" if re.search(r"fine.?tun", stage) else "",
        "boamps.task": task.get("taskFamily"),
        "boamps.model": algorithm.get("foundationModelName") or algorithm.get("algorithmName")
        or algorithm.get("algorithmType"),
        "boamps.energy_kwh": _energy(tree["measures"]),
        "boamps.seconds": _longest(measures, "measurementDuration"),
        "boamps.source": measures[0].get("measurementMethod"),
        "boamps.version": measures[0].get("version"),
        "boamps.ended": measures[-1].get("measurementDateTime"),
        "boamps.requests": task.get("nbRequest") or None,
        "boamps.accuracy": task.get("measuredAccuracy"),
        "boamps.parameters_billion": algorithm.get("parametersNumber"),
        "boamps.hardware": ", ".join(_devices(tree))[:256],
    }  # fmt: skip
    for one in datasets:
        if one.get("dataUsage") == "output" and one.get("dataType") == "token":
            row["boamps.tokens"] = one.get("dataQuantity")
        elif one.get("dataUsage") == "input":
            row["boamps.dataset"] = one.get("sourceUri")
            row["boamps.dataset_gb"] = one.get("dataSize") or None
            row["boamps.samples"] = one.get("dataQuantity") if one.get("dataType") != "token" else None
    return {name: value for name, value in row.items() if value not in (None, "")}


def _devices(tree: Mapping[str, Any]) -> list[str]:
    components = _in(tree, "infrastructure", "components")
    return [
        str(one["componentName"]) for one in (components if isinstance(components, list) else ())
        if isinstance(one, dict) and one.get("componentType") in ("gpu", "cpu") and one.get("componentName")
    ]  # fmt: skip


def _first(tree: object) -> Mapping[str, Any]:
    return tree[0] if isinstance(tree, list) and tree and isinstance(tree[0], dict) else {}


def _in(tree: Mapping[str, Any], one: str, two: str) -> Any:
    inside = tree.get(one)
    return inside.get(two) if isinstance(inside, dict) else None


def _energy(measures: list[Any]) -> Any:
    """kWh of all measures together; a text that is no number where one of them cannot be added, so that the line is
    refused: a measure that is left out would make the run look more efficient."""
    values = [one.get("powerConsumption") for one in measures]
    odd = [one for one in values if isinstance(one, bool) or not isinstance(one, int | float) or one < 0]
    if len(values) == 1 and not isinstance(values[0], list | dict):
        value = values[0]
    elif odd:
        value = f"powerConsumption {str(odd[0])[:40]!r} of one measure"
    elif len(values) > _LINES:
        value = f"{len(values)} measures; {_LINES} at most"
    else:
        value = sum(values)
    units = {str(one.get("unit") or "kWh").strip() for one in measures}
    return value if units <= {"kWh", "kwh"} else f"{value} in {', '.join(sorted(units))[:40]}; kWh is read"


def _longest(measures: list[Any], name: str) -> Any:
    values = [one[name] for one in measures if isinstance(one.get(name), int | float)]
    return max(values, default=None)
