"""The web server behind a web config file, asked by a real HTTP client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import requests
import trustme
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.web import WebServer
from gramwatt_exporter.webconfig import WebConfig


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    hashed = bcrypt.hashpw(b"sesame", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(
        f"tls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\nbasic_auth_users: {{prom: '{hashed}'}}\n"
    )
    server = WebServer(("127.0.0.1", 0), Exposition(), WebConfig(str(tmp_path / "web.yml")))
    server.start()
    yield f"https://127.0.0.1:{server.address[1]}"
    server.stop()


def test_metrics_need_the_password_and_health_does_not(url: Any, tmp_path: Path) -> None:
    with requests.Session() as session:
        session.trust_env = False  # a CA bundle in the environment would win over ours
        session.verify = str(tmp_path / "ca.pem")
        for _ in range(2):  # the connection is kept
            refused = session.get(f"{url}/metrics", timeout=10)
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"].startswith("Basic ")
            assert session.get(f"{url}/metrics", auth=("prom", "wrong"), timeout=10).status_code == 401
            # 503: no sample has been taken; but the door is open
            assert session.get(f"{url}/metrics", auth=("prom", "sesame"), timeout=10).status_code == 503
            assert session.get(f"{url}/-/healthy", timeout=10).status_code == 200


def test_plain_http_is_not_answered(url: Any, tmp_path: Path) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url.replace('https', 'http')}/-/healthy", timeout=10)
    assert requests.get(f"{url}/-/healthy", verify=str(tmp_path / "ca.pem"), timeout=10).ok
