"""The web config file: TLS handshakes with real certificates, passwords with real bcrypt, errors that help."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import trustme
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.webconfig import WebConfig

# A fixed salt: the hash is part of test names, which every worker must know by the same ones.
HASH = bcrypt.hashpw(b"sesame", b"$2b$04$abcdefghijklmnopqrstuu").decode()


def write(directory: Path, text: str) -> str:
    file = directory / "web.yml"
    file.write_text(text)
    return str(file)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# --- passwords


@pytest.mark.parametrize("text", ["", "{}", "basic_auth_users:\n", "basic_auth_users: {}\n", "# nothing\n"])
def test_without_users_everybody_may_read(tmp_path: Path, text: Any) -> None:
    web = WebConfig(write(tmp_path, text))
    assert web.ssl_context is None
    assert web.allows(None)
    assert WebConfig().allows(None)


def test_a_password_is_needed_and_must_be_right(tmp_path: Path) -> None:
    web = WebConfig(write(tmp_path, f"basic_auth_users: {{prom: '{HASH}', other: '{HASH}'}}\n"))
    for _ in range(2):  # the second time from memory
        assert web.allows(basic("prom", "sesame"))
        assert web.allows(basic("other", "sesame"))
        assert not web.allows(basic("prom", "Sesame"))
        assert not web.allows(basic("nobody", "sesame"))
        assert not web.allows(basic("", ""))
    assert web.allows(basic("prom", "sesame").replace("Basic", "basic"))


@pytest.mark.parametrize(
    "header",
    [None, "", "Basic", "Basic ", "Basic %%%", "Bearer abc", "Basic " + base64.b64encode(b"prom").decode(),
     "Basic " + base64.b64encode(b"\xff\xfe:x").decode(), basic("prom", "sesame\0"), basic("prom", "x" * 5000)],
)  # fmt: skip
def test_what_is_no_right_password_is_refused(tmp_path: Path, header: Any) -> None:
    web = WebConfig(write(tmp_path, f"basic_auth_users: {{prom: '{HASH}'}}\n"))
    assert not web.allows(header)


@pytest.mark.parametrize("variant", ["$2a$", "$2b$", "$2y$"])
def test_hashes_of_all_tools(tmp_path: Path, variant: Any) -> None:
    web = WebConfig(write(tmp_path, f"basic_auth_users: {{prom: '{HASH.replace('$2b$', variant)}'}}\n"))
    assert web.allows(basic("prom", "sesame"))


def test_a_password_with_a_colon_and_letters_of_all_kinds(tmp_path: Path) -> None:
    password = "a:b\N{LATIN SMALL LETTER E WITH ACUTE}\N{PILE OF POO}"
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    web = WebConfig(write(tmp_path, f"basic_auth_users: {{prom: '{hashed}'}}\n"))
    assert web.allows(basic("prom", password))
    assert not web.allows(basic("prom", "a"))


@pytest.mark.slow
def test_many_guesses_do_not_push_out_what_is_right_nor_fill_the_memory(tmp_path: Path) -> None:
    web = WebConfig(write(tmp_path, f"basic_auth_users: {{prom: '{HASH}'}}\n"))
    assert web.allows(basic("prom", "sesame"))
    assert not any(web.allows(basic("prom", f"guess {number}")) for number in range(300))
    assert web.allows(basic("prom", "sesame"))


def test_reload_takes_new_passwords_and_forgets_old_ones(tmp_path: Path) -> None:
    file = write(tmp_path, f"basic_auth_users: {{prom: '{HASH}'}}\n")
    web = WebConfig(file)
    assert web.allows(basic("prom", "sesame"))
    changed = bcrypt.hashpw(b"other", bcrypt.gensalt(4)).decode()
    write(tmp_path, f"basic_auth_users: {{prom: '{changed}'}}\n")
    web.reload()
    assert not web.allows(basic("prom", "sesame"))
    assert web.allows(basic("prom", "other"))


def test_what_is_right_stays_known_over_a_reload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web = WebConfig(write(tmp_path, f"basic_auth_users: {{prom: '{HASH}'}}\n"))
    assert web.allows(basic("prom", "sesame"))
    web.reload()
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: pytest.fail("it was computed again"))
    assert web.allows(basic("prom", "sesame"))


def test_who_is_taken_out_is_refused_and_let_in_when_back_with_the_hash_of_another(tmp_path: Path) -> None:
    both, one = (
        f"basic_auth_users: {{prom: '{HASH}', ann: '{HASH}'}}\n",
        f"basic_auth_users: {{ann: '{HASH}'}}\n",
    )
    web = WebConfig(write(tmp_path, both))
    assert web.allows(basic("prom", "sesame"))
    write(tmp_path, one)
    web.reload()
    assert not web.allows(basic("prom", "sesame"))
    write(tmp_path, both)
    web.reload()
    assert web.allows(basic("prom", "sesame"))


def test_reload_of_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    web = WebConfig(write(tmp_path, f"basic_auth_users: {{prom: '{HASH}'}}\n"))
    write(tmp_path, "basic_auth_users: {prom: plain}\n")
    with pytest.raises(ConfigError):
        web.reload()
    assert web.allows(basic("prom", "sesame"))


# --- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def pair(directory: Path, authority: trustme.CA, name: str = "localhost") -> trustme.LeafCert:
    made = authority.issue_cert(name)
    made.cert_chain_pems[0].write_to_path(str(directory / "cert.pem"))
    made.private_key_pem.write_to_path(str(directory / "key.pem"))
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    return made


PAIR = "tls_server_config: {cert_file: cert.pem, key_file: key.pem"


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str | None, str]:
    """A real handshake and one byte over 127.0.0.1: the protocol version, the name in the certificate."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(10)

    def serve() -> None:
        raw, _ = listening.accept()
        raw.settimeout(10)
        try:
            with server.wrap_socket(raw, server_side=True) as connection:
                connection.sendall(b"x")
                connection.recv(1)
        except OSError:
            raw.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with (
            socket.create_connection(listening.getsockname(), timeout=10) as raw,
            client.wrap_socket(raw, server_hostname="localhost") as connection,
        ):
            if connection.recv(1) != b"x":
                raise ssl.SSLError("closed")
            names = connection.getpeercert()["subjectAltName"]  # type: ignore[index]
            return connection.version(), names[0][1]  # type: ignore[return-value]
    finally:
        thread.join()
        listening.close()


