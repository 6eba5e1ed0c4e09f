"""A deployed model is driven and measured: over REST, by its page and by the command, with a real Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from api_site import NOW, Browser, Site, error
from gramwatt_labeler.errors import FactsError, Rejected
from gramwatt_labeler.job_runner import JobRunner
from gramwatt_labeler.probe.asked import read_asked
from gramwatt_labeler.probe.hosts import endpoint
from gramwatt_labeler.probe.outcome import Setup, probe
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store.jobs import Jobs
from history_server import program
from ports_for_tests import free_ports

HOSTS = ["127.0.0.1", "localhost"]
WATTS = 50.0
"""What the made-up service draws: its counter is read by a real Prometheus."""


class Model(BaseHTTPRequestHandler):
    """A model that answers after 50 ms; other paths misbehave."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/wrong":
            self._send(500, b"no")
        elif self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/secret")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                self.close_connection = True
        else:
            time.sleep(0.05)
            self._send(200, json.dumps({"usage": {"completion_tokens": len(body)}}).encode())

    def do_GET(self) -> None:
        joules = WATTS * (time.time() - STARTED)
        self._send(
            200,
            f'gramwatt_workload_energy_joules_total{{workload="m.service",component="cpu"}} {joules}\n'.encode(),
        )

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


STARTED = time.time()


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@contextmanager
def scraping(target: str, folder: Path) -> Iterator[str]:
    """A real Prometheus that scrapes the model's counter every second."""
    address = target.removeprefix("http://")
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: gramwatt, static_configs: [{{targets: ['{address}']}}]}}]\n"
    )
    (port,) = free_ports(1)
    command = [program("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
               f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    query = {"query": "gramwatt_workload_energy_joules_total"}
                    if requests.get(f"{url}/api/v1/query", params=query, timeout=2).json()["data"]["result"]:
                        break
                except (requests.ConnectionError, ValueError, KeyError):
                    pass
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
            yield url
        finally:
            server.terminate()
            server.wait(10)


def nowhere(keep: Any = None, wait: float = 0.0) -> Setup:
    """Without a Prometheus that answers."""
    away = Prometheus("http://127.0.0.1:1", httpx.Client(), 0.5)
    return Setup(away, lambda: [load_scales()["gramwatt"]], keep, HOSTS, wait=wait)


def quietly(_: Any) -> None:
    """No progress is shown."""


@pytest.fixture(scope="module")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"), probe_hosts=HOSTS)
    yield made
    made.close()


def run_jobs(site: Site, setup: Callable[[], Setup]) -> None:
    jobs = Jobs(site.store.database)

    def run(params: Any, progress: Any) -> Any:
        return probe(read_asked(params["asked"]), setup(), progress, params["evaluation"], params["by"])

    assert JobRunner(jobs, {"probe": run}).do_all() == 1


@pytest.mark.slow
@pytest.mark.live
def test_its_energy_is_that_of_what_serves_it_between_two_samples(
    site: Site, model: str, tmp_path: Path
) -> None:
    asked = {
        "url": f"{model}/v1", "model": "acme/net", "inputs": ["four"], "requests": 120, "concurrency": 2,
        "served": "workload", "which": "m.service", "task": "text-generation", "samples": 3,
    }  # fmt: skip
    with scraping(model, tmp_path) as url:
        queued = site.post("probes", asked)
        assert queued.status_code == 202
        source = Prometheus(url, httpx.Client())
        run_jobs(
            site,
            lambda: Setup(
                source, lambda: [load_scales()["gramwatt"]], site.store.add_evaluation, HOSTS, wait=20
            ),
        )
    job = site.get(f"jobs/{queued.json()['id']}").json()
    assert (job["state"], job["error"]) == ("done", "")
    one = site.get(f"evaluations/{job['result']['id']}").json()
    assert (one["origin"], one["model"], one["user"]) == ("probe", "acme/net", "contributor")
    # 50 W over the stretch, and the requests of that stretch alone.
    assert one["energy_joules"] == pytest.approx(WATTS * (one["end"] - one["start"]), rel=0.05)
    assert 0 < one["values"]["requests"] <= 120
    assert one["values"]["samples"] == 3 * one["values"]["requests"]
    assert one["values"]["tokens"] == pytest.approx(4 * one["values"]["requests"])
    assert job["result"]["joules_per_request"] == pytest.approx(
        one["energy_joules"] / one["values"]["requests"]
    )
    assert one["measures"]["latency_p50_seconds"]["value"] >= 0.05
    assert one["grades"]["gramwatt"]["letter"] or one["grades"]["gramwatt"]["reason"]
    listed = site.get("evaluations?origin=probe").json()
    assert [row["id"] for row in listed["evaluations"]] == [one["id"]]
    page = site.client.get(f"/jobs/{queued.json()['id']}").text
    assert "a request" in page
    assert f"/evaluations/{one['id']}" in page
    assert "Median time of a request" in site.client.get(f"/evaluations/{one['id']}").text


def test_without_a_meter_it_measures_time_and_says_what_the_letter_misses(site: Site, model: str) -> None:
    browser = Browser(site, "contributor")
    assert "Log in" not in browser.get("/probe").split("<main")[1]
    wrong = browser.post("/probe", url="http://example.org/x", model="acme/net", inputs="a")
    assert wrong.status_code == 422
    assert "probe.allowed_hosts" in wrong.text
    assert 'value="http://example.org/x"' in wrong.text
    started = browser.post(
        "/probe",
        url=f"{model}/v1",
        model="<b>net",
        inputs="one\n\ntwo\n",
        requests="5",
        dataset="imagenet-1k",
    )
    assert "waits for its turn" in started.text
    assert 'http-equiv="refresh"' in started.text
    run_jobs(site, lambda: nowhere(site.store.add_evaluation))
    page = browser.get("/jobs/1")
    assert "is done" in page
    assert "refresh" not in page
    one = site.get("evaluations?origin=probe").json()["evaluations"][0]
    assert one["values"] == {"requests": 5.0, "samples": 5.0, "tokens": 15.0}
    assert one["dataset"] == "imagenet-1k"
    assert one["energy_joules"] is None
    assert "what serves the model was not named" in one["grade"]["reason"]
    assert "<b>net" not in page


@pytest.mark.parametrize("ahead", [-7200.0, 0.0, 7200.0])
def test_its_energy_is_found_where_prometheus_has_another_clock(model: str, ahead: float) -> None:
    began = time.time() + ahead

    def answer(request: httpx.Request) -> httpx.Response:
        form = dict(httpx.QueryParams(request.content.decode()))
        now, until, span = time.time() + ahead, float(form["time"]), form["query"].rpartition("[")[2]
        found = []
        if span.endswith("ms]") and "_energy_joules_total" in form["query"]:
            times = [began + n / 20 for n in range(-10, 1000)]
            since = until - int(span.removesuffix("ms]")) / 1000
            pairs = [[at, str(WATTS * (at - began + 60))] for at in times if since <= at <= min(now, until)]
            labels = {"__name__": "gramwatt_workload_energy_joules_total", "component": "cpu"}
            found = [{"metric": labels, "values": pairs}] if pairs else []
        data = {"resultType": "matrix" if span.endswith("ms]") else "vector", "result": found}
        date = {"Date": formatdate(now, usegmt=True)}
        return httpx.Response(200, json={"data": data}, headers=date)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        source = Prometheus("http://prometheus", client)
        setup = Setup(source, lambda: [load_scales()["gramwatt"]], None, HOSTS, wait=0)
        served = {"served": "workload", "which": "m.service"}
        asked = read_asked({"url": f"{model}/v1", "model": "m", "inputs": ["a"], "requests": 12, **served})
        found = probe(asked, setup, quietly, "the-id", "alice")
    assert found["joules_per_request"] is not None, found


def test_a_job_that_ran_twice_is_one_evaluation(site: Site, model: str) -> None:
    asked = read_asked({"url": f"{model}/v1", "model": "m", "inputs": ["a"], "requests": 2, "warm_up": 0})
    setup = nowhere(site.store.add_evaluation)
    first, again = (probe(asked, setup, quietly, "the-id", "alice") for _ in range(2))
    assert first["id"] == again["id"] == "the-id"
    assert site.get("evaluations").json()["total"] == 1


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/wrong", "2 times status 500"),
        ("/elsewhere", "2 times status 302"),
        ("/endless", "2 times an answer of more than 1024 kB"),
    ],
)
def test_an_endpoint_that_misbehaves_is_no_run(model: str, path: str, words: str) -> None:
    asked = read_asked({"url": model + path, "model": "m", "inputs": ["a"], "requests": 2, "warm_up": 0})
    with pytest.raises(Rejected, match=words):
        probe(asked, nowhere(), quietly, "x", "")


