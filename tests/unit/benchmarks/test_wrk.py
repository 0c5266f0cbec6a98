import pytest

from benchmarks.wrk import NoAnswer, WrkFailed, parse

REPORT = """Running 2s test @ http://127.0.0.1:1234/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.94ms    1.07ms  22.41ms   96.62%
    Req/Sec     2.76k   257.34     3.01k    90.48%
  Latency Distribution
     50%    2.78ms
     75%    2.95ms
     90%    3.27ms
     99%    1.02s
  5770 requests in 2.10s, 3.02MB read
Requests/sec:   2746.92
Transfer/sec:      1.44MB
"""


def test_report():
    load = parse(REPORT)
    assert (load.rate, load.requests) == (2746.92, 5770)
    assert load.p50 == pytest.approx(0.00278)
    assert load.p99 == pytest.approx(1.02)


@pytest.mark.parametrize(
    ("text", "seconds"), [("812.00us", 0.000812), ("3.50ms", 0.0035), ("1.00m", 60.0)]
)
def test_units(text, seconds):
    assert parse(REPORT.replace("2.78ms", text)).p50 == pytest.approx(seconds)


@pytest.mark.parametrize(
    "line",
    [
        "  Non-2xx or 3xx responses: 12",
        "  Socket errors: connect 0, read 5, write 0, timeout 0",
    ],
)
def test_requests_without_success_do_not_count(line):
    with pytest.raises(WrkFailed, match=line.strip()[:10]):
        parse(REPORT.replace("Requests/sec", f"{line}\nRequests/sec"))


@pytest.mark.parametrize(
    "report",
    [
        "",
        "unable to connect to 127.0.0.1:1 Connection refused",
        REPORT.replace("5770 requests", "0 requests"),
        REPORT.replace("Requests/sec", "Something"),
        REPORT.replace("     99%    1.02s\n", ""),
    ],
)
def test_what_is_no_report(report):
    with pytest.raises(WrkFailed):
        parse(report)


def test_no_answer_at_all():
    with pytest.raises(NoAnswer, match="no request was answered"):
        parse(REPORT.replace("5770 requests", "0 requests"))
