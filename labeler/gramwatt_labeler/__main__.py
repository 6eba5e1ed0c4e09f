"""Command line: flags -> Config -> wiring -> run. The only place that reads arguments and environment."""

from __future__ import annotations

import argparse
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import requests
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError

from . import __version__
from .annotate import Annotator
from .config import Config, describe, load, settings
from .errors import ConfigError, InputError, LabelerError, NotFound, NotYet, TryAgain
from .importing import Imported, Outcome, import_results
from .metrics import Health, Published
from .model import Graded
from .prometheus import Prometheus
from .render.files import write_labels
from .render.text import clean
from .scale_files import LoadedScale, grade, load_scales, pick
from .sources.emissions_csv import FACTS, PHASES, Options, read_emissions
from .store import Store
from .watch import Output, Watch
from .web.app import create_app
from .web.labels import as_json, scale_json
from .windows import find_by_id, find_by_name, finished, measure

EXIT_ERROR, EXIT_USAGE, EXIT_NOT_GRADED = 1, 2, 3
_log = logging.getLogger("gramwatt_labeler")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Returns 0, 1 (a server failed or nothing found), 2 (wrong settings) or 3 (not graded)."""
    options = _parser().parse_args(arguments)
    flags = {
        key: getattr(options, _dest(key))
        for key in settings()
        if getattr(options, _dest(key), None) is not None
    }
    file = options.config_file or os.environ.get("GRAMWATT_LABELER_CONFIG_FILE", "")
    try:
        loaded = load(file, os.environ, flags)
        logging.basicConfig(
            level=loaded.config.log.level.upper(),
            format="%(asctime)s %(levelname)s %(message)s",
            stream=sys.stderr,
        )
        for warning in loaded.warnings:
            _log.warning("%s", warning)
        if options.config_check:
            print(describe(loaded))
            return 0
        return int(options.run(options, loaded.config))
    except ConfigError as error:
        print(f"gramwatt-labeler: {error}", file=sys.stderr)
        return EXIT_USAGE
    except LabelerError as error:
        print(f"gramwatt-labeler: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    group = common.add_argument_group(
        "settings", "also in the YAML file and as GRAMWATT_LABELER_<SECTION>_<KEY>"
    )
    group.add_argument("--config.file", dest="config_file", metavar="FILE", default="")
    group.add_argument(
        "--config.check",
        dest="config_check",
        action="store_true",
        help="print the settings and their origins",
    )
    for key in settings():
        group.add_argument(f"--{key.replace('_', '-')}", dest=_dest(key), metavar="VALUE")
    which = argparse.ArgumentParser(add_help=False)
    choice = which.add_mutually_exclusive_group()
    choice.add_argument("--window", metavar="ID", help="the window's id, as gramwatt run prints it")
    choice.add_argument("--name", help="the window of this name that finished last")
    which.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="wait for its last samples")
    which.add_argument("--json", action="store_true", help="print the result as JSON")

    parser = argparse.ArgumentParser(
        prog="gramwatt-labeler",
        description="Turns recorded windows into efficiency grades and energy labels.",
    )
    parser.add_argument("--version", action="version", version=f"gramwatt-labeler {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, parents, text in (
        (
            "watch",
            _watch,
            [common],
            "grade new finished windows for as long as it runs, and serve the web pages",
        ),
        ("serve", _serve, [common], "serve stored grades without looking for new ones"),
        ("grade", _grade, [which, common], "grade one finished window (default: the last) and print it"),
        ("label", _label, [which, common], "grade one finished window and write its label files"),
        ("scales", _scales, [common], "list the scales with version and hash"),
        ("import", _import, [common], "grade the runs and tasks in files of CodeCarbon's (emissions.csv)"),
    ):
        command = commands.add_parser(
            name, parents=parents, help=text, description=text[0].upper() + text[1:] + "."
        )
        command.set_defaults(run=run)
        if name == "watch":
            command.add_argument("--once", action="store_true", help="look once, then exit; serves nothing")
        if name == "import":
            _import_arguments(command)
        if name == "label":
            command.add_argument("--output", metavar="DIR", default="", help="default: labels.dir")
    return parser


def _import_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="emissions.csv, or emissions_..._....csv of tasks"
    )
    group = command.add_argument_group(
        "what the files do not say", "for rows whose own column is missing or empty"
    )
    group.add_argument("--phase", choices=PHASES)
    for fact in FACTS[1:]:
        group.add_argument(f"--{fact}", metavar=fact.upper(), default="")
    group.add_argument(
        "--value", dest="values", action="append", default=[], metavar="KEY=NUMBER", type=_key_number,
        help="such as samples=60000 or tokens=1200, for every imported run",
    )  # fmt: skip
    group.add_argument(
        "--column", dest="columns", action="append", default=[], metavar="FIELD=COLUMN", type=_key_text,
        help="the column that has a field: one of CodeCarbon's, of the above, or a value such as samples",
    )  # fmt: skip
    group.add_argument(
        "--timezone",
        type=_zone,
        metavar="ZONE",
        help="of the times in the files, such as Europe/Paris; default: here",
    )
    command.add_argument(
        "--run", dest="runs", action="append", default=[], metavar="ID", help="only this run_id"
    )
    command.add_argument(
        "--replace", action="store_true", help="take what is different from an earlier import of the same run"
    )
    command.add_argument("--json", action="store_true", help="print the results as JSON")


def _key_text(text: str) -> tuple[str, str]:
    key, sign, rest = text.partition("=")
    if not (key.strip() and sign and rest.strip()):
        raise argparse.ArgumentTypeError(f"expected FIELD=COLUMN, such as samples=n_images, got {text!r}")
    return key.strip(), rest.strip()


def _key_number(text: str) -> tuple[str, float]:
    key, _, rest = text.partition("=")
    try:
        number = float(rest)
    except ValueError:
        number = math.nan
    if not key.strip() or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"expected KEY=NUMBER, such as samples=60000, got {text!r}")
    return key.strip(), number


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise argparse.ArgumentTypeError(
            f"no time zone {text!r}; expected a name such as Europe/Paris or UTC"
        ) from None


def _dest(key: str) -> str:
    return "setting_" + key.replace(".", "__")


def _session(config: Config) -> requests.Session:
    session = requests.Session()
    session.headers.update(_prometheus_headers(config))
    return session


def _prometheus_headers(config: Config) -> dict[str, str]:
    token = _secret(config.prometheus.token_file, "prometheus.token_file")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _secret(file: str, key: str) -> str:
    if not file:
        return ""
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise ConfigError(f"$.{key}", f"cannot read {file}: {error.strerror}") from None


def _prometheus(config: Config) -> Prometheus:
    return Prometheus(config.prometheus.url, _session(config), config.prometheus.timeout)


def _annotator(config: Config) -> Annotator | None:
    if not config.grafana.url:
        return None
    token = os.environ.get("GRAMWATT_GRAFANA_TOKEN", "") or _secret(
        config.grafana.token_file, "grafana.token_file"
    )
    if not token:
        raise ConfigError(
            "$.grafana.token_file", "a token is needed with grafana.url; or set GRAMWATT_GRAFANA_TOKEN"
        )
    return Annotator(config.grafana.url, token, config.grafana.timeout)


def _output(config: Config) -> Output:
    return Output(config.labels_dir, config.labels.formats, config.base_url)


def _watch(options: argparse.Namespace, config: Config) -> int:
    scales = load_scales(config.grading.scales_dir)
    picked = pick(scales, config.grading.scales)
    registry = CollectorRegistry()
    store = Store(config.database_url)
    watch = Watch(
        _prometheus(config),
        store,
        picked,
        _output(config),
        Health(registry),
        Published(registry),
        _annotator(config),
        config.grading.hardware,
        config.watch.lookback,
        config.watch.patience,
    )
    if options.once:
        for graded in watch.poll():
            print(_line(graded))
        return 0
    watch.publish()
    stop = threading.Event()
    worker = threading.Thread(target=watch.run, args=(config.watch.interval, stop), name="watch", daemon=True)
    worker.start()
    _log.info(
        "watching %s every %s, serving on %s", config.prometheus.url, config.watch.interval, config.base_url
    )
    try:
        return _run_web(_app(config, registry, store, scales), config)
    finally:
        stop.set()
        worker.join(timeout=config.prometheus.timeout + 5)
        store.close()


def _serve(_: argparse.Namespace, config: Config) -> int:
    scales = load_scales(config.grading.scales_dir)
    pick(scales, config.grading.scales)
    registry = CollectorRegistry()
    store = Store(config.database_url)
    published = Published(registry)
    published.publish(store.recent())
    stop = threading.Event()

    def follow() -> None:  # what `import` or a `watch` elsewhere adds to the same database
        while not stop.wait(config.watch.interval):
            try:
                published.publish(store.recent())
            except SQLAlchemyError as error:
                _log.warning("cannot read grades, trying again: %s", type(error).__name__)

    follower = threading.Thread(target=follow, name="follow", daemon=True)
    follower.start()
    try:
        return _run_web(_app(config, registry, store, scales), config)
    finally:
        stop.set()
        follower.join(timeout=5)
        store.close()


def _app(
    config: Config, registry: CollectorRegistry, store: Store, scales: Mapping[str, LoadedScale]
) -> FastAPI:
    return create_app(
        registry,
        store,
        scales,
        config.grading.scales[0],
        _output(config).page,
        config.prometheus.url,
        Path(config.web.dashboards_dir),
        _prometheus_headers(config),
    )


def _run_web(app: FastAPI, config: Config) -> int:
    host, port = config.listen
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False))
    # uvicorn ends on these, then raises them again for whoever asked before: us, for whom ending is enough.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    try:
        server.run()
    except SystemExit:
        raise ConfigError(
            "$.web.listen_address", f"cannot listen on {config.web.listen_address}; is the port taken?"
        ) from None
    return 0 if server.started else EXIT_ERROR


def _graded(options: argparse.Namespace, config: Config) -> list[Graded]:
    """Measure and grade the asked window on all configured scales, waiting for its samples if asked to."""
    picked = pick(load_scales(config.grading.scales_dir), config.grading.scales)
    prometheus = _prometheus(config)
    deadline = time.monotonic() + options.wait
    while True:
        now = time.time()
        try:
            if options.window:
                found = find_by_id(prometheus, options.window, now, config.watch.lookback)
            elif options.name:
                found = find_by_name(prometheus, options.name, now, config.watch.lookback)
            else:
                windows = finished(prometheus, now, config.watch.lookback)
                if not windows:
                    raise NotFound(f"no finished window in Prometheus at {prometheus.url}")
                found = windows[-1]
            window, measurement = measure(prometheus, found, now, config.watch.patience)
        except (NotFound, NotYet, TryAgain) as error:
            if time.monotonic() >= deadline:
                if isinstance(error, NotYet) and not options.wait:
                    raise NotYet(f"{error}; try again soon, or use --wait SECONDS") from None
                raise
            time.sleep(min(1.0, max(0.0, deadline - time.monotonic())))
            continue
        return [
            Graded(window, measurement, grade(scale, window, measurement, config.grading.hardware), now)
            for scale in picked
        ]


def _grade(options: argparse.Namespace, config: Config) -> int:
    results = _graded(options, config)
    page_of = _output(config).page
    if options.json:
        print(msgspec.json.format(msgspec.json.encode([as_json(one, page_of) for one in results])).decode())
    else:
        for one in results:
            print(_line(one))
    return 0 if results[0].grade.letter else EXIT_NOT_GRADED


def _label(options: argparse.Namespace, config: Config) -> int:
    graded = _graded(options, config)[0]
    directory = Path(options.output) if options.output else config.labels_dir
    try:
        written = write_labels(
            graded, _output(config).page(graded.window.id), directory, config.labels.formats
        )
    except OSError as error:
        raise ConfigError("--output", f"cannot write to {directory}: {error.strerror}") from None
    if options.json:
        print(msgspec.json.encode([str(path) for path in written]).decode())
    else:
        print(_line(graded))
        for path in written:
            print(path)
    return 0 if graded.grade.letter else EXIT_NOT_GRADED


def _scales(_: argparse.Namespace, config: Config) -> int:
    for loaded in load_scales(config.grading.scales_dir).values():
        facts = scale_json(loaded)
        print(
            f"{facts['name']:<16} {facts['kind']:<9} version {facts['version']} of {facts['date']}  {facts['sha256']}"
        )
        print(f"{'':<16} {facts['title']}. {loaded.file}")
    return 0


def _import(options: argparse.Namespace, config: Config) -> int:
    """Each file whole or not at all; one that is wrong does not keep the others out."""
    scales = pick(load_scales(config.grading.scales_dir), config.grading.scales)
    facts = {name: getattr(options, name) or "" for name in FACTS}
    settings = Options(dict(options.columns), facts, dict(options.values), options.timezone, options.runs)
    store = Store(config.database_url)
    done: list[Imported] = []
    failed = False
    try:
        for file in options.files:
            try:
                results = read_emissions(Path(file), settings)
            except InputError as error:
                failed = True
                print(f"gramwatt-labeler: {clean(str(error))}; nothing of it was imported", file=sys.stderr)
                continue
            new = import_results(
                results, store, scales, time.time(), config.grading.hardware, options.replace
            )
            _write_imported_labels(new, scales[0], config)
            if not options.json:
                _print_imported(file, new)
            done += new
    finally:
        store.close()
    if options.json:
        page_of = _output(config).page
        rows = [as_json(one.graded, page_of) | {"outcome": one.outcome.value} for one in done]
        print(msgspec.json.format(msgspec.json.encode(rows)).decode())
    return EXIT_ERROR if failed else 0


def _write_imported_labels(imported: Sequence[Imported], scale: LoadedScale, config: Config) -> None:
    """Of what is new. Label files are a convenience (the web renders on demand): a full disk is only said."""
    output = _output(config)
    for one in imported:
        written = one.outcome in (Outcome.NEW, Outcome.GROWN, Outcome.REPLACED)
        if written and one.graded.grade.scale.name == scale.id.name:
            window = one.graded.window.id
            try:
                write_labels(one.graded, output.page(window), output.directory, output.formats)
            except OSError as error:
                _log.warning("cannot write the label of window %s: %s", window, error)
                return


def _print_imported(file: str, imported: Sequence[Imported]) -> None:
    counts: dict[Outcome, int] = {}
    for one in imported:
        counts[one.outcome] = counts.get(one.outcome, 0) + 1
        print(f"{_line(one.graded)} ({one.outcome})")
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    if Outcome.KEPT in counts:
        told += " (--replace takes the new ones)"
    windows = len({one.graded.window.id for one in imported})
    results = f" and {len(imported)} results" if len(imported) > windows else ""  # on several scales
    print(clean(f"{file}: {windows} window(s){results}: {told}"))


def _line(graded: Graded) -> str:
    window, result, measured = graded.window, graded.grade, graded.measurement
    text = f"{window.id} {window.name!r} on {result.scale.name} {result.scale.version} ({result.scale.short_hash}): "
    text += result.text
    if result.energy_per_unit_joules is not None:
        text += f", {result.energy_per_unit_joules:.4g} J per {result.unit}"
    if result.index is not None and result.reference is not None:
        text += f", EEI {result.index:.3g} against {result.reference.joules_per_unit:g} J"
    if measured is not None:
        text += f", {measured.energy_joules:.6g} J"
        if measured.emissions_grams is not None:
            text += f", {measured.emissions_grams:.4g} g CO2e"
        if measured.imported is not None:
            text += f", {measured.imported.text}"
    return clean(text)


if __name__ == "__main__":
    sys.exit(main())
