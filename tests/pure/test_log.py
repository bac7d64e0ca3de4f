"""What whoever runs the app reads of it: its log in either form, and where its figures are."""

import json
import logging
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from blnk_api import settings
from blnk_api.common.log import JsonLines, request_id
from blnk_api.errors import SettingsProblem
from tests.support.json_object import JsonObject

ROOT = Path(__file__).parents[2]


def line(record: logging.LogRecord) -> JsonObject:
    [told] = JsonLines().format(record).splitlines()
    said: JsonObject = json.loads(told)
    return said


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    return logging.LogRecord("blnk.worker", logging.WARNING, "a.py", 1, message, arguments, more.get("why"))


def test_a_line_says_when_how_severe_which_logger_and_what() -> None:
    said = line(record("A disk\nis %s", "full"))
    assert datetime.fromisoformat(said.pop("time")).utcoffset() is not None
    assert said == {"level": "warning", "logger": "blnk.worker", "message": "A disk\nis full"}


def test_a_line_names_the_request_that_it_belongs_to() -> None:
    token = request_id.set("abc")
    try:
        assert line(record("rejected"))["request_id"] == "abc"
    finally:
        request_id.reset(token)


def test_an_exception_is_named_without_its_text_which_may_quote_a_cell() -> None:
    try:
        raise ValueError("Mrs Adeola's wallet is no number")
    except ValueError:
        said = line(record("It cannot be written", why=sys.exc_info()))
    assert (said["message"], said["error"]) == ("It cannot be written", "ValueError")
    assert "Adeola" not in json.dumps(said)
    assert "test_an_exception_is_named" in said["trace"][-1]


SAYS = """
import logging, threading, warnings
from streamlit.logger import get_logger
get_logger("streamlit.before")
from blnk_api.common import log
log.to_stderr()
logging.getLogger("blnk.app").info("ours")
get_logger("streamlit.before").warning("before")
get_logger("streamlit.after").warning("after")
warnings.warn("a warning")
thread = threading.Thread(target=lambda: int("a cell"))
thread.start()
thread.join()
int("another cell")
"""


def said(**env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SAYS],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "HOME": "/nowhere", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


def test_each_line_is_one_object_whichever_logger_writes_it() -> None:
    told = [json.loads(each) for each in said(BLNK_LOG="json").splitlines()]
    assert [one["logger"] for one in told] == [
        *("blnk.app", "streamlit.before", "streamlit.after", "py.warnings"),
        *("blnk", "blnk"),
    ]
    assert [one["message"] for one in told[:3]] == ["ours", "before", "after"]
    assert [one.get("error") for one in told[-2:]] == ["ValueError", "ValueError"]
    assert "cell" not in json.dumps(told[-2:])


def test_a_process_ends_with_a_sentence_in_the_form_of_its_log() -> None:
    ends = [
        sys.executable,
        "-c",
        "from blnk_api.common import log; log.to_stderr(); log.end('The disk is full.')",
    ]
    for env, told in (
        ({}, "The disk is full.\n"),
        ({"BLNK_LOG": "json"}, '"message": "The disk is full."}\n'),
    ):
        done = subprocess.run(
            ends, env={"PYTHONPATH": str(ROOT), **env}, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.endswith(told)) == (1, True), done.stderr


def test_without_the_setting_lines_are_plain_text() -> None:
    assert " blnk.app ours\n" in said()


def test_an_unknown_format_is_rejected() -> None:
    with pytest.raises(SettingsProblem, match="BLNK_LOG should be json"):
        settings.load({"BLNK_LOG": "yaml"})


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("9464", ("127.0.0.1", 9464)),
        (":9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::1]:9464", ("::1", 9464)),
        ("", None),
    ],
)
def test_metrics_are_for_this_machine_unless_an_address_is_named(said: str, means: object) -> None:
    assert settings.load({"BLNK_METRICS": said}).metrics == means


@pytest.mark.parametrize("said", ["desk", "127.0.0.1:", "0", "65536", "127.0.0.1:９"])
def test_an_address_of_metrics_without_a_port_is_rejected(said: str) -> None:
    with pytest.raises(SettingsProblem, match="BLNK_METRICS should be an address and a port"):
        settings.load({"BLNK_METRICS": said})
