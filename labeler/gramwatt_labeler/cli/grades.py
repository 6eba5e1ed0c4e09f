"""``gramwatt-labeler grade`` and ``label``: one window's grade, printed or as label files."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from ..config import Config
from ..errors import ConfigError
from ..json_shapes import as_json
from ..render.files import label_files, write_labels
from ..render.label import LAYOUTS
from ..render.words import LANGUAGES
from . import exit_codes, graded_facts, regrade
from .asked_window import grade_asked
from .line import one_line
from .servers import output


def add_grade_arguments(command: argparse.ArgumentParser) -> None:
    """What else than a window can be graded."""
    graded_facts.add_arguments(command)
    regrade.add_arguments(command)


def print_grades(options: argparse.Namespace, config: Config) -> int:
    """``grade``: on every configured scale; the exit code is the first one's."""
    if options.again:
        return regrade.main(options, config)
    if graded_facts.is_asked(options):
        return graded_facts.main(options, config)
    results = grade_asked(options, config)
    page_of = output(config).page
    if options.json:
        print(msgspec.json.format(msgspec.json.encode([as_json(one, page_of) for one in results])).decode())
    else:
        for one in results:
            print(one_line(one))
    return 0 if results[0].grade.letter else exit_codes.NOT_GRADED


def add_label_arguments(command: argparse.ArgumentParser) -> None:
    """Where to, in which layout and language."""
    command.add_argument("--output", metavar="DIR", default="", help="default: labels.dir")
    command.add_argument("--layout", choices=LAYOUTS, default="full", help="neutral has no arrows")
    command.add_argument(
        "--language", choices=LANGUAGES, default="en", help="of the label's text (default: en)"
    )
    command.add_argument(
        "--dry-run", action="store_true", help="say which files it would write, write nothing"
    )


def write(options: argparse.Namespace, config: Config) -> int:
    """``label``: on the first configured scale."""
    graded = grade_asked(options, config)[0]
    directory = Path(options.output) if options.output else config.labels_dir
    try:
        written = label_files(graded.window.id, directory, config.labels.formats, options.layout)
        if not options.dry_run:
            page = output(config).page(graded.window.id)
            written = write_labels(
                graded, page, directory, config.labels.formats, options.layout, options.language
            )
    except OSError as error:
        raise ConfigError("--output", f"cannot write to {directory}: {error.strerror}") from None
    if options.json:
        print(msgspec.json.encode([str(path) for path in written]).decode())
    else:
        print(one_line(graded))
        for path in written:
            print(path)
    return 0 if graded.grade.letter else exit_codes.NOT_GRADED
