"""Sample files with a few random faults, and everything a draft does with a file."""

import io
import random
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from blnk_api import files as reading
from blnk_api.drafts import mapping, mapping_problems
from blnk_api.drafts.checking import Checker, Known, group, wanted
from blnk_api.facts.file_shape import FileShape

SAMPLES = [Path(__file__).parents[1] / name for name in ("samples", "samples-2")]


LEDGER = "ldg_11111111-1111-4111-8111-111111111111"


KNOWN = Known(ledgers={LEDGER: "Customer wallets"}, identities={}, readable=True)


MOST_SECONDS = 60.0
"""Of processor time, not of waiting: a few kilobytes that take this long would never end."""


TROUBLE = (
    b'"',
    b'""',
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b",",
    b";",
    b"\t",
    b"|",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"sep=;\n",
    b"=1+1",
    b"<html>",
    b"\x1a",
    b"\xe2\x80\xae",
    b"\xc2\xa0",
    b"PK\x03\x04",
    b"import_ref",
    b"balance_id",
    b' "',
    b'"\n',
    b"\0" * 64,
    b"\xe2\x80\x8f",
    b"1.23457E+15",
    b"#REF!",
    b"Total,,5\n",
    b"MIME-Version: 1.0\r\n",
    b"Z\xfcrich",
    b"\x8e\x9f",
    b"\xb8\xdc\xb5\xd2",
)


def swallow(path: Path, name: str) -> str:
    """Does everything that a draft does with a file. Returns the outcome, and raises only for a fault."""
    started = time.thread_time()
    try:
        go_all_the_way(path, name)
        came_of = "read"
    except reading.FileProblem as problem:
        came_of = problem.kind
        if not is_sentence(problem.message) or not problem.message.endswith((".", "?")):
            raise AssertionError(problem.message) from problem
    assert time.thread_time() - started < MOST_SECONDS
    return came_of


def go_all_the_way(path: Path, name: str) -> None:
    shape = reading.detect(path, name)
    assert FileShape.model_validate_json(shape.model_dump_json()) == shape
    columns = mapping.guess(shape)
    told = mapping_problems.problems(columns, shape)
    wanted(reading.records(path, shape), columns)
    checker = Checker(shape, columns, KNOWN, ["POINTS"])
    rows = []
    for record in reading.records(path, shape):
        assert len(record.cells) == len(shape.headers)
        orjson.dumps(record.cells)
        rows += checker.check(record)
    told += [problem for row in rows for problem in row.problems] + checker.finish()
    orjson.dumps([row.request for row in rows])
    for one in group(told):
        orjson.dumps(one)
        assert is_sentence(one.sentence)


def is_sentence(message: str) -> bool:
    """Whether it can be displayed as it is. A zero width joiner is accepted, because emoji contain it."""
    return bool(message) and message.replace("\u200d", "").isprintable()


def mutated(original: bytes, chance: random.Random) -> bytes:
    """The bytes with a few random faults."""
    data = bytearray(original)
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(data))
        match chance.randrange(6):
            case 0:
                del data[at : at + chance.randint(1, 40)]
            case 1:
                data[at:at] = chance.choice(TROUBLE) * chance.choice((1, 1, 1, 2, 50))
            case 2:
                data[at:at] = data[chance.randint(0, at) :][: chance.randint(1, 200)]
            case 3 if data:
                data[at % len(data)] = chance.randrange(256)
            case 4:
                del data[chance.randint(at, len(data)) :]
            case _:
                data += chance.randbytes(chance.randint(1, 30))
    return bytes(data)


def repacked(original: bytes, chance: random.Random) -> bytes:
    """A workbook of which one part is mutated and packed into a valid zip again, so that reading gets beyond
    the zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as source, zipfile.ZipFile(packed, "w") as target:
        parts = source.namelist()
        unlucky = chance.choice(parts)
        for part in parts:
            content = source.read(part)
            target.writestr(part, mutated(content, chance) if part == unlucky else content)
    return packed.getvalue()


def files(count: int, seed: int, *, most_bytes: int = 20_000) -> Iterator[tuple[str, bytes]]:
    """Mutations of the samples up to this size, by name; the same for the same seed."""
    chance = random.Random(seed)
    originals = sorted(
        (path.name, path.read_bytes())
        for folder in SAMPLES
        for path in folder.iterdir()
        if path.suffix in (".csv", ".txt", ".xls", ".xlsx", ".numbers") and path.stat().st_size < most_bytes
    )
    sound = [
        name for name, data in originals if name.endswith(".xlsx") and zipfile.is_zipfile(io.BytesIO(data))
    ]
    for _ in range(count):
        name, data = chance.choice(originals)
        if name in sound and chance.random() < 0.8:
            yield name, repacked(data, chance)
        else:
            yield name, mutated(data, chance)
