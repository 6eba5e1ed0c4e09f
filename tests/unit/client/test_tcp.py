"""An exporter that cannot be reached over TCP, for whatever reason: one warning that says which variable to mend."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gramwatt as client
import pytest
import trustme
from gramwatt import environment
from gramwatt.connections import split
from gramwatt.errors import Unavailable
from gramwatt.transport import Transport

SECRET = "s" * 32
CLOSED = "http://127.0.0.1:1"


@pytest.fixture
def answering() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Listen on TCP and treat each connection as told; gives host and port."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve(treat: Callable[[socket.socket], None]) -> str:
        def run() -> None:
            while not ended.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    try:
                        treat(connection)
                    except OSError:
                        continue

        threading.Thread(target=run, daemon=True).start()
        return f"127.0.0.1:{listening.getsockname()[1]}"

    yield serve
    ended.set()
    listening.close()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"GRAMWATT_URL": CLOSED}, f"no exporter listens at {CLOSED}"),
        ({"GRAMWATT_URL": "ftp://127.0.0.1"}, "it must begin with http:// or https://"),
        ({"GRAMWATT_URL": f"http://{SECRET}@127.0.0.1"}, "a token does not belong in it"),
        ({"GRAMWATT_URL": f"http://127.0.0.1/?token={SECRET}"}, "nothing may come after host and port"),
        ({"GRAMWATT_URL": "http://127.0.0.1:99999"}, "its port is not a number"),
        ({"GRAMWATT_URL": "http://"}, "it has no host"),
        ({"GRAMWATT_URL": "http://a b:1"}, "cannot be used"),
        ({"GRAMWATT_URL": "http://a..b:1"}, "its host is not a name"),
        (
            {"GRAMWATT_URL": "https://127.0.0.1:1", "GRAMWATT_CA_FILE": "/nonexistent"},
            "GRAMWATT_CA_FILE: cannot read",
        ),
    ],
)
def test_a_wrong_setting_is_one_warning_and_the_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, variables: Any, said: Any
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            with client.window("x", phase="training") as w:
                pass
    assert [warning.category for warning in caught] == [client.GramwattWarning]
    assert said in str(caught[0].message)
    assert SECRET not in str(caught[0].message)
    assert not w.result.measured


def test_the_token_comes_from_the_file_or_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    header = {"Authorization": f"Bearer {SECRET}"}
    assert environment.authorization({}) == {}
    assert environment.authorization({"GRAMWATT_TOKEN": SECRET}) == header
    assert environment.authorization({"GRAMWATT_TOKEN": "other", "GRAMWATT_TOKEN_FILE": str(file)}) == header
    for text, said in (("", "holds no token"), (f"alice {SECRET}", "one token"), ("é", "one token")):
        file.write_text(text)
        with pytest.raises(Unavailable, match=f"GRAMWATT_TOKEN_FILE.*{said}") as raised:
            environment.authorization({"GRAMWATT_TOKEN_FILE": str(file)})
        assert SECRET not in str(raised.value)
    with pytest.raises(Unavailable, match="cannot read /nonexistent: No such file"):
        environment.authorization({"GRAMWATT_TOKEN_FILE": "/nonexistent"})


def test_which_exporter_is_asked() -> None:
    both = {"GRAMWATT_URL": "http://h:1", "GRAMWATT_SOCKET_PATH": "/x"}
    assert environment.socket_candidates("", both) == ("http://h:1",)
    assert environment.socket_candidates("/y", both) == ("/y",)
    assert split("http://h") == (False, "h", 10046)
    assert split("https://[::1]:8443/") == (True, "::1", 8443)


def test_a_token_goes_to_urls_alone_and_what_answers_is_not_trusted(
    answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAMWATT_TOKEN", SECRET)
    heard: list[bytes] = []

    def treat(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    where = answering(treat)
    with pytest.raises(Unavailable, match="without a JSON object; does it want https") as raised:
        Transport([f"http://{where}"]).call("GET", "/v1/status")
    assert f"Authorization: Bearer {SECRET}".encode() in heard[0]
    assert SECRET not in str(raised.value)


@pytest.mark.slow
def test_no_tls_where_tls_is_asked_for(answering: Any) -> None:
    def treat(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    where = answering(treat)
    with pytest.raises(Unavailable, match=r"does not speak TLS .*does it want http://"):
        Transport([f"https://{where}"]).call("GET", "/v1/status")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_whole_call_has_one_deadline(
    answering: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scheme: Any
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("GRAMWATT_CA_FILE", str(tmp_path / "ca.pem"))
    asked: list[bytes] = []

    def drip(connection: socket.socket) -> None:
        if scheme == "https":
            connection = context.wrap_socket(connection, server_side=True)
        asked.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    where = answering(drip)
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="did not answer within"):
        Transport([f"{scheme}://{where}"], timeout=1).call("GET", "/v1/status")
    assert time.monotonic() - begun < 10
    assert asked
