"""Windows over TCP: tokens instead of the kernel's word, the same bounds, TLS. Real connections on loopback."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from gramwatt_exporter.config.schema import WindowsTcp
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.socket_api import SocketApi
from gramwatt_exporter.socket_api.limits import CONNECTIONS_PER_USER, WRONG_TOKENS
from gramwatt_exporter.socket_api.reader import TimedReader
from gramwatt_exporter.socket_api.tcp import TcpApi
from known import known

ALICE, BOB, WRONG = "a" * 32, "b" * 40, "c" * 32
OPEN = {"name": "n", "phase": "training", "pid": 77}
FILE = f"# who may come in\n\nalice {ALICE}\n 4712\t{BOB} \n"


class Users:
    def __call__(self, uid: int) -> str:
        return f"user-{uid}"

    def uid_of(self, user: str) -> int | None:
        return {"alice": 4711, "root": 0}.get(user) if not user.isdigit() else int(user)


def tokens(directory: Path, text: str = FILE, mode: int = 0o600) -> str:
    file = directory / "tokens"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


def settings(directory: Path, **more: Any) -> WindowsTcp:
    return WindowsTcp(listen_address="127.0.0.1:0", token_file=tokens(directory), **more)


@pytest.fixture
def tcp(directory: Any, machine: Any, clock: Any) -> Iterator[TcpApi]:
    served = TcpApi(settings(directory), machine, Users(), clock=clock)
    served.start()
    yield served
    served.stop()


def connect(api: TcpApi, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
    address = urlsplit(api.url)
    if address.scheme == "https":
        return http.client.HTTPSConnection(known(address.hostname), address.port, timeout=10, context=context)
    return http.client.HTTPConnection(known(address.hostname), address.port, timeout=10)


def ask(api: TcpApi, method: str, path: str, token: str | None = None, body: Any = None, **more: Any) -> Any:
    """Status, body and headers of one call on a connection of its own."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection = connect(api, more.pop("context", None))
    try:
        data = body if isinstance(body, bytes | None) else json.dumps(body)
        connection.request(method, path, data, headers | more)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        connection.close()


# --- who asks


