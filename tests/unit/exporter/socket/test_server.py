"""The socket's behaviour: who asks, what is refused and how, bounds, bad clients, the file."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.errors import ConfigError, Denied, Fatal
from gramwatt_exporter.socket_api import ApiError, SocketApi, default_paths

OPEN = {"name": "n", "phase": "training"}
GET = b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def body_of(answer: bytes) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


# --- the life of a window, over one connection


def test_a_window_over_http(client: Any, machine: Any) -> None:
    opened = client("POST", "/v1/windows", OPEN | {"values": {"samples": 1}})
    assert opened.status == 201
    window = opened.body["window"]
    assert (opened.body["state"], opened.body["pid"]) == ("open", os.getpid())
    assert client("POST", f"/v1/windows/{window}/values", {"values": {"samples": 5}}).body["values"] == {
        "samples": 5
    }
    assert client("POST", f"/v1/windows/{window}/processes", {"pid": 77}).body["processes"] == 1
    samples = machine.samples
    assert client("GET", f"/v1/windows/{window}").body["state"] == "open"
    assert machine.samples == samples
    client("GET", f"/v1/windows/{window}?sample=true")
    assert machine.samples == samples + 1
    assert [shown["window"] for shown in client("GET", "/v1/windows?state=open").body["windows"]] == [window]
    stopped = client("POST", f"/v1/windows/{window}/stop", {"values": {"accuracy": 1}})
    assert (stopped.status, stopped.body["state"], stopped.body["ended_by"]) == (200, "finished", "stop")
    assert client("POST", f"/v1/windows/{window}/stop").body == stopped.body
    assert client("GET", "/v1/windows?state=open").body == {"windows": []}
    assert client("GET", "/v1/windows").body == {"windows": [stopped.body]}


def test_top_asks_for_as_many_as_wanted(client: Any) -> None:
    assert len(client("GET", "/v1/top").body["processes"]) == 3
    few = client("GET", "/v1/top?processes=1&workloads=0").body
    assert (len(few["processes"]), len(few["workloads"])) == (1, 0)


# --- refusals


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "/", None, 404, ""),
        ("GET", "/v1", None, 404, ""),
        ("GET", "/v1/status/", None, 404, ""),
        ("GET", "/v1/windows/", None, 404, ""),
        ("GET", "/v1/windows/nonsense", None, 404, "window"),
        ("GET", "/v1/windows/%2e%2e%2fetc", None, 404, ""),
        ("POST", "/v1/windows/nonsense/stop", None, 404, "window"),
        ("POST", "/v1/windows/nonsense/values", {"values": {}}, 404, "window"),
        ("POST", "/v1/status", None, 405, ""),
        ("PUT", "/v1/windows", None, 405, ""),
        ("PATCH", "/v1/windows/x/stop", None, 405, ""),
        ("BREW", "/v1/status", None, 405, ""),
        ("GET", "/v1/status?verbose=1", None, 400, "verbose"),
        ("GET", "/v1/windows?state=closed", None, 400, "state"),
        ("GET", "/v1/windows?state=open&state=open", None, 400, "state"),
        ("GET", "/v1/windows/x?sample=yes", None, 400, "sample"),
        ("GET", "/v1/top?processes=-1", None, 400, "processes"),
        ("GET", "/v1/top?processes=", None, 400, "processes"),
        ("GET", "/v1/top?workloads=10001", None, 400, "workloads"),
        ("GET", "/v1/top?workloads=%D9%A3", None, 400, "workloads"),
        ("POST", "/v1/windows", None, 400, "name"),
        ("POST", "/v1/windows", b"{", 400, ""),
        ("POST", "/v1/windows", b"\xff\xfe", 400, ""),
        ("POST", "/v1/windows", b"[" * 60000, 400, ""),
        ("POST", "/v1/windows", b'{"name": "n", "phase": "training", "values": {"x": NaN}}', 400, ""),
        ("POST", "/v1/windows", b'{"name": "n", "phase": "training", "values": {"x": 1e999}}', 400, "values"),
        ("POST", "/v1/windows", {"name": "n"}, 400, "phase"),
        ("POST", "/v1/windows", {"name": 3, "phase": "training"}, 400, "name"),
        ("POST", "/v1/windows", OPEN | {"phase": "train"}, 400, "phase"),
        ("POST", "/v1/windows", OPEN | {"energy": 3}, 400, "energy"),
        ("POST", "/v1/windows", OPEN | {"values": {"x": "3"}}, 400, "values"),
        ("POST", "/v1/windows", OPEN | {"pid": 10**30}, 400, "pid"),
        ("POST", "/v1/windows", OPEN | {"parent": "none"}, 404, "parent"),
    ],
)  # fmt: skip
def test_refusals_say_what_and_how_and_change_nothing(
    client: Any, machine: Any, method: Any, path: Any, body: Any, status: Any, field: Any
) -> None:
    reply = client(method, path, body)
    assert reply.status == status
    error = reply.body["error"]
    assert error["field"] == field
    assert error["message"]
    assert error["fix"]
    assert len(machine.book) == 0
    if status == 405:
        assert reply.headers["Allow"]
    assert client("GET", "/v1/status").status == 200  # the connection is still good


def test_the_phase_error_of_the_documentation(client: Any) -> None:
    assert client("POST", "/v1/windows", {"name": "n", "phase": "train"}).body == {
        "error": {"field": "phase", "message": "'train' is not a phase", "fix": "use training or inference"}
    }


def test_head_has_no_body_and_is_not_a_method(client: Any) -> None:
    reply = client("HEAD", "/v1/status")
    assert (reply.status, reply.body) == (405, None)
    assert client("GET", "/v1/status").status == 200


def test_too_many_open_windows(client: Any, machine: Any) -> None:
    machine.book.settings = Windows(max=1)
    assert client("POST", "/v1/windows", OPEN).status == 201
    assert client("POST", "/v1/windows", OPEN).status == 409


def test_a_failure_inside_is_not_shown_and_the_next_call_works(
    client: Any, machine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    machine.broken = True
    reply = client("GET", "/v1/status")
    assert reply.status == 500
    assert "secret" not in json.dumps(reply.body)
    assert "secret detail" in caplog.text
    machine.broken = False
    assert client("GET", "/v1/status").status == 200


def test_starting_or_stopping_is_503_with_when_to_come_back(client: Any, machine: Any) -> None:
    def refuse(work: Any) -> None:
        raise ApiError(503, "", "the exporter is starting", "try again in a second")

    machine.call = refuse
    reply = client("GET", "/v1/status")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert reply.body["error"]["message"] == "the exporter is starting"


# --- who asks


def ask_as(client: Any, *calls: str, user: int | None = None) -> list[tuple[int, int, dict[str, Any]]]:
    """Ask from a process of its own, as another user if given: its pid, the status, the answer."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:  # no exec: another user may not be able to reach this Python
        try:
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            fresh = type(client)(client.path)
            replies = [fresh(method, where, *map(str.encode, body)) for method, where, *body in
                       (call.split(" ", 2) for call in calls)]  # fmt: skip
            os.write(
                writing, json.dumps([[os.getpid(), reply.status, reply.body] for reply in replies]).encode()
            )
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        text = answers.read()
    os.waitpid(pid, 0)
    return [tuple(answer) for answer in json.loads(text)]


