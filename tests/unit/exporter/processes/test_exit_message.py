"""What exit messages of the kernel say, built here byte by byte as kernel/taskstats.c builds them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from gramwatt_exporter.processes.linux.exit_message import Exit, ExitDecoder

SECOND = 1_000_000_000
LAST = 0x20
GROUP_IS_TOLD = 12  # since this version the first half says which process the thread is of


def stats(version: int, **told: Any) -> bytes:
    """struct taskstats of some version; times in nanoseconds as the struct has them, ticks in microseconds."""
    text = bytearray(416 if version >= GROUP_IS_TOLD else 328)
    struct.pack_into("=H", text, 0, version)
    text[8] = told.get("flag", 0)
    struct.pack_into("=Q", text, 16, told.get("runs", 0))
    struct.pack_into("=QQ", text, 64, told.get("ticks", 0) * 1000, told.get("run", 0))
    text[80 : 80 + len(told.get("comm", b""))] = told.get("comm", b"")
    struct.pack_into("=I", text, 120, told.get("uid", 1000))
    struct.pack_into("=II", text, 128, told.get("thread", 0), told.get("parent", 0))
    struct.pack_into("=QQQ", text, 144, told.get("age", 0), told.get("ac_utime", 0), 0)
    struct.pack_into("=QQ", text, 272, told.get("sleeps", 1), told.get("preempted", 0))
    if version >= GROUP_IS_TOLD:
        struct.pack_into("=IxxxxQ", text, 368, told.get("process", 0), told.get("group_age", 0))
    return bytes(text)


def half(kind: int, number: int, content: bytes, padded: bool) -> bytes:
    body = struct.pack("=HHI", 8, kind - 3, number)
    if padded:  # machines that want 64-bit numbers at multiples of 8
        body += struct.pack("=HH", 4, 6)
    body += struct.pack("=HH", 4 + len(content), 3) + content
    return struct.pack("=HH", 4 + len(body), kind) + body


def message(
    thread: int,
    process: int,
    *,
    last: bool = False,
    group: dict[str, Any] | None = None,
    version: int = 16,
    padded: bool = False,
    **told: Any,
) -> bytes:
    """A thread's end; ``group`` is the second half, of the whole process."""
    first = stats(version, thread=thread, process=process, flag=LAST if last else 0, **told)
    text = half(4, thread, first, padded)
    if group is not None:
        text += half(5, process, stats(version, **group), padded)
    return struct.pack("=IHHII", 20 + len(text), 30, 0, 0, 0) + b"\x02\x01\x00\x00" + text


def decode(*messages: bytes) -> list[Exit]:
    decoder = ExitDecoder()
    buffer = bytearray(1 << 16)
    ended = []
    for text in messages:
        buffer[: len(text)] = text
        ended.append(decoder.read(buffer, len(text)))
    return [one for one in ended if one is not None]


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("version", [8, 11, 12, 16])
def test_a_process_is_known_by_its_thread_group_whichever_thread_ends_last(
    version: int, padded: bool
) -> None:
    ended = decode(
        message(100, 100, comm=b"python3", run=SECOND, version=version, padded=padded),
        message(
            102,
            100,
            last=True,
            comm=b"pt_worker",
            parent=7,
            run=3 * SECOND,
            group={"run": 14 * SECOND, "ticks": 14_000_000},
            version=version,
            padded=padded,
        ),
    )
    assert ended == [Exit(100, 7, 1000, "python3", 14 * SECOND)]


def test_a_thread_that_ends_is_no_process() -> None:
    assert decode(*(message(100 + number, 100, run=SECOND) for number in range(50))) == []


def test_the_name_is_the_first_threads_also_when_it_ended_long_before() -> None:
    others = [message(200 + number, 100, comm=b"GC Thread#%d" % number) for number in range(30)]
    last = message(300, 100, last=True, comm=b"ForkJoinPool", group={"run": 5})
    assert [one.command for one in decode(message(100, 100, comm=b"java"), *others, last)] == ["java"]


def test_the_user_is_the_first_threads() -> None:
    leader, last = message(100, 100, uid=33), message(101, 100, last=True, uid=0, group={"run": 5})
    assert [one.uid for one in decode(leader, last)] == [33]


def test_after_an_exec_by_a_thread_the_name_is_the_new_programs() -> None:
    # The thread that called exec has the process's id from then on; the old first thread ended under it.
    before = message(100, 100, comm=b"launcher")
    after = message(100, 100, last=True, comm=b"solver", group={"run": 9})
    assert [(one.pid, one.command, one.nanoseconds) for one in decode(before, after)] == [(100, "solver", 9)]


def test_a_name_is_not_kept_for_the_next_process_with_that_id() -> None:
    first = (message(100, 100, comm=b"java"), message(101, 100, last=True, comm=b"t", group={"run": 5}))
    second = message(105, 100, last=True, comm=b"other", group={"run": 5})
    assert [one.command for one in decode(*first, second)] == ["java", "other"]


def test_the_time_of_a_lone_thread_that_never_slept_is_its_age() -> None:
    lone = message(100, 100, last=True, run=40_000_000, age=43_000, sleeps=0)
    assert decode(lone) == [Exit(100, 0, 1000, "?", 43_000_000, 0, 3_000_000)]


@pytest.mark.parametrize(("version", "age"), [(11, 2 * SECOND), (12, 90 * SECOND)])
def test_the_age_is_the_processs_where_the_kernel_tells_it(version: int, age: int) -> None:
    last = message(
        102, 100, last=True, age=2_000_000, group_age=90_000_000, group={"run": 5}, version=version
    )
    assert [one.age_ns for one in decode(last)] == [age]


def test_the_age_of_a_last_thread_says_nothing_about_its_process() -> None:
    group = {"run": 40_000_000, "ticks": 44_000, "age": 900_000, "sleeps": 0}
    (ended,) = decode(message(102, 100, last=True, run=1, age=900_000, sleeps=0, group=group))
    assert (ended.nanoseconds, ended.doubt_ns, ended.by_age_ns) == (40_000_000, 4_000_000, 0)


def test_a_groups_doubt_is_by_the_sum_that_every_kernel_keeps() -> None:
    # Older kernels leave ac_utime of a group at 0: taken at its word, each lacked nothing and had too much.
    (ended,) = decode(message(102, 100, last=True, group={"run": 50_000_000, "ticks": 52_000}))
    assert ended.doubt_ns == 2_000_000


def test_the_ends_of_many_threads_may_have_cost_more_than_is_told() -> None:
    group = {"run": 288_000_000, "runs": 40_004, "sleeps": 19_992, "preempted": 11}
    (ended,) = decode(message(100, 100, last=True, group=group))
    assert ended.unseen_ns == 20_001 * 100_000
    (lone,) = decode(message(100, 100, last=True, run=5, runs=40_004))
    assert lone.unseen_ns == 0


def test_kernel_threads_have_the_name_of_their_family() -> None:
    (ended,) = decode(message(500, 500, last=True, comm=b"kworker/u8:2", parent=2, uid=0))
    assert ended.command == "kworker"


@pytest.mark.parametrize("size", range(0, 60, 7))
def test_what_is_no_message_of_an_exit_is_passed_over(size: int) -> None:
    assert decode(bytes(size)) == []


@pytest.mark.slow
def test_first_threads_are_remembered_in_bounded_room() -> None:
    decoder = ExitDecoder()
    buffer = bytearray(1 << 12)
    for number in range(10_000):
        text = message(1000 + number, 1000 + number, comm=b"t")
        buffer[: len(text)] = text
        assert decoder.read(buffer, len(text)) is None
    assert len(decoder._leaders) <= 4096