def test_a_token_stands_for_its_user(tcp: Any, machine: Any) -> None:
    for token, uid in ((ALICE, 4711), (BOB, 4712)):
        status, body, _ = ask(tcp, "GET", "/v1/status", token)
        assert (status, body["uid"], body["user"]) == (200, uid, f"user-{uid}")
    assert [peer.pid for peer in machine.peers] == [0, 0]  # TCP does not say which process asks


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (None, "no token"),
        (f"Bearer {WRONG}", "wrong token"),
        (f"Bearer {ALICE[:-1]}", "wrong token"),
        (f"Bearer {ALICE}a", "wrong token"),
        ("Bearer", "wrong token"),
        ("Bearer \udcff".encode("utf-8", "surrogateescape").decode("latin-1"), "wrong token"),
        (f"Basic {ALICE}", "wrong token"),
        (ALICE, "wrong token"),
    ],
)
def test_without_a_right_token_nothing_is_answered(
    tcp: Any, machine: Any, authorization: Any, message: Any
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (
        ("GET", "/v1/status"),
        ("POST", "/v1/windows"),
        ("GET", "/v1/openapi.json"),
        ("GET", "/x"),
    ):
        status, body, answered = ask(tcp, method, path, body=OPEN if method == "POST" else None, **headers)
        assert (status, body["error"]["message"]) == (401, message)
        assert "windows.tcp.token_file" in body["error"]["fix"]
        assert answered["WWW-Authenticate"] == 'Bearer realm="gramwatt"'
    assert machine.peers == []
    assert len(machine.book) == 0


def test_a_user_neither_sees_nor_touches_windows_of_others(tcp: Any, machine: Any) -> None:
    status, mine, _ = ask(tcp, "POST", "/v1/windows", ALICE, OPEN)
    assert (status, mine["uid"], mine["user"], mine["pid"]) == (201, 4711, "user-4711", 77)
    path = f"/v1/windows/{mine['window']}"
    assert ask(tcp, "GET", path, BOB)[0] == 403
    assert ask(tcp, "POST", f"{path}/stop", BOB)[0] == 403
    assert ask(tcp, "POST", f"{path}/values", BOB, {"values": {"x": 1}})[0] == 403
    assert ask(tcp, "POST", f"{path}/processes", BOB, {"pid": 1})[0] == 403
    assert ask(tcp, "GET", "/v1/windows", BOB)[1] == {"windows": []}
    assert [shown["window"] for shown in ask(tcp, "GET", "/v1/windows", ALICE)[1]["windows"]] == [
        mine["window"]
    ]
    assert ask(tcp, "POST", f"{path}/stop", ALICE)[1]["state"] == "finished"


def test_each_request_of_a_connection_shows_its_own_token(tcp: Any) -> None:
    connection = connect(tcp)
    for token, uid in ((ALICE, 4711), (BOB, 4712)):
        connection.request("GET", "/v1/status", headers={"Authorization": f"bearer {token}"})
        assert json.loads(connection.getresponse().read())["uid"] == uid
    connection.request("GET", "/v1/status")
    assert connection.getresponse().status == 401
    connection.close()


def test_the_process_must_be_named(tcp: Any, machine: Any) -> None:
    status, body, _ = ask(tcp, "POST", "/v1/windows", ALICE, {"name": "n", "phase": "training"})
    assert (status, body["error"]["field"]) == (400, "pid")
    assert "TCP" in body["error"]["message"]
    assert len(machine.book) == 0


def test_a_number_is_not_enough_where_the_time_does_not_fit(tcp: Any, machine: Any) -> None:
    """This very process by its number, with when it began, and with another time: as a container's would be."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    asked = OPEN | {"pid": os.getpid(), "pid_start_ticks": ticks}
    assert ask(tcp, "POST", "/v1/windows", ALICE, asked)[1]["pid"] == os.getpid()
    status, body, _ = ask(tcp, "POST", "/v1/windows", ALICE, asked | {"pid_start_ticks": ticks + 1})
    assert (status, body["error"]["field"]) == (404, "pid")
    assert len(machine.book) == 1


# --- bounds


def test_guessing_is_held_up_and_locks_nobody_out(
    tcp: Any, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(tcp, "GET", "/v1/status", ALICE)[0] == 200
    tries = [ask(tcp, "GET", "/v1/status", WRONG) for _ in range(WRONG_TOKENS + 2)]
    assert [status for status, _, _ in tries] == [401] * WRONG_TOKENS + [429] * 2
    assert tries[-1][2]["Retry-After"] == "1"
    assert ask(tcp, "GET", "/v1/status", ALICE)[0] == 200  # came in before
    assert ask(tcp, "GET", "/v1/status", BOB)[0] == 429  # not even looked at, so it could not be found out
    clock.now += 1
    assert [ask(tcp, "GET", "/v1/status", WRONG)[0] for _ in range(2)] == [401, 429]
    clock.now += 1
    assert ask(tcp, "GET", "/v1/status", BOB)[0] == 200
    assert caplog.text.count("many wrong tokens") == 1
    assert WRONG not in caplog.text


def test_a_users_calls_are_counted_over_both_doors(directory: Any, machine: Any, clock: Any) -> None:
    unix = SocketApi([str(directory / "s")], machine, str, clock)
    tcp = TcpApi(settings(directory), machine, Users(), unix.rate, clock)
    tcp.start()
    try:
        for _ in range(49):
            unix.rate.take(4711)
        assert [ask(tcp, "GET", "/v1/status", ALICE)[0] for _ in range(2)] == [200, 429]
        assert ask(tcp, "GET", "/v1/status", BOB)[0] == 200
    finally:
        tcp.stop()
        unix.stop()


def test_bodies_have_the_same_bound_and_a_strangers_is_not_read(tcp: Any, machine: Any) -> None:
    large = b" " * (64 * 1024 + 1)
    assert ask(tcp, "POST", "/v1/windows", ALICE, large)[0] == 413
    address = urlsplit(tcp.url)
    with socket.create_connection((address.hostname, address.port), 10) as connection:
        connection.sendall(b"POST /v1/windows HTTP/1.1\r\nContent-Length: 60000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")  # with the body still to come


def test_one_address_cannot_take_all_connections(tcp: Any) -> None:
    address = urlsplit(tcp.url)
    held = [
        socket.create_connection((address.hostname, address.port), 10) for _ in range(CONNECTIONS_PER_USER)
    ]
    try:
        status, body, _ = ask(tcp, "GET", "/v1/status", ALICE)
        assert (status, body["error"]["message"]) == (503, "too many connections")
    finally:
        for connection in held:
            connection.close()


def test_a_request_that_drips_has_one_deadline() -> None:
    ours, theirs = socket.socketpair()
    reader = TimedReader(ours, 5)

    def drip() -> None:
        try:
            while True:
                theirs.sendall(b"x")
                time.sleep(0.02)
        except OSError:
            return

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        reader.allow(0.3)
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            deque(iter(lambda: reader.read(1), b""), maxlen=0)
        assert time.monotonic() - begun < 5
        assert ours.gettimeout() == 5  # for the answer
    finally:
        ours.close()
        theirs.close()
        dripping.join()


# --- the file of tokens


@pytest.mark.parametrize(
    ("text", "mode", "fragment"),
    [
        (FILE, 0o604, "chmod 600"),
        (FILE, 0o620, "chmod 600"),
        ("", 0o600, "holds no token"),
        ("# nothing\n", 0o600, "openssl rand -hex 32"),
        (f"{WRONG}\n", 0o600, "line 1: expected a user and a token"),
        (f"alice {WRONG} more\n", 0o600, "line 1: expected a user and a token"),
        (f"\nalice {WRONG[:31]}\n", 0o600, "line 2: the token is shorter than 32"),
        (f"alice {WRONG[:-1]}!\n", 0o600, "line 1: the token"),
        (f"{WRONG} alice\n", 0o600, "line 1: the first word is no user"),
        (f"alice {WRONG}\n4712 {WRONG}\n", 0o600, "line 2: the token stands for another user"),
        ("alice é", 0o600, "not ASCII"),
    ],
)
def test_a_file_of_tokens_that_cannot_be_used_is_refused(
    directory: Any, machine: Any, text: Any, mode: Any, fragment: Any
) -> None:
    asked = settings(directory)
    tokens(directory, text, mode)
    with pytest.raises(ConfigError) as raised:
        TcpApi(asked, machine, Users())
    assert raised.value.path == "$.windows.tcp.token_file"
    assert fragment in raised.value.message
    assert WRONG[:31] not in str(raised.value)


def test_a_missing_file_is_named(directory: Any, machine: Any) -> None:
    with pytest.raises(ConfigError, match="cannot read /nonexistent/tokens: No such file"):
        TcpApi(WindowsTcp(listen_address="127.0.0.1:0", token_file="/nonexistent/tokens"), machine, Users())


def test_a_group_may_read(directory: Any, machine: Any) -> None:
    asked = settings(directory)
    tokens(directory, mode=0o640)
    TcpApi(asked, machine, Users()).stop()


def test_a_token_of_root_is_told(directory: Any, machine: Any, caplog: pytest.LogCaptureFixture) -> None:
    asked = settings(directory)
    tokens(directory, f"root {WRONG}\n")
    served = TcpApi(asked, machine, Users())
    served.start()
    served.stop()
    assert "everybody's windows" in caplog.text


def test_the_file_is_read_again(tcp: Any, directory: Any) -> None:
    assert ask(tcp, "GET", "/v1/status", ALICE)[0] == 200
    asked = WindowsTcp(listen_address="127.0.0.1:0", token_file=tokens(directory, f"alice {WRONG}\n"))
    take = tcp.prepare(asked)
    assert ask(tcp, "GET", "/v1/status", WRONG)[0] == 401  # nothing has changed yet
    take()
    assert ask(tcp, "GET", "/v1/status", WRONG)[1]["uid"] == 4711
    assert ask(tcp, "GET", "/v1/status", ALICE)[0] == 401
    tokens(directory, "nonsense")
    with pytest.raises(ConfigError):
        tcp.prepare(asked)
    assert ask(tcp, "GET", "/v1/status", WRONG)[0] == 200


# --- TLS and the address


@pytest.fixture
def certified(directory: Any) -> trustme.CA:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(str(directory / "cert.pem"))
    made.private_key_pem.write_to_path(str(directory / "key.pem"))
    (directory / "web.yml").write_text("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
    return authority


@pytest.mark.slow
def test_tls(directory: Any, machine: Any, certified: Any) -> None:
    context = ssl.create_default_context()
    certified.configure_trust(context)
    served = TcpApi(settings(directory, config_file=str(directory / "web.yml")), machine, Users())
    served.start()
    try:
        assert served.url.startswith("https://127.0.0.1:")
        assert ask(served, "GET", "/v1/status", ALICE, context=context)[0] == 200
        assert ask(served, "GET", "/v1/status", WRONG, context=context)[0] == 401
        assert ask(served, "POST", "/v1/windows", ALICE, b" " * 70000, context=context)[0] == 413
        address = urlsplit(served.url)
        plain = http.client.HTTPConnection(known(address.hostname), address.port, timeout=10)
        plain.request("GET", "/v1/status", headers={"Authorization": f"Bearer {ALICE}"})
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.getresponse()
        plain.close()
    finally:
        served.stop()


def test_a_web_config_file_without_tls_is_refused(directory: Any, machine: Any) -> None:
    (directory / "web.yml").write_text("{}\n")
    with pytest.raises(ConfigError, match="no tls_server_config") as raised:
        TcpApi(settings(directory, config_file=str(directory / "web.yml")), machine, Users())
    assert raised.value.path == "$.windows.tcp.config_file"


def test_errors_of_the_web_config_file_name_the_setting(directory: Any, machine: Any) -> None:
    (directory / "web.yml").write_text("tls_server_config: {cert_file: none.pem}\n")
    with pytest.raises(ConfigError, match="cannot be read") as raised:
        TcpApi(settings(directory, config_file=str(directory / "web.yml")), machine, Users())
    assert raised.value.path.startswith("$.windows.tcp.config_file ")


def test_a_port_in_use_is_told(tcp: Any, directory: Any, machine: Any) -> None:
    taken = urlsplit(tcp.url).netloc
    with pytest.raises(ConfigError, match=f"cannot listen on {taken}") as raised:
        TcpApi(WindowsTcp(listen_address=taken, token_file=tokens(directory)), machine, Users())
    assert raised.value.path == "$.windows.tcp.listen_address"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_ipv6(directory: Any, machine: Any) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on loopback")
    served = TcpApi(WindowsTcp(listen_address="[::1]:0", token_file=tokens(directory)), machine, Users())
    served.start()
    try:
        assert served.url.startswith("http://[::1]:")
        assert ask(served, "GET", "/v1/status", ALICE)[0] == 200
    finally:
        served.stop()
