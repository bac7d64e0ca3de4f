"""What support needs to know about an error of Blnk: shown under "Details", below the sentence for people."""

from blnk_api.errors import BlnkError


def details(failed: BlnkError) -> list[tuple[str, str]]:
    """Names and values. Empty if there was no answer. The answer is Blnk's text, without secrets."""
    pairs = [
        ("HTTP status", "" if failed.status is None else str(failed.status)),
        ("Blnk's error code", failed.code),
        ("Request ID", failed.request_id),
        ("Blnk's answer", failed.answer),
    ]
    return [(name, value) for name, value in pairs if value]