@pytest.mark.slow
def test_the_kernel_says_who_asks(client: Any, machine: Any) -> None:
    ((pid, status, body),) = ask_as(client, "GET /v1/status")
    assert (status, body["uid"], body["user"]) == (200, os.getuid(), f"user-{os.getuid()}")
    assert machine.peers[-1].pid == pid


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_user_neither_sees_nor_touches_windows_of_others(client: Any) -> None:
    ((_, status, mine),) = ask_as(client, 'POST /v1/windows {"name": "n", "phase": "training"}', user=4711)
    assert (status, mine["uid"], mine["user"]) == (201, 4711, "user-4711")
    answers = ask_as(
        client,
        f"GET /v1/windows/{mine['window']}",
        f"POST /v1/windows/{mine['window']}/stop",
        f'POST /v1/windows/{mine["window"]}/values {{"values": {{"x": 1}}}}',
        f'POST /v1/windows/{mine["window"]}/processes {{"pid": 1}}',
        "GET /v1/windows",
        user=4712,
    )
    assert [status for _, status, _ in answers] == [403, 403, 403, 403, 200]
    assert answers[-1][2] == {"windows": []}
    seen = client("GET", f"/v1/windows/{mine['window']}").body  # root
    assert (seen["state"], seen["values"], seen["processes"]) == ("open", {}, 0)


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_the_rate_is_counted_for_each_user_alone(client: Any) -> None:
    assert [client("GET", "/v1/status").status for _ in range(51)][-2:] == [200, 429]
    ((_, status, _),) = ask_as(client, "GET /v1/status", user=4711)
    assert status == 200