def test_nobody_listens(tmp_path: Path) -> None:
    asked = read_asked({"url": "http://127.0.0.1:1/", "model": "m", "method": "GET", "requests": 2})
    with pytest.raises(Rejected, match="connection refused"):
        probe(asked, nowhere(), quietly, "x", "")


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "http://127.0.0.2/", "http://localhost.example.org/", "http://2130706433/",
     "http://[::ffff:127.0.0.1]/"],
)  # fmt: skip
def test_other_hosts_are_refused_however_they_are_written(url: str) -> None:
    with pytest.raises(FactsError, match="allowed_hosts"):
        endpoint(url, HOSTS)


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "100.100.100.200"])
def test_what_holds_secrets_is_never_called_even_where_it_is_allowed(host: str) -> None:
    with pytest.raises(FactsError, match="never called"):
        endpoint(f"http://{host}/latest", [host])


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"url": "file:///etc/passwd"}, "$.url"),
        ({"url": "http://user:secret@127.0.0.1/"}, "$.url"),
        ({"url": "http://127.0.0.1:99999/"}, "$.url"),
        ({"url": "http://127.0.0.1/\r\nX: y"}, "$.url"),
        ({"requests": 10_001}, "$.requests"),
        ({"concurrency": 0}, "$.concurrency"),
        ({"inputs": []}, "$.inputs"),
        ({"inputs": ["x" * 70_000]}, "$.inputs"),
        ({"inputs": ["x"] * 101}, "$.inputs"),
        ({"served": "spoon"}, "$.served"),
        ({"served": "pid", "which": "one"}, "$.which"),
        ({"served": "workload"}, "$.which"),
        ({"content_type": "a\r\nb/c"}, "$.content_type"),
        ({"headers": {}}, "$"),
        ({"model": "\x00"}, "$.model"),
    ],
)
def test_a_mistake_is_named_with_its_path(site: Site, change: dict[str, Any], path: str) -> None:
    body = {"url": "http://127.0.0.1:8000/", "model": "m", "inputs": ["a"]} | change
    assert error(site.post("probes", body))[::2] == (422, path)


