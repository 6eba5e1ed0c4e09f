"""``gramwatt.window``: what user code sees, with and without an exporter."""

from __future__ import annotations

import asyncio
import math
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import gramwatt
import pytest
from known import known


def test_context_manager_gives_energy_co2_time_and_origin(exporter: Any) -> None:
    with gramwatt.window(
        "train", phase="training", model="m", task="t", dataset="d", tags={"team": "x"}
    ) as w:
        w.record(samples=60000, accuracy=0.98)
    opened = exporter.only()
    assert (opened["model"], opened["task"], opened["dataset"]) == ("m", "t", "d")
    assert opened["tags"]["team"] == "x"
    result = w.result
    assert result.joules == pytest.approx(10 * known(result.seconds))
    assert result.watt_hours == pytest.approx(known(result.joules) / 3600)
    assert result.grams == pytest.approx(known(result.joules) * 1e-5)
    assert result.watts == 10
    assert sum(result.components.values()) == pytest.approx(result.joules)
    assert result.sources == {"cpu": "rapl", "dram": "rapl"}
    assert result.uncertainty == 0.05
    assert result.values == {"samples": 60000, "accuracy": 0.98}
    assert (result.state, result.ended_by, result.window) == ("finished", "stop", w.id)


@pytest.mark.parametrize("phase", ["train", "", "Training", None, 3])
def test_wrong_phase_names_the_two(phase: Any) -> None:
    with pytest.raises(ValueError, match=r"use .training. or .inference."):
        gramwatt.window("x", phase=phase)


@pytest.mark.parametrize("name", ["", "x" * 129, None])
def test_wrong_name_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match=r"^name: "):
        gramwatt.window(name, phase="training")


def test_phase_is_required() -> None:
    with pytest.raises(TypeError, match="phase"):
        gramwatt.window("x")  # type: ignore[call-arg]


def test_explicit_start_and_stop_twice(exporter: Any) -> None:
    w = gramwatt.window("x", phase="inference").start()
    first = w.stop()
    assert w.stop() is first
    assert [path for _, path, _ in exporter.calls].count("/v1/windows/w1/stop") == 1
    with pytest.raises(RuntimeError, match="make a new one"):
        w.start()


def test_exception_passes_and_closes_the_window(exporter: Any) -> None:
    with pytest.raises(KeyboardInterrupt), gramwatt.window("x", phase="training"):
        raise KeyboardInterrupt
    assert exporter.only()["state"] == "finished"


def test_decorator_makes_a_window_of_every_call(exporter: Any) -> None:
    @gramwatt.window("step", phase="training", model="m")
    def step(a: int, b: int = 2) -> int:
        """Adds."""
        return a + b

    assert step(1) + step(1, b=3) == 7
    assert (step.__name__, step.__doc__) == ("step", "Adds.")
    assert exporter.names() == ["step", "step"]
    assert {w["model"] for w in exporter.windows.values()} == {"m"}
    assert {w["state"] for w in exporter.windows.values()} == {"finished"}


def test_decorated_generator_is_open_while_it_yields(exporter: Any) -> None:
    @gramwatt.window("batches", phase="inference")
    def batches() -> Iterator[Any]:
        yield 1
        yield 2

    items = batches()
    assert exporter.windows == {}
    assert next(items) == 1
    assert exporter.only()["state"] == "open"
    assert list(items) == [2]
    assert exporter.only()["state"] == "finished"