# --- bounds


@pytest.mark.slow
def test_fifty_calls_a_second(client: Any, clock: Any) -> None:
    replies = [client("GET", "/v1/status") for _ in range(52)]
    assert [reply.status for reply in replies] == [200] * 50 + [429] * 2
    assert replies[-1].headers["Retry-After"] == "1"
    clock.now += 0.021
    assert [client("GET", "/v1/status").status for _ in range(2)] == [200, 429]
    clock.now += 3600
    assert [client("GET", "/v1/status").status for _ in range(51)] == [200] * 50 + [429]


def test_a_body_of_64_kib_is_taken_and_not_a_byte_more(client: Any, machine: Any) -> None:
    head, tail = b'{"name": "n", "phase": "training"', b"}"
    fits = head + b" " * (64 * 1024 - len(head) - len(tail)) + tail
    assert client("POST", "/v1/windows", fits).status == 201
    assert client("POST", "/v1/windows", fits + b" ").status == 413
    assert len(machine.book) == 1


@pytest.mark.parametrize("length", [b"65537", b"9999999999999999999999"])
def test_a_large_body_is_refused_before_it_is_sent(client: Any, length: Any) -> None:
    for expect in (b"", b"Expect: 100-continue\r\n"):
        request = (
            b"POST /v1/windows HTTP/1.1\r\nHost: x\r\n" + expect + b"Content-Length: " + length + b"\r\n\r\n"
        )
        answer = client.raw(request)
        assert status_of(answer) == 413
        assert body_of(answer)["error"]["fix"] == "send at most 64 KiB"


def test_a_client_that_waits_for_100_continue_gets_it(api: Any) -> None:
    body = json.dumps(OPEN).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(api.path)
        connection.sendall(
            b"POST /v1/windows HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v1/status HTTP/9.9\r\n\r\n",
        b"GET /v1/status SMTP/1.1\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(200)) + b"\r\n",
        b"GET /v1/status HTTP/1.1\r\nX: " + b"y" * 70000 + b"\r\n\r\n",
        b"POST /v1/windows HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/windows HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/windows HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_in_json_and_the_connection_closed(
    client: Any, request_bytes: Any
) -> None:
    answer = client.raw(request_bytes)
    assert status_of(answer) == 400
    assert body_of(answer)["error"]["message"]
    assert client("GET", "/v1/status").status == 200