def test_a_form_names_all_its_mistakes_at_once_and_keeps_what_was_typed(site: Site) -> None:
    page = Browser(site, "contributor").post(
        "/probe", url="nowhere", model="", requests="1e9", concurrency="99", inputs="", task="fill-mask"
    )
    assert page.status_code == 422
    assert "5 fields need another look" in page.text
    for name in ("url", "model", "inputs", "requests", "concurrency"):
        assert f'id="{name}-mistake"' in page.text, name
    assert 'value="fill-mask"' in page.text
    assert re.findall(r'<input[^>]* id="(\w+)"[^>]*autofocus', page.text) == ["url"]


def test_a_number_beyond_all_numbers_is_refused(site: Site) -> None:
    headers = site.headers() | {"content-type": "application/json"}
    body = '{"url": "http://127.0.0.1/", "model": "m", "inputs": ["a"], "requests": 1e309}'
    answer = site.client.post("/api/v1/probes", content=body, headers=headers)
    assert answer.status_code in (400, 422)


def test_a_probe_needs_the_right_to_write_and_is_cancelled_by_whom_it_is_of(site: Site) -> None:
    body = {"url": "http://127.0.0.1:8000/", "model": "m", "inputs": ["a"]}
    assert error(site.post("probes", body, "viewer"))[0] == 403
    assert site.client.post("/api/v1/probes", json=body).status_code == 401
    mine = site.post("probes", body).json()["id"]
    theirs = site.post("probes", body, "manager").json()["id"]
    delete = site.client.delete
    assert error(delete(f"/api/v1/jobs/{theirs}", headers=site.headers()))[0] == 403
    assert delete(f"/api/v1/jobs/{mine}", headers=site.headers()).json()["state"] == "cancelled"
    assert delete(f"/api/v1/jobs/{theirs}", headers=site.headers("manager")).json()["state"] == "cancelled"


def test_a_job_is_followed_as_a_stream_of_events(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(site.store.database)
    job = jobs.add("probe", {}, "alice", NOW)
    get = Jobs.get
    steps: list[Callable[[], object]] = [
        lambda: (jobs.take(["probe"], NOW), jobs.beat(job, {"done": 3, "of": 9}, NOW)),
        lambda: jobs.finish(job, {"id": "x"}),
    ]

    def get_and_go_on(self: Jobs, job_id: int) -> Any:
        """The job goes one step on each time that it has been looked at."""
        found = get(self, job_id)
        if steps:
            steps.pop(0)()
        return found

    monkeypatch.setattr(Jobs, "get", get_and_go_on)
    monkeypatch.setattr("gramwatt_labeler.web.api.jobs._LOOK_SECONDS", 0.01)
    answer = site.client.get(f"/api/v1/jobs/{job}", headers={"Accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [one["state"] for one in events] == ["queued", "running", "done"]
    assert events[1]["progress"] == {"done": 3, "of": 9}


def test_the_command_prints_what_a_request_took(model: str, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "gramwatt_labeler", "probe", "--url", f"{model}/v1", "--model", "acme/net",
        "--input", "a", "--requests", "4", "--json", "--data.dir", str(tmp_path), "--prometheus.url", "http://127.0.0.1:1",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert told["requests"] == 4
    assert told["p95_seconds"] >= 0.05
    refused = subprocess.run(
        [*command, "--workload", "a", "--pid", "1"], capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 2


@pytest.mark.parametrize(
    "host", ["[::ffff:169.254.169.254]", "[::a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]"]
)
def test_an_address_inside_another_is_looked_at(host: str) -> None:
    with pytest.raises(FactsError, match=r"leads to 169\.254\.169\.254, which is never called"):
        endpoint(f"http://{host}/latest", [host])


def test_a_name_elsewhere_does_not_lead_to_this_machine() -> None:
    """A name server may answer with any address (DNS rebinding)."""
    assert endpoint("http://2130706433/", ["2130706433", "localhost"]).url == "http://127.0.0.1:80/"
    with pytest.raises(FactsError, match=r"leads to 127\.0\.0\.1, which is not among probe\.allowed_hosts"):
        endpoint("http://2130706433/", ["2130706433"])
