"""What ``make conformance`` makes of the official suite; the suite itself is not part of it."""

from __future__ import annotations

import http.server
import threading
from xml.etree import ElementTree

import httpx
import pytest

from tests.conformance import __main__ as program
from tests.conformance.login import logged_in
from tests.conformance.suite import (
    CannotBeHad,
    find_jar,
    read_results,
    write_properties,
)

RESULTS = """<testng-results><suite><test><class>
<test-method status="PASS" name="setUp" is-config="true"/>
<test-method status="PASS" name="testLanding"/>
<test-method status="SKIP" name="testBinary"/>
<test-method status="{}" name="testJobs"><exception class="E"><message>
  expected [200] but found [500]</message></exception></test-method>
</class></test></suite></testng-results>"""


def test_results_are_counted_and_told(tmp_path):
    path = tmp_path / "testng-results.xml"
    path.write_text(RESULTS.format("FAIL"))
    outcome = read_results(path)
    assert dict(outcome.counts) == {"PASS": 1, "SKIP": 1, "FAIL": 1}
    assert outcome.told == [
        "SKIP testBinary: ",
        "FAIL testJobs: expected [200] but found [500]",
    ]
    assert not outcome.good
    path.write_text(RESULTS.format("PASS"))
    assert read_results(path).good
    path.write_text("<testng-results/>")
    assert not read_results(path).good  # nothing ran, so nothing has passed


def test_without_the_suite_it_says_so_and_does_not_pass(tmp_path, monkeypatch, capsys):
    (tmp_path / "x.jar").write_text("no zip")
    monkeypatch.setenv("CCP_ETS_JAR", str(tmp_path / "x.jar"))
    with pytest.raises(CannotBeHad, match="is no jar"):
        find_jar(tmp_path)
    assert program.main() == 2
    assert "NOT RUN" in capsys.readouterr().out
    monkeypatch.delenv("CCP_ETS_JAR")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotBeHad, match="no mvn"):
        find_jar(tmp_path)


def test_the_properties_are_what_the_suite_reads(tmp_path):
    write_properties(tmp_path / "props.xml", "http://x/?a=1&b=<")
    entries = {
        e.get("key"): e.text for e in ElementTree.parse(tmp_path / "props.xml").iter("entry")
    }
    assert entries == {"iut": "http://x/?a=1&b=<", "echoprocessid": "echo", "processtestlimit": "3"}


class _Service(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = f"{self.headers['Authorization']} {self.headers['X-Forwarded-Host']} {self.path} "
        self.send_response(201)
        self.send_header("Location", "there")
        self.send_header("Content-Length", str(len(said.encode() + body)))
        self.end_headers()
        self.wfile.write(said.encode() + body)

    def do_DELETE(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_the_proxy_logs_in():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/services/ccp/"
        with logged_in(url, "secret") as address, httpx.Client(trust_env=False) as client:
            host = address.split("/")[2]
            assert address == f"http://{host}/services/ccp/"
            answer = client.post(f"{address}processes?x=1", content=b"body")
            assert (answer.status_code, answer.headers["location"]) == (201, "there")
            assert answer.text == f"token secret {host} /services/ccp/processes?x=1 body"
            assert client.delete(address).status_code == 204
    finally:
        server.shutdown()
        server.server_close()
