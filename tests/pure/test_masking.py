"""No secret stands in what is kept of an answer, however it is spelled there."""

import json

import pytest

from blnk_api import errors
from blnk_api.blnk import answer_meaning
from blnk_api.blnk.replies import Answer
from blnk_api.common.masking import masked, masked_document

SECRET = "s3cr<et>/&tok=en"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize(
    "text",
    [
        f"not accepted: {SECRET}",
        json.dumps({"error": f"no such key {SECRET}"}),
        r'{"error": "no such key s3cr\u003cet\u003e/\u0026tok=en"}',
        json.dumps({"error": SECRET}).replace("/", "\\/"),
        "https://blnk.example/?key=s3cr%3Cet%3E%2F%26tok%3Den",
    ],
)
def test_the_token_that_was_sent_is_hidden_in_every_spelling(text: str) -> None:
    assert "[hidden]" in masked(text, [SECRET])
    assert "s3cr" not in masked(text, [SECRET])


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abcdefghijklmnop1234", "abcdefghijklmnop1234"),
        ("key blnk_at_9f8e7d6c5b4a is revoked", "9f8e7d6c5b4a"),
        (f"jwt {JWT} expired", JWT),
        ('{"access_token": "abc123"}', "abc123"),
        ('{"data":"{\\"client_secret\\":\\"abc123\\"}"}', "abc123"),
        ('{"X-Blnk-Key": "abc123"}', "abc123"),
        ("<a href=/login?api_key=abc123&x=1>", "abc123"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_although_it_was_not_sent(text: str, secret: str) -> None:
    assert secret not in masked_document(text)
    assert "[hidden]" in masked_document(text)


@pytest.mark.parametrize(
    "text",
    [
        "Invalid or expired access token",
        "token: cannot be blank",
        "Basic authentication is not supported here",
        "Insufficient scope: proxy:write is required",
        '{"error": "Invalid ledger ID", "error_detail": {"code": "GEN_BAD_REQUEST"}}',
        "",
    ],
)
def test_words_about_secrets_are_kept(text: str) -> None:
    assert masked_document(text, [SECRET, ""]) == text


def kept(answer: Answer) -> errors.Support:
    return answer_meaning.support(answer)


def test_of_an_answer_the_first_thousand_characters_are_kept_without_the_token() -> None:
    body = json.dumps({"error": f"who is {SECRET}?", "more": "x" * 5_000}).encode()

    about = kept(Answer(502, body, secrets=(SECRET,)))

    assert about["answer"].startswith('{"error": "who is [hidden]?"')
    assert len(about["answer"]) == 1_001
    assert about["status"] == 502


@pytest.mark.parametrize(
    ("body", "secrets", "answer"),
    [
        (b"x" * 70_000, (), "x" * 1_000 + "…"),
        (b"x" * 70_000, ("",), "x" * 1_000 + "…"),
        (b"x" * 70_000, (SECRET,), "x" * 1_000 + "…"),
        (b"\xff oops", (), "\ufffd oops"),
        (("s" * 65_000 + "x" * 536).encode(), ("s" * 65_000,), "[hidden]" + "x" * 536),
    ],
)
def test_an_answer_is_kept_as_far_as_it_can_be_read(
    body: bytes, secrets: tuple[str, ...], answer: str
) -> None:
    """The last one is just as long as what is looked at: nothing of it is cut off."""
    assert kept(Answer(500, body, secrets=secrets))["answer"] == answer


@pytest.mark.parametrize("cut", range(1, len(SECRET)))
def test_a_token_across_the_end_of_what_is_read_leaves_no_trace(cut: int) -> None:
    """All before it is hidden too, so that its first letters would come into the part that is kept."""
    known = "k" * 64
    whole, rest = divmod(65_536 - cut, 64)
    body = (known * whole + " " * rest + SECRET + "x" * 64).encode()

    answer = kept(Answer(500, body, secrets=(known, SECRET)))["answer"]

    assert "s3" not in answer.replace("[hidden]", "")
    assert "[hidden]" in answer


def test_blnks_words_hold_no_token_either() -> None:
    for body in ({"error": f"no {SECRET}"}, {"error_detail": {"message": f"no {SECRET}", "code": SECRET}}):
        said = answer_meaning.read_error(Answer(401, json.dumps(body).encode(), secrets=(SECRET,)))
        assert said.message == "no [hidden]"
        assert SECRET not in said.code


@pytest.mark.parametrize(
    ("headers", "id"),
    [
        ({"X-Request-Id": "abc", "Cf-Ray": "8c-LOS"}, "abc"),
        ({"Cf-Ray": "8c-LOS"}, "8c-LOS"),
        ({"X-Correlation-Id": "c1"}, "c1"),
        ({"X-Request-Id": ""}, ""),
        ({}, ""),
        ({"X-Request-Id": "a\x1b[31m" + "b" * 500}, "a␛[31m" + "b" * 194 + "…"),
        ({"X-Request-Id": f"for {SECRET}"}, "for [hidden]"),
    ],
)
def test_the_request_id_is_that_of_the_host_that_sets_one(headers: dict[str, str], id: str) -> None:
    assert Answer.of(500, b"", headers, (SECRET,)).request_id == id


def test_an_answer_that_is_printed_does_not_show_the_secrets_of_its_request() -> None:
    assert SECRET not in repr(Answer(500, b"", secrets=(SECRET,)))