@pytest.mark.slow
def test_async_context_decorator_and_generator(exporter: Any) -> None:
    @gramwatt.window("served", phase="inference")
    async def serve(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    @gramwatt.window("stream", phase="inference")
    async def stream() -> AsyncIterator[int]:
        yield 1

    async def main() -> list[int]:
        async with gramwatt.window("outer", phase="inference") as w:
            found = list(await asyncio.gather(serve(1), serve(2)))
            found += [item async for item in stream()]
        assert known(w.result.joules) > 0
        return found

    assert asyncio.run(main()) == [2, 3, 1]
    assert sorted(exporter.names()) == ["outer", "served", "served", "stream"]
    # Tasks that run side by side are parts of what is around both, never of each other.
    assert {w["parent"] for w in exporter.windows.values() if w["name"] != "outer"} == {"w1"}


def test_a_cancelled_task_closes_its_window(exporter: Any) -> None:
    async def main() -> None:
        inside = asyncio.Event()

        async def forever() -> None:
            async with gramwatt.window("x", phase="inference"):
                inside.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(forever())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert exporter.only()["state"] == "finished"
    assert exporter.only()["outcome"] == {"exception": "CancelledError"}


def test_a_task_cancelled_while_its_window_opens_leaves_none_open(exporter: Any) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(method: str, path: str) -> None:
        if method == "POST" and path == "/v1/windows":
            asked.set()
            assert answer.wait(30)

    exporter.fault = slow
    bodies = 0

    async def main() -> None:
        async def one() -> None:
            nonlocal bodies
            async with gramwatt.window("x", phase="inference"):
                bodies += 1

        task = asyncio.create_task(one())
        await asyncio.to_thread(asked.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task  # at once: the exporter has not answered yet
        assert not exporter.windows
        answer.set()

    asyncio.run(main())
    assert bodies == 0
    assert exporter.only()["state"] == "finished"
    assert exporter.only()["outcome"] == {"exception": "CancelledError"}


def test_a_task_cancelled_while_its_window_cannot_be_opened_closes_nothing(exporter: Any) -> None:
    """The window runs in another task; the second task that starts it must not end it."""

    async def main() -> gramwatt.Window:
        used = gramwatt.window("x", phase="inference").start()

        async def again() -> None:
            async with used:
                pass

        task = asyncio.create_task(again())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises((asyncio.CancelledError, RuntimeError)):
            await task
        return used

    used = asyncio.run(main())
    assert exporter.only()["state"] == "open"
    used.stop()


def test_nested_windows_are_parts(exporter: Any) -> None:
    with gramwatt.window("fit", phase="training"):
        for _ in range(2):
            with gramwatt.window("epoch", phase="training"), gramwatt.window("eval", phase="inference"):
                pass
    with gramwatt.window("after", phase="training"):
        pass
    assert [(w["name"], w["parent"]) for w in exporter.windows.values()] == [
        ("fit", ""), ("epoch", "w1"), ("eval", "w2"), ("epoch", "w1"), ("eval", "w4"), ("after", ""),
    ]  # fmt: skip


def test_windows_stopped_in_another_order_leave_no_parent_behind(exporter: Any) -> None:
    outer = gramwatt.window("outer", phase="training").start()
    inner = gramwatt.window("inner", phase="training").start()
    outer.stop()
    with gramwatt.window("third", phase="training"):
        pass
    inner.stop()
    with gramwatt.window("fourth", phase="training"):
        pass
    assert [w["parent"] for w in exporter.windows.values()] == ["", "w1", "w2", ""]


def test_parent_from_the_environment(exporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with gramwatt.window("outer", phase="training"):
        monkeypatch.setenv("GRAMWATT_PARENT", "w1")
    with gramwatt.window("part", phase="training"):
        pass
    monkeypatch.setenv("GRAMWATT_PARENT", "gone")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with gramwatt.window("alone", phase="training"):
            pass
    assert [w["parent"] for w in exporter.windows.values()] == ["", "w1", ""]


def test_live_asks_for_a_sample_and_is_open(exporter: Any) -> None:
    with gramwatt.window("x", phase="training") as w:
        live = w.live()
        assert live.state == "open"
        assert known(live.joules) >= 0
    assert ("GET", "/v1/windows/w1?sample=true", None) in exporter.calls
    assert w.live() is w.result


def test_recording_in_a_loop_sends_few_calls_and_keeps_the_last(exporter: Any) -> None:
    with gramwatt.window("x", phase="training") as w:
        for i in range(500):
            w.record(step=i, loss=1 / (i + 1))
    assert exporter.only()["values"] == {"step": 499.0, "loss": 1 / 500}
    assert sum(path.endswith("/values") for _, path, _ in exporter.calls) < 5


def test_numbers_of_other_libraries_are_numbers(exporter: Any) -> None:
    class Scalar:
        def __float__(self) -> float:
            return 2.5

    with gramwatt.window("x", phase="training", values={"a": 1}) as w:
        w.record(loss=Scalar())  # type: ignore[arg-type]  # as NumPy's and PyTorch's numbers are
    assert exporter.only()["values"] == {"a": 1.0, "loss": 2.5}


@pytest.mark.parametrize("value", ["0.5", None, b"1"])
def test_what_is_no_number_is_a_mistake(exporter: Any, value: Any) -> None:
    with (
        gramwatt.window("x", phase="training") as w,
        pytest.raises(TypeError, match=r"loss: .* is not a number"),
    ):
        w.record(loss=value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_diverged_numbers_do_not_end_a_training(exporter: Any, value: Any) -> None:
    with (
        pytest.warns(gramwatt.GramwattWarning, match=r"loss=.*left out"),
        gramwatt.window("x", phase="training") as w,
    ):
        w.record(loss=value, step=1)
    assert w.result.values == {"step": 1.0}


def test_a_refused_value_neither_keeps_the_window_open_nor_costs_the_others(exporter: Any) -> None:
    exporter.bad_key = "bad"
    w = gramwatt.window("x", phase="training").start()

    def work() -> None:
        w.record(bad=1, samples=5)
        assert w.stop().joules is not None

    with pytest.warns(gramwatt.GramwattWarning, match="a value was not kept: values: bad"):
        work()
    assert exporter.only()["state"] == "finished"
    assert exporter.only()["values"] == {"samples": 5.0}


def test_without_exporter_one_warning_per_process_and_the_work_goes_on() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            with gramwatt.window("x", phase="training") as w:
                w.record(samples=1)
                assert w.live().joules is None
    assert [warning.category for warning in caught] == [gramwatt.GramwattWarning]
    assert "no exporter at /nonexistent/gramwatt.sock" in str(caught[0].message)
    assert caught[0].filename == __file__
    result = w.result
    assert (result.joules, result.grams, result.watts, result.measured) == (None, None, None, False)
    assert known(result.seconds) > 0
    assert result.values == {"samples": 1.0}
    assert "not measured" in str(result)


@pytest.mark.slow
def test_fallback_is_own_cpu_time_times_the_stated_power(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with gramwatt.window("x", phase="training", fallback=True) as w:
            sum(range(3_000_000))
            assert known(w.live().joules) >= 0
    result = w.result
    assert result.joules == pytest.approx(known(result.cpu_seconds) * 3.5, rel=0.1)
    assert result.sources == {"cpu": "estimate-local"}
    assert result.components == {"cpu": result.joules}
    assert known(result.uncertainty) >= 0.5
    assert result.grams is None
    assert "3.5 W per CPU" in result.note
    monkeypatch.setenv("GRAMWATT_FALLBACK_WATTS_PER_CPU", "7")
    with gramwatt.window("x", phase="training", fallback=True) as w:
        sum(range(3_000_000))
    assert w.result.joules == pytest.approx(known(w.result.cpu_seconds) * 7, rel=0.1)
    assert w.result.uncertainty == 0.5


@pytest.mark.slow
def test_fallback_counts_children_it_waited_for(python: Any) -> None:
    done = python("""
import gramwatt, subprocess, sys
with gramwatt.window("x", phase="training", fallback=True) as w:
    subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.3: pass"])
print(w.result.cpu_seconds)
""")
    assert float(done.stdout) >= 0.299


def test_exporter_that_goes_away_leaves_an_unknown_result(exporter: Any) -> None:
    with pytest.warns(gramwatt.GramwattWarning, match=r"could not be read at its end"), \
            gramwatt.window("x", phase="training") as w:  # fmt: skip
        exporter.stop()
    assert w.result.joules is None
    assert w.result.window == "w1"


def test_exporter_that_goes_away_falls_back_when_asked(exporter: Any) -> None:
    with gramwatt.window("x", phase="training", fallback=True) as w:
        sum(range(100_000))
        exporter.stop()
    assert w.result.sources == {"cpu": "estimate-local"}


def test_exporter_restart_continues_the_same_window(exporter: Any) -> None:
    with gramwatt.window("x", phase="training") as w:
        exporter.stop()
        exporter.start()
        w.record(samples=5)
    assert exporter.only()["state"] == "finished"
    assert w.result.values == {"samples": 5.0}


def test_a_refused_opening_warns_and_goes_on(exporter: Any) -> None:
    exporter.refuse["/windows"] = (409, {"field": "", "message": "500 windows are open", "fix": "stop some"})
    with pytest.warns(gramwatt.GramwattWarning, match=r"500 windows are open; stop some"), \
            gramwatt.window("x", phase="training") as w:  # fmt: skip
        pass
    assert w.result.joules is None


def test_equivalents_name_their_sources(exporter: Any) -> None:
    result = gramwatt.Result("x", "training", joules=15 * 3600, grams=400)
    by_name = {equivalent.what: equivalent for equivalent in result.equivalents}
    assert by_name["km by car"].amount == pytest.approx(1.609344)
    assert by_name["phone charges"].amount == pytest.approx(1)
    assert all(equivalent.source for equivalent in result.equivalents)
    assert gramwatt.Result("x", "training").equivalents == ()


def test_emissions_csv_by_argument(exporter: Any, tmp_path: Path) -> None:
    with gramwatt.window("x", phase="training", emissions_csv=tmp_path / "e.csv"):
        pass
    assert len((tmp_path / "e.csv").read_text().splitlines()) == 2
    lost = gramwatt.window("x", phase="training", emissions_csv=tmp_path / "no" / "e.csv").start()
    with pytest.warns(gramwatt.GramwattWarning, match="No such file"):
        lost.stop()


@pytest.mark.slow
def test_importing_is_light_and_needs_nothing(python: Any) -> None:
    done = python("""
import sys
before = set(sys.modules)
import gramwatt
heavy = {"textual", "codecarbon", "numpy", "sklearn", "IPython", "requests"} & set(sys.modules)
print(sorted(heavy))
""")
    assert done.stdout == "[]\n"


def test_what_may_be_its_own_is_in_the_result_its_note_and_the_summary() -> None:
    from gramwatt.result import from_window

    answer = {"name": "w", "phase": "training", "energy_joules": 10.0, "components": {"cpu": 10.0}}
    assert from_window(answer).note == ""
    assert from_window({**answer, "unknown_joules": {"gpu": 0.2}}).note == ""
    result = from_window({**answer, "unknown_joules": {"gpu": 700.4}})
    assert result.note.startswith("up to 700 J more of the gpu may be its own")
    assert result.summary()["unknown_joules"] == {"gpu": 700.4}


def test_a_tracker_is_a_window_of_its_task(exporter: Any) -> None:
    tracker = gramwatt.tracker(task="image-classification", model="resnet18", mode="inference")
    tracker.start()
    result = tracker.stop()
    opened = exporter.only()
    assert (opened["name"], opened["phase"], opened["task"], opened["model"]) == (
        "image-classification", "inference", "image-classification", "resnet18",
    )  # fmt: skip
    assert known(result.joules) > 0
    with gramwatt.tracker("t", name="mine", dataset="d") as w:
        pass
    assert (w.name, w.phase, w.task, w.dataset) == ("mine", "training", "t", "d")


@pytest.mark.parametrize("mode", ["train", "", "Training", None, 3])
def test_another_mode_is_refused_before_anything_runs(mode: Any) -> None:
    with pytest.raises(ValueError, match=r"^mode: .* use .training. or .inference."):
        gramwatt.tracker("t", mode=mode)


@pytest.mark.parametrize("task", ["", None, "x" * 129])
def test_a_tracker_needs_a_task(task: Any) -> None:
    with pytest.raises(ValueError, match="1 to 128 characters"):
        gramwatt.tracker(task)


def test_a_tracker_works_without_an_exporter(tmp_path: Path) -> None:
    with (
        pytest.warns(gramwatt.GramwattWarning),
        gramwatt.tracker("t", socket=str(tmp_path / "none.sock")) as w,
    ):
        pass
    assert w.result.joules is None