def client_of(authority: trustme.CA) -> ssl.SSLContext:
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return client


def test_tls_by_files_beside_the_config(tmp_path: Path, authority: Any) -> None:
    pair(tmp_path, authority)
    web = WebConfig(write(tmp_path, PAIR + "}\n"))
    assert web.ssl_context is not None
    assert handshake(web.ssl_context, client_of(authority)) == ("TLSv1.3", "localhost")


@pytest.mark.slow
def test_versions_are_bounded(tmp_path: Path, authority: Any) -> None:
    pair(tmp_path, authority)
    only13 = WebConfig(write(tmp_path, PAIR + ", min_version: TLS13}\n")).ssl_context
    upto12 = WebConfig(write(tmp_path, PAIR + ", max_version: TLS12}\n")).ssl_context
    assert only13 is not None
    assert upto12 is not None
    old = client_of(authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError):
        handshake(only13, old)
    assert handshake(upto12, client_of(authority))[0] == "TLSv1.2"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "without", "with_own", "with_other"),
    [
        ("", False, True, False),  # a CA alone means it is required
        ("NoClientCert", True, True, True),
        ("VerifyClientCertIfGiven", True, True, False),
        ("RequireAndVerifyClientCert", False, True, False),
    ],
)
def test_client_certificates(
    tmp_path: Path, authority: Any, kind: Any, without: Any, with_own: Any, with_other: Any
) -> None:
    pair(tmp_path, authority)
    wanted = f", client_auth_type: {kind}" if kind else ""
    web = WebConfig(write(tmp_path, PAIR + f", client_ca_file: ca.pem{wanted}}}\n"))
    assert web.ssl_context is not None
    for certificate, allowed in ((None, without), (authority, with_own), (trustme.CA(), with_other)):
        client = client_of(authority)
        if certificate is not None:
            certificate.issue_cert("client").configure_cert(client)
        if allowed:
            assert handshake(web.ssl_context, client)[1] == "localhost"
        else:
            with pytest.raises(OSError):
                handshake(web.ssl_context, client)


@pytest.mark.slow
def test_reload_takes_a_renewed_certificate(tmp_path: Path) -> None:
    before, after = trustme.CA(), trustme.CA()
    pair(tmp_path, before)
    web = WebConfig(write(tmp_path, PAIR + "}\n"))
    assert web.ssl_context is not None
    assert handshake(web.ssl_context, client_of(before))
    pair(tmp_path, after)
    web.reload()
    assert handshake(web.ssl_context, client_of(after))
    with pytest.raises(OSError):
        handshake(web.ssl_context, client_of(before))


@pytest.mark.slow
def test_reload_with_half_a_renewal_keeps_the_old_pair(tmp_path: Path, authority: Any) -> None:
    pair(tmp_path, authority)
    web = WebConfig(write(tmp_path, PAIR + "}\n"))
    assert web.ssl_context is not None
    (tmp_path / "cert.pem").write_bytes(authority.issue_cert("localhost").cert_chain_pems[0].bytes())
    with pytest.raises(ConfigError, match="do not make a pair"):
        web.reload()
    assert handshake(web.ssl_context, client_of(authority))