def test_a_client_that_goes_in_the_middle_leaves_nothing_behind(api: Any, client: Any, machine: Any) -> None:
    for part in (b"", b"PO", b"POST /v1/windows HTTP/1.1\r\nContent-Length: 400\r\n\r\n{"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(api.path)
            connection.sendall(part)
    assert client("GET", "/v1/status").status == 200
    assert len(machine.book) == 0


@pytest.mark.slow
def test_slow_clients_do_not_hold_up_others_and_one_user_cannot_take_all(api: Any, client: Any) -> None:
    slow = []
    try:
        for _ in range(63):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(10)
            connection.connect(api.path)
            connection.sendall(b"GET /v1/sta")
            slow.append(connection)
        assert client("GET", "/v1/status").status == 200  # the 64th
        answer = client.raw(GET)
        assert status_of(answer) == 503
        assert body_of(answer)["error"]["fix"]
        assert client("GET", "/v1/status").status == 200
        slow[0].sendall(b"tus HTTP/1.1\r\nConnection: close\r\n\r\n")
        while slow[0].recv(65536):
            pass
        assert status_of(poll(client)) == 200
    finally:
        for connection in slow:
            connection.close()


def poll(client: Any) -> bytes:
    """Ask until the place of a connection that has just ended is free."""
    for _ in range(1000):
        answer: bytes = client.raw(GET)
        if status_of(answer) == 200:
            return answer
    return answer


def test_several_requests_in_one_write_are_answered_in_order(client: Any) -> None:
    first = b"GET /v1/intensity HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = client.raw(first + GET)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.index(b'"average"') < answer.index(b'"exit_mode"')


# --- the file


def test_everybody_may_connect_whatever_the_umask(directory: Any, machine: Any) -> None:
    before = os.umask(0o077)
    try:
        api = SocketApi([str(directory / "a/b/gramwatt.sock")], machine, str)
    finally:
        os.umask(before)
    try:
        file = Path(api.path)
        assert file.is_socket()
        assert stat.S_IMODE(file.stat().st_mode) == 0o666
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o755
        assert [entry.name for entry in file.parent.iterdir()] == ["gramwatt.sock"]
    finally:
        api.stop()
    assert not file.exists()


def test_a_socket_left_behind_is_replaced(directory: Any, machine: Any) -> None:
    path = directory / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    api = SocketApi([str(path)], machine, str)
    api.start()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(path))
            connection.sendall(GET)
            assert status_of(connection.recv(65536)) == 200
    finally:
        api.stop()


def test_a_socket_in_use_is_left_alone(api: Any, client: Any, machine: Any) -> None:
    with pytest.raises(Fatal, match="already listening") as raised:
        SocketApi([api.path], machine, str)
    assert "socket.path" in raised.value.fix
    assert client("GET", "/v1/status").status == 200
    assert [entry.name for entry in Path(api.path).parent.iterdir()] == ["gramwatt.sock"]


def test_a_file_that_is_no_socket_is_left_alone(directory: Any, machine: Any) -> None:
    (directory / "s").write_text("precious")
    with pytest.raises(ConfigError, match="not a socket"):
        SocketApi([str(directory / "s")], machine, str)
    assert (directory / "s").read_text() == "precious"


def test_a_path_too_long_for_a_socket_is_said(directory: Any, machine: Any) -> None:
    with pytest.raises(ConfigError, match="too long") as raised:
        SocketApi([str(directory / ("x" * 120))], machine, str)
    assert raised.value.path == "$.socket.path"


def test_the_first_usable_path_is_taken(directory: Any, machine: Any) -> None:
    (directory / "file").write_text("")
    api = SocketApi([str(directory / "file/s"), str(directory / "own/s")], machine, str)
    assert api.path == str(directory / "own/s")
    api.stop()


def test_no_usable_path_is_said_with_the_fix(directory: Any, machine: Any) -> None:
    (directory / "file").write_text("")
    with pytest.raises(Denied, match="file/s") as raised:
        SocketApi([str(directory / "file/s")], machine, str)
    assert "socket.path" in raised.value.fix


def test_which_paths_are_tried() -> None:
    assert default_paths("", "/run/user/1000") == [
        "/run/gramwatt/gramwatt.sock",
        "/run/user/1000/gramwatt/gramwatt.sock",
    ]
    assert default_paths("", "") == ["/run/gramwatt/gramwatt.sock"]
    assert default_paths("/x/y.sock", "/run/user/1000") == ["/x/y.sock"]


def test_the_end_closes_idle_connections_and_leaves_a_successor_alone(directory: Any, machine: Any) -> None:
    path = directory / "s"
    api = SocketApi([str(path)], machine, str)
    api.start()
    with socket.socket(socket.AF_UNIX) as idle:
        idle.settimeout(10)
        idle.connect(str(path))
        idle.sendall(b"GET /v1/status HTTP/1.1\r\n\r\n")
        assert idle.recv(65536)
        path.unlink()
        successor = SocketApi([str(path)], machine, str)
        api.stop()
        api.stop()
        assert idle.recv(1) == b""
    assert path.is_socket()
    successor.stop()  # was never started
    assert not path.exists()
