"""Why there is no letter, and what is said beside one, in every language of the label."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest
from gramwatt_labeler import reasons
from gramwatt_labeler.forms.fields import NUMBERS
from gramwatt_labeler.grading.units import UNITS
from gramwatt_labeler.model import Imported
from gramwatt_labeler.reasons.sentences import LANGUAGES, language, said
from gramwatt_labeler.reasons.translating import found_in, translated
from gramwatt_labeler.render import words

ENGLISH = language("en")
OTHERS = [name for name in LANGUAGES if name != "en"]
ROOT = Path(reasons.__file__).parents[1]


def names_in(template: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(template) if name is not None)


def test_the_languages_are_those_of_the_label() -> None:
    assert LANGUAGES == words.LANGUAGES


@pytest.mark.parametrize("name", OTHERS)
def test_each_sentence_is_in_each_language_with_the_same_values(name: str) -> None:
    other = language(name)
    assert other.sentences.keys() == ENGLISH.sentences.keys()
    assert other.words.keys() == ENGLISH.words.keys()
    for key, template in ENGLISH.sentences.items():
        assert names_in(other.sentences[key]) == names_in(template), key
        assert other.sentences[key].strip() == other.sentences[key] != "", key


def test_each_sentence_is_said_somewhere_and_each_that_is_said_exists() -> None:
    texts = [path.read_text() for path in ROOT.rglob("*.py")]
    quoted = {key for text in texts for key in re.findall(r'"([a-z_]+)"', text)}
    called = {key for text in texts for key in re.findall(r'\bsaid\(\s*"([a-z_]+)"', text)}
    assert called <= ENGLISH.sentences.keys()
    made = {"from_form_of", "from_file_of", "machine_mode", "process_mode", "status", "outcome"}
    assert ENGLISH.sentences.keys() - quoted <= made


def test_a_count_that_is_missing_is_named_as_the_pages_name_its_field() -> None:
    labels = {one.name: one.label for one in NUMBERS}
    named = {unit.field for unit in UNITS.values() if unit.field}
    assert named == {labels["samples"], labels["tokens"], labels["requests"]}


def sample_values(template: str) -> dict[str, str]:
    return {name: str(10 + place) for place, name in enumerate(names_in(template))}


@pytest.mark.parametrize("key", ENGLISH.sentences)
def test_a_sentence_is_found_again_with_its_values(key: str) -> None:
    values = sample_values(ENGLISH.sentences[key])
    assert found_in(said(key, **values)) == (key, values)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("key", ENGLISH.sentences)
def test_a_sentence_in_another_language_has_its_values(key: str, name: str) -> None:
    values = sample_values(ENGLISH.sentences[key])
    assert translated(said(key, **values), name) == language(name).sentences[key].format(**values)


def test_several_sentences_and_sentences_within_sentences() -> None:
    unknown = "up to 7200 J more of the gpu and up to 1 J more of the dram may be its own"
    text = (
        "a run that succeeded (exit code 3); a failed run used less because it did less; "
        f"energy that is known ({unknown}, which would make it not graded and not B)"
    )
    assert translated(text, "de") == (
        "ein erfolgreicher Lauf (Exit-Code 3); ein gescheiterter Lauf verbrauchte weniger, weil er weniger tat; "
        "bekannte Energie (bis zu 7200 J mehr von GPU und bis zu 1 J mehr von dram könnten dazugehören, was die Note "
        "nicht benotet statt B ergäbe)"
    )
    lacks = (
        "value 'tokens'; fill in the field Output tokens, or record it with --value tokens=N "
        "(the reference is for 15 output tokens per request)"
    )
    assert translated(lacks, "fr") == (
        "la valeur 'tokens' ; remplir le champ Output tokens, ou l'enregistrer avec --value tokens=N "
        "(la référence vaut pour 15 jetons de sortie par requête)"
    )
    other = f"a reference for 3 output tokens per request (it has 15) or {said('no_energy')}"
    assert " o energía (ninguna medida" in translated(other, "es")


def test_numbers_are_written_as_the_language_writes_them() -> None:
    text = said("coverage", share="93.5", needed="95")
    assert (
        words.words("de").said(text)
        == "Abdeckung (die Zähler decken 93,5 % des Fensters ab, nötig sind 95 %)"
    )
    assert words.words("en").said(text) == text


@pytest.mark.parametrize("name", OTHERS)
def test_names_of_people_stay(name: str) -> None:
    """Also those that are words or numbers of ours."""
    for task in (
        "energy",
        "machine",
        "run",
        "a; b or c",
        "{task}",
        "no reference for task x (known: y)",
        "1.5x",
    ):
        shown = translated(said("no_gpu", task=task), name)
        assert task in shown, shown
    assert "vLLM 0.9.1" in translated("numbers from a form, measured with vLLM 0.9.1", name)


def test_what_is_no_sentence_of_ours_stays() -> None:
    for text in ("", "energy, downloads", "what? nothing", "x" * 5000, "; " * 400, "a or b; c"):
        assert translated(text, "de") == text


def test_where_numbers_are_from() -> None:
    text = Imported(tool="CodeCarbon", version="3.0", mode="machine", country="France").text
    assert translated(text, "de") == "eingelesen aus CodeCarbon 3.0, ganzer Rechner, France"
    assert translated(Imported(tool="").text, "ca") == "importat de un fitxer que no anomena cap eina"


@pytest.mark.parametrize("name", OTHERS)
def test_a_refused_label_has_no_word_of_english(name: str, scale: Any, window: Any, measurement: Any) -> None:
    from grade_on import grade_on
    from gramwatt_labeler.model import Graded
    from gramwatt_labeler.render.label import alt_text, render_svg

    recorded = window(task="")
    graded = Graded(recorded, measurement(), grade_on(recorded, measurement(), *scale), 1_700_000_090.0)
    for text in (render_svg(graded, "", "full", name), alt_text(graded, name)):
        assert "a task (" not in text
        assert "known:" not in text