@pytest.mark.slow
def test_reload_forgets_the_authority_of_clients_that_was_taken_out(tmp_path: Path, authority: Any) -> None:
    """A certificate of an authority that is not trusted any longer (a leaked key) must not let anybody in."""
    pair(tmp_path, authority)
    before, after = trustme.CA(), trustme.CA()
    before.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    web = WebConfig(write(tmp_path, PAIR + ", client_ca_file: ca.pem}\n"))
    after.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    web.reload()
    for issuer, allowed in ((before, False), (after, True)):
        client = client_of(authority)
        issuer.issue_cert("client").configure_cert(client)
        assert web.ssl_context is not None
        if allowed:
            assert handshake(web.ssl_context, client)[1] == "localhost"
        else:
            with pytest.raises(OSError):
                handshake(web.ssl_context, client)


@pytest.mark.slow
def test_reload_forgets_the_certificate_of_another_kind_of_key(tmp_path: Path) -> None:
    """A pair of RSA keys that became one of elliptic curves: clients that prefer RSA must not be shown the old one."""
    authority = trustme.CA()

    def take(kind: trustme.KeyType) -> None:
        issued = authority.issue_cert("localhost", key_type=kind)
        issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
        issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))

    take(trustme.KeyType.RSA)
    web = WebConfig(write(tmp_path, PAIR + ", max_version: TLS12}\n"))
    take(trustme.KeyType.ECDSA)
    web.reload()
    client = client_of(authority)
    client.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")  # it takes RSA alone
    assert web.ssl_context is not None
    with pytest.raises(OSError):
        handshake(web.ssl_context, client)


# --- errors


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("tls_server_config: {key_file: key.pem}", "tls_server_config.cert_file", "is missing"),
        ("tls_server_config: {cert_file: cert.pem}", "tls_server_config.key_file", "is missing"),
        ("tls_server_config: {cert_file: no.pem, key_file: key.pem}", "tls_server_config.cert_file", "No such file"),
        ("tls_server_config: {cert_file: cert.pem, key_file: ca.pem}", "tls_server_config.key_file", "pair"),
        ("tls_server_config: {cert_file: web.yml, key_file: key.pem}", "tls_server_config.key_file", "pair"),
        ("tls_server_config: {cert_file: cert.pem, key_file: locked.pem}", "tls_server_config.key_file", "passphrase"),
        (PAIR + ", min_version: SSL3}", "tls_server_config.min_version", "TLS10, TLS11, TLS12, TLS13"),
        (PAIR + ", min_version: TLS13, max_version: TLS12}", "tls_server_config.min_version", "above max_version"),
        (PAIR + ", client_auth_type: RequestClientCert}", "tls_server_config.client_auth_type", "one of NoClientCert"),
        (PAIR + ", client_auth_type: RequireAndVerifyClientCert}", "tls_server_config.client_ca_file", "is missing"),
        (PAIR + ", client_ca_file: web.yml}", "tls_server_config.client_ca_file", "no PEM"),
        (PAIR + ", cipher_suites: []}", "tls_server_config", "supported are basic_auth_users"),
        ("http_server_config: {http2: false}", "", "supported are basic_auth_users"),
        ("basic_auth_users: {prom: sesame}", "basic_auth_users.prom", "htpasswd"),
        ("basic_auth_users: {prom: 7}", "basic_auth_users", "str"),
        (f"basic_auth_users: {{'a:b': '{HASH}'}}", "basic_auth_users", "without a colon"),
        (f"basic_auth_users: {{'': '{HASH}'}}", "basic_auth_users", "user name"),
        ("basic_auth_users: [", "", "is not YAML"),
        ("[]", "", "object"),
    ],
)  # fmt: skip
def test_errors_name_the_key_and_the_fix(
    tmp_path: Path, authority: Any, text: Any, key: Any, message: Any
) -> None:
    pair(tmp_path, authority)
    from cryptography.hazmat.primitives import serialization

    key_of = serialization.load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
    (tmp_path / "locked.pem").write_bytes(
        key_of.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        WebConfig(file)
    assert raised.value.path.endswith(f"$.{key}" if key else f"({file})")
    assert file in raised.value.path
    assert message in raised.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        WebConfig(str(tmp_path / "none.yml"))


def test_no_error_shows_a_hash_or_password(tmp_path: Path) -> None:
    for text in (
        "basic_auth_users: {prom: sesame}",
        "basic_auth_users: {prom: sesame",
        "x: 'sesame\n\t- b: [",
    ):
        with pytest.raises(ConfigError) as raised:
            WebConfig(write(tmp_path, text))
        assert "sesame" not in str(raised.value)


def test_switching_tls_on_needs_a_restart(tmp_path: Path, authority: Any) -> None:
    pair(tmp_path, authority)
    web = WebConfig(write(tmp_path, ""))
    write(tmp_path, PAIR + "}\n")
    with pytest.raises(ConfigError, match="restart"):
        web.reload()
