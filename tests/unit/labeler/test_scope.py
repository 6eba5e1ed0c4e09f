"""Which test shows each job of the older systems. A test that is renamed or removed must leave its name here too."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
API, HUB, PROBE, EXCHANGE, MANAGE, DEFINING, MODELS, RETURNS, STUDIED = (
    f"integration/labeler/test_{name}.py"
    for name in ("api", "hub", "probe", "exchange", "manage", "defining", "models", "returns", "study")
)
ONE_LETTER, OTHERS = (f"integration/labeler/test_{name}.py" for name in ("one_letter", "jobs_of_others"))
READING, EVALUATE, UPLOAD = (
    f"integration/labeler/pages/test_{name}.py" for name in ("reading", "evaluate", "upload")
)
IMPORT, STORE = "integration/labeler/test_import.py", "integration/labeler/store/test_evaluations.py"
COMMANDS = "integration/labeler/test_job_commands.py"
EXPLORE, TORCH = (f"integration/examples/test_explore_{name}.py" for name in ("measured", "torch"))
BROWSER, CARDS, STUDY = (
    "browser/test_application.py",
    "unit/labeler/test_hub_cards.py",
    "unit/labeler/test_study.py",
)

SHOWN: dict[str, tuple[tuple[str, str], ...]] = {
    # The carbon study of the Hugging Face hub, and its energy-label app
    "models are mined from their cards, what changed alone": (
        (HUB, "test_what_changed_is_read_and_graded_once"), (HUB, "test_only_what_is_new_is_read_again"),
    ),
    "units are harmonised, and the domain is known": (
        (CARDS, "test_a_mass_is_read_in_grams"), (CARDS, "test_the_domain_is_that_of_the_task_else_of_the_tags"),
    ),
    "efficiencies are derived": (("unit/labeler/test_rated.py", "test_efficiencies_are_bytes_per_gram"),),
    "what people curate wins": ((HUB, "test_what_a_person_says_wins_over_the_card_and_can_be_taken_back"),),
    "how creators report": ((CARDS, "test_how_co2_is_reported"), (STUDY, "test_a_month_has_its_quartiles")),
    "what CO2 goes along with": (
        (STUDY, "test_an_effect_that_is_there_is_found_and_one_that_is_not_is_none"),
        (STUDY, "test_the_published_table"),
    ),
    "the study is filtered, drawn and read over REST": (
        (STUDIED, "test_the_same_filters_narrow_the_page_and_the_calls"),
        (STUDIED, "test_each_chart_is_a_picture_and_its_numbers"),
        (STUDIED, "test_the_document_says_what_each_filter_takes"),
    ),
    "every model has its letter, and can be graded again": (
        (HUB, "test_what_changed_is_read_and_graded_once"),
        (STUDIED, "test_the_best_of_each_letter_is_named"),
        (STUDIED, "test_the_command_grades_every_model_again"),
    ),
    "a form makes a label as picture and PDF, and adds to the data set once": (
        (BROWSER, "test_numbers_typed_in_become_a_label_and_an_evaluation"),
        (EVALUATE, "test_a_writer_adds_once_and_the_second_time_is_led_to_the_first"),
    ),
    "a model that is there has its label": (
        (HUB, "test_the_studys_table_is_read_without_a_network_and_a_model_in_it_has_its_label"),
    ),
    "the explorer filters, adds up and draws": (
        (READING, "test_the_explorer_adds_up_and_draws_what_is_known"),
        (OTHERS, "test_the_explorer_has_months_filters_totals_and_equivalents"),
    ),
    # GAISSALabel
    "models are registered, and earlier evaluations are listed and retrieved": (
        (HUB, "test_a_model_is_registered_by_form_and_keeps_what_is_not_said"),
        (API, "test_an_evaluation_is_added_graded_and_found"),
        (READING, "test_the_list_is_searched_filtered_and_sorted"),
    ),
    "a model's facts come from its file": (
        ("unit/labeler/test_model_files.py", "test_a_header_has_the_facts"),
        ("unit/labeler/test_model_files.py", "test_nothing_in_a_file_is_executed"),
        ("unit/labeler/test_keras_files.py", "test_parameters_and_flops_of_a_keras_file"),
        ("unit/labeler/test_keras_files.py", "test_a_saved_model_as_a_zip_and_as_a_folder"),
        ("unit/labeler/test_onnx_files.py", "test_flops_are_those_of_one_sample"),
        (MODELS, "test_a_model_gets_parameters_size_and_library_and_keeps_the_rest"),
        (MODELS, "test_the_page_of_a_model_reads_its_file"),
    ),
    "results come by form": ((EVALUATE, "test_every_field_has_a_label_and_says_how_its_value_is_got"),),
    "results come by file": (
        (BROWSER, "test_files_are_previewed_added_compared_and_reported"),
        (UPLOAD, "test_codecarbon_and_a_workbook_become_one_run"),
        (ONE_LETTER, "test_a_file_of_codecarbons_keeps_units_parts_hardware_and_country"),
    ),
    "one run has one letter wherever it is read": (
        (ONE_LETTER, "test_a_letter_is_the_same_on_form_page_label_list_model_and_rest"),
        (ONE_LETTER, "test_compared_runs_have_the_letters_of_their_labels"),
    ),
    "one kind of numbers has the same letters by every door": (
        (ONE_LETTER, "test_a_file_of_codecarbons_has_the_same_letters_by_command_and_rest"),
        (ONE_LETTER, "test_what_is_measured_is_graded_on_the_scales_of_the_settings_before_and_after_a_change"),
        (COMMANDS, "test_a_scale_of_several_metrics_grades_a_window_where_the_settings_name_it"),
    ),
    "runs of every origin are in one list": (
        (OTHERS, "test_runs_of_every_origin_are_in_one_list_by_page_and_rest"),
    ),
    "a stretch of the exporter's series becomes an evaluation": (
        (COMMANDS, "test_a_stretch_of_series_becomes_an_evaluation"),
    ),
    "results come by one click from a deployed model": (
        (PROBE, "test_its_energy_is_that_of_what_serves_it_between_two_samples"),
        (PROBE, "test_without_a_meter_it_measures_time_and_says_what_the_letter_misses"),
    ),
    "a label is a PDF; each metric has letter, value, slider, meaning and advice": (
        (EVALUATE, "test_the_label_is_a_picture_and_a_pdf"), (READING, "test_an_evaluation_says_all_about_itself"),
    ),
    "managers set metrics, tools and extra fields": (
        (DEFINING, "test_managers_define_by_form_and_each_change_is_in_the_audit"),
    ),
    "managers set intervals and weights, and see first what changes": (
        (MANAGE, "test_a_preview_says_how_many_letters_would_change_and_keeps_nothing"),
        (ONE_LETTER, "test_every_number_of_the_form_counts_where_a_manager_gives_it_an_interval"),
    ),
    "managers set letters' colours and tactics": (
        (EXCHANGE, "test_a_manager_changes_the_colours_of_every_label"),
        (EXCHANGE, "test_a_manager_adds_a_tactic_that_everybody_can_use"),
    ),
    "managing needs a login": ((MANAGE, "test_who_is_no_manager_manages_nothing"),),
    "yearly carbon intensities are imported": (
        ("unit/labeler/test_intensities.py", "test_the_newest_year_of_each_zone_counts"),
        (READING, "test_the_grid_of_a_country_is_that_of_its_newest_year"),
        (RETURNS, "test_kept_intensities_are_read_over_rest"),
        (OTHERS, "test_yearly_intensities_come_by_command_and_price_a_return"),
    ),
    "the return on a tactic": (
        (READING, "test_a_return_is_computed_from_evaluations_and_numbers"),
        (EXCHANGE, "test_a_return_is_the_same_by_command_page_and_rest"),
        (RETURNS, "test_what_is_kept_by_rest_is_listed_shown_and_removed_by_its_user"),
        (RETURNS, "test_a_person_keeps_and_removes_one_by_form"),
    ),
    "a REST API with its description": ((API, "test_the_document_describes_every_call_and_has_a_page"),),
    # CodeCarbon, Carbon Tracker
    "files of CodeCarbon's are imported, and its rows are written": (
        (IMPORT, "test_a_run_of_the_real_codecarbon"), (IMPORT, "test_a_row_of_our_own_client"),
        ("unit/client/test_run.py", "test_emissions_csv_gets_a_row"),
    ),
    "equivalents and a year of it": (
        ("unit/labeler/test_equivalents.py", "test_what_is_not_known_stays_unknown_over_a_year"),
        (READING, "test_an_evaluation_says_all_about_itself"),
        (OTHERS, "test_a_year_of_a_run_and_what_it_equals"),
    ),
    "a tracker takes task, model and mode, refuses another mode, and works without a server": (
        ("unit/client/test_window.py", "test_a_tracker_is_a_window_of_its_task"),
        ("unit/client/test_window.py", "test_another_mode_is_refused_before_anything_runs"),
        ("unit/client/test_window.py", "test_a_tracker_works_without_an_exporter"),
    ),
    "tasks, models, hosts and intervals are in a database": (
        (STORE, "test_a_filter_gives_those_and_no_others"),
        (OTHERS, "test_tasks_models_hosts_and_intervals_are_found_over_rest"),
    ),
    # The hands-on exploration of models
    "models run on the CPU or a GPU": ((TORCH, "test_a_device_that_is_not_there_is_named_with_those_that_are"),),
    "MLPs and CNNs classify digits, measured by epoch, phase and component": (
        (EXPLORE, "test_each_epoch_and_phase_is_a_window_inside_the_run"),
        (TORCH, "test_networks_learn_on_the_cpu_by_epoch_and_phase"),
    ),
    "a run has its parameters, time, accuracy, energy and pictures": (
        (EXPLORE, "test_a_kept_run_has_numbers_model_and_pictures"),
    ),
    "a kept run says so and spends nothing": (
        (EXPLORE, "test_a_kept_run_opens_no_window_and_says_that_it_is_one"),
    ),
    "any quantity of a run is drawn against any other": (
        (EXPLORE, "test_any_quantity_is_drawn_against_any_other"),
        ("unit/examples/test_explore.py", "test_no_other_beats_a_point_of_the_front_in_both"),
    ),
    "images are generated, and learning and drawing are measured apart": (
        (EXPLORE, "test_drawing_has_a_window_beside_that_of_learning"),
        (TORCH, "test_autoencoders_draw_digits_of_either_size"),
    ),
    "language models fill a mask and continue a text; new tokens alone count": (
        (TORCH, "test_only_new_tokens_count"),
        (TORCH, "test_weights_come_from_the_hub_and_later_from_what_was_downloaded"),
    ),
    "the floor of the measurement is shown": (
        (EXPLORE, "test_small_loops_are_below_the_floor_and_large_ones_above"),
    ),
    "notebooks have the figures of the command": ((EXPLORE, "test_a_notebook_has_the_figures_of_the_command"),),
}  # fmt: skip


@cache
def _tests_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("job", SHOWN)
def test_each_job_is_shown_by_a_test_that_is_there(job: str) -> None:
    missing = [f"{file}::{name}" for file, name in SHOWN[job] if name not in _tests_in(file)]
    assert not missing
