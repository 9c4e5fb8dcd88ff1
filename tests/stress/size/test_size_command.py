"""`tidegate size` from end to end: what it prints, what it writes, how it ends."""

import json
import random
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate_gate import cli
from tidegate_stress.size.knee import Calls

from .test_probe import APPS

AT = 1790000000
COMMAND = (sys.executable, "-m", "tidegate_gate", "size")


def stamp(at_s: float) -> str:
    """Write a time as servers do."""
    return datetime.fromtimestamp(AT + at_s, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def lines_of(calls: Calls, form: str) -> list[str]:
    """Write calls as a log, in the order in which they ended."""
    found: list[str] = []
    for end_s, took_s in sorted((end, end - begin) for begin, end in zip(calls.begins_s, calls.ends_s, strict=True)):
        clf = f'10.0.0.1 - - [{stamp(end_s)}] "GET /orders/7 HTTP/1.1" 200 512 "-" "curl/8"'
        if form == "json":
            at = datetime.fromtimestamp(AT + end_s, UTC).isoformat()
            found.append(json.dumps({"timestamp": at, "status": 200, "path": "/orders/7", "duration_ms": round(took_s * 1e3, 3)}))
        else:
            found.append({"nginx": f"{clf} {took_s:.3f}", "gunicorn": f"{clf} {took_s * 1e6:.0f}", "bare": clf}[form])
    return found


@pytest.mark.parametrize("form", ["nginx", "gunicorn", "json"])
def test_a_log_of_each_kind(form: str, eight: Calls, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(eight, form)
    for place in random.Random(1).sample(range(len(lines)), 50):
        lines[place] = lines[place][: place % 60]  # cut off
    log, saved = tmp_path / "access.log", tmp_path / "size.json"
    log.write_text("\n".join(lines))
    assert cli.main(["size", "--log", str(log), "--json", str(saved)]) == 0
    said, told = capsys.readouterr().out, json.loads(saved.read_text("utf-8"))
    assert told["verdict"] == "OK"
    assert abs(told["suggestion"]["workers"] - 8) <= 1
    assert 8 <= told["suggestion"]["capacity"] <= 60
    assert "bad" in told["told"]
    assert max(map(len, said.splitlines())) <= 100 or len(str(tmp_path)) > 60
    assert said.rstrip().endswith("tidegate size: OK")
    assert re.search(r"capacity +\d+ +floor\(workers x patience / service time\)", said)


def test_a_page_of_it(eight: Calls, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots are of the lab extra")
    log, page = tmp_path / "access.log", tmp_path / "size.html"
    log.write_text("\n".join(lines_of(eight, "nginx")))
    assert cli.main(["size", "--log", str(log), "--html", str(page)]) == 0
    text = page.read_text("utf-8")
    assert text.count("<svg") == 2
    assert "src=" not in text
    assert "<script" not in text


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "none of 0 lines is a request"),
        (["junk"] * 300, "none of 300 lines is a request in a known format"),
        ([f'10.0.0.1 - - [{stamp(0)}] "GET / HTTP/1.1" 200 512'] * 300, "no request times"),
        (['INFO:     127.0.0.1:5000 - "GET / HTTP/1.1" 200 OK'] * 300, "no request times"),
        (['INFO:     127.0.0.1:5000 - "GET / HTTP/1.1" 200 OK 12ms'] * 300, "lines tell when"),
        ([f'10.0.0.1 - - [{stamp(0)}] "GET / HTTP/1.1" 200 512 0.1'] * 30, "too few"),
        ([f'10.0.0.1 - - [{stamp(0)}] "GET / HTTP/1.1" 200 512 33'] * 300, "--unit"),
        ([f'10.0.0.1 - - [{stamp(place)}] "GET / HTTP/1.1" 200 512 0.010' for place in range(600)], "can't tell"),
        ([f'10.0.0.1 - - [{stamp(place)}] "GET / HTTP/1.1" {200 + place % 2 * 300} 512 0.1' for place in range(600)], "failed"),
    ],
)
def test_where_the_data_can_not_say_it_can_not_tell(
    lines: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "access.log"
    log.write_text("\n".join(lines))
    assert cli.main(["size", "--log", str(log)]) == 3
    text = " ".join(capsys.readouterr().out.split())
    assert "tidegate size: can't tell: " in text
    assert said in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "one of the arguments --app --callable --log is required"),
        (("--app", "x:y", "--log", "z"), "not allowed with"),
        (("--log", "nosuch"), "cannot read nosuch"),
        (("--app", "nosuch"), "is not of the form"),
        (("--app", f"{APPS}:wsgi", "--path", "orders"), "does not begin with /"),
        (("--app", f"{APPS}:asgi_404"), "it was answered 404; --path"),
        (("--callable", f"{APPS}:fails"), "ValueError: 7 at apps.py:"),
        (("--log", "x", "--deadline", "0"), "0 is not between"),
    ],
)
def test_bad_usage_is_a_sentence(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["size", *words]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_ctrl_c_ends_it() -> None:
    with subprocess.Popen(
        [*COMMAND, "--callable", f"{APPS}:later", "--seconds", "600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=60)
    assert process.returncode == 3, said + rest
    assert "tidegate size: interrupted" in rest
    assert "Traceback" not in said + rest
    assert out == ""
