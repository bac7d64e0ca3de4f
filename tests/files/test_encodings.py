"""Letters in old encodings are read correctly, or a person is told that they are a guess."""

from pathlib import Path

import pytest

from blnk_api import files
from blnk_api.drafts import mapping, mapping_problems
from blnk_api.facts.file_shape import FileShape, ReadOptions, Record

SAVINGS = "Savings"
ROWS = {
    "windows-1250": "Łukasz Żółć,Świętochłowice,Błażej Gęś,Małgorzata Dąbrowska,Zażółć gęślą",
    "windows-1251": "Иван Петров,Анна Смирнова,Москва",
    "windows-1252": "Jürgen Müller,Léa Béranger,José Muñoz,São Paulo – 5 €,Niccolò",
    "windows-1253": "Παπαδόπουλος Γιώργος,Αθήνα,Θεσσαλονίκη",
    "windows-1254": "Şükrü Yıldız,Gülşah Çağlar,Iğdır",
    "windows-1255": "דוד כהן,שרה לוי,ירושלים",
    "windows-1256": "محمد علي,فاطمة حسن,القاهرة",
    "windows-1257": "Šarūnas Žukauskas,Panevėžys,Ģirts Bērziņš",
    "windows-874": "สมชาย ใจดี,กรุงเทพ,เชียงใหม่",
    "koi8-r": "Иван Петров,Анна Смирнова,Москва",
    "koi8-u": "Київ,Львів,Ґанок",
    "cp737": "Αθήνα,Θεσσαλονίκη",
    "cp852": "Příliš žluťoučký kůň,Ústí nad Labem",
    "cp866": "Иван Петров,Анна Смирнова,Москва",
    "mac-cyrillic": "Иван Петров,Анна Смирнова,Москва",
    "mac-roman": "Jürgen Müller,Léa Béranger,François Noël,Hélène Lefèvre",
    "cp850": "Jürgen Müller,Käthe Groß,Jörg Schäfer,Düsseldorf",
    "iso-8859-15": "Preis 5 €,Bœuf,Gérard",
    "euc-jp": "顧客ウォレット,山田太郎,佐藤花子",
    "shift_jis": "顧客ウォレット,山田太郎,佐藤花子",
    "gb18030": "电子钱包,王小明,上海客户",
    "big5": "電子錢包,王小明,陳美玲",
    "euc-kr": "전자지갑,김철수,이영희",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "upload"


def read(path: Path, content: bytes) -> tuple[FileShape, list[Record]]:
    path.write_bytes(content)
    shape = files.detect(path, "f.csv")
    return shape, list(files.records(path, shape))


def lines(names: list[str], encoding: str, end: str = "\r\n") -> bytes:
    rows = ["ledger,currency,name", *(f"Savings,EUR,{name}" for name in names)]
    return end.join([*rows, ""]).encode(files.ENCODINGS.get(encoding, encoding))


@pytest.mark.parametrize("encoding", ROWS)
def test_an_old_encoding_is_read_correctly_and_reported_as_a_guess(file: Path, encoding: str) -> None:
    names = ROWS[encoding].split(",")
    shape, records = read(file, lines(names, encoding))
    assert [record.cells[2] for record in records] == names
    assert shape.encoding_guessed
    told = [
        one
        for one in mapping_problems.problems(mapping.guess(shape), shape)
        if one.kind == "encoding_guessed"
    ]
    assert [(one.row, one.severity) for one in told] == [(0, "warning")]
    assert "a guess" in told[0].message
    assert names[0] in told[0].message


def test_an_old_encoding_that_nobody_can_tell_apart_can_be_chosen(file: Path) -> None:
    for encoding in ("cp857", "cp858", "cp862", "cp865", "mac-latin2", "mac-turkish", "mac-greek"):
        letters = bytes([0x80, 0x81, 0x9A]).decode(encoding)
        file.write_bytes(lines([letters], encoding))
        shape = files.detect(file, "f.csv", ReadOptions(encoding=encoding))
        assert [record.cells[2] for record in files.records(file, shape)] == [letters]
        assert not shape.encoding_guessed


@pytest.mark.parametrize(
    "name", ["Zoë", "José", "Müller", "Søren Kjær", "Niccolò", "Société Générale", "Åsa"]
)
def test_a_few_western_letters_are_windows_1252(file: Path, name: str) -> None:
    shape, records = read(file, lines([name, "plain"], "cp1252"))
    assert (shape.encoding, records[0].cells[2]) == ("windows-1252", name)


def test_a_letter_far_down_in_the_file_is_shown_too(file: Path) -> None:
    shape, _ = read(file, lines(["plain"] * 20_000 + ["Zoë"], "cp1252"))
    assert (shape.encoding_guessed, shape.letters) == (True, "Zoë")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("strays", [1, 3, 9])
def test_lines_of_another_encoding_do_not_garble_a_utf8_file(file: Path, strays: int, end: str) -> None:
    content = lines(["Léa Müller"], "utf-8", end) + lines(["Zoë Große"] * strays, "cp1252", end)
    shape, records = read(file, content)
    assert (shape.encoding, shape.encoding_guessed) == ("utf-8", False)
    assert records[0].cells[2] == "Léa Müller"
    flaws = [flaw for record in records for flaw in record.problems]
    assert [(flaw.kind, flaw.severity, flaw.repair) for flaw in flaws] == [
        ("undecodable_text", "error", "Zoë Große")
    ] * strays


def test_a_line_in_an_asian_encoding_does_not_garble_a_utf8_file(file: Path) -> None:
    content = lines(["Léa Müller", "山田太郎"], "utf-8") + "Savings,EUR,王小明上海客户\r\n".encode("gb18030")
    shape, records = read(file, content)
    assert (shape.encoding, shape.encoding_guessed) == ("utf-8", False)
    assert [bool(record.problems) for record in records] == [False, False, True]


def test_a_few_utf8_lines_in_an_old_file_are_reported(file: Path) -> None:
    shape, records = read(file, lines(["Müller"] * 50, "cp1252") + lines(["Zoë"], "utf-8"))
    assert shape.encoding == "windows-1252"
    (flaw,) = (flaw for record in records for flaw in record.problems)
    assert (flaw.kind, flaw.severity, flaw.repair) == ("mixed_encodings", "error", "Zoë")


def test_a_utf8_file_is_no_guess(file: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        shape, records = read(file, lines(["Zoë", "山田太郎"], encoding))
        assert not shape.encoding_guessed
        assert [record.cells[2] for record in records] == ["Zoë", "山田太郎"]


def test_utf16_without_a_mark_is_read_even_if_few_letters_are_latin(file: Path) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        _, records = read(file, lines(["山田太郎鈴木花子佐藤花子田中一郎"] * 20, encoding))
        assert {record.cells[2] for record in records} == {"山田太郎鈴木花子佐藤花子田中一郎"}


@pytest.mark.parametrize("padding", [b"\0" * 4_096, b"\r\n" + b"\0" * 2_000_000, b"\x1a\0\0", b"\0"])
def test_zero_bytes_after_the_last_row_are_no_row(file: Path, padding: bytes) -> None:
    _, records = read(file, lines(["Zoë", "b"], "utf-8") + padding)
    assert [record.cells[2] for record in records] == ["Zoë", "b"]
    assert not any(record.problems for record in records)


def test_zero_bytes_before_the_column_names_are_no_part_of_them(file: Path) -> None:
    shape, _ = read(file, b"\0" * 512 + lines(["b"], "utf-8"))
    assert shape.headers == ["ledger", "currency", "name"]


def test_zero_bytes_that_pad_cells_are_reported_with_the_correct_cell(file: Path) -> None:
    shape, records = read(file, b"ledger,currency,note\nSavings\0\0,USD,x\0\0\0\n")
    assert records[0].cells == ["Savings\0\0", "USD", "x\0\0\0"]
    assert shape.headers == ["ledger", "currency", "note"]


def test_concatenated_files_leave_no_byte_order_marks(file: Path) -> None:
    one = lines(["a"], "utf-8-sig")
    shape, records = read(file, one + '\ufeff"Savings",EUR,"b, c"\n'.encode() + one)
    assert [record.cells for record in records] == [
        ["Savings", "EUR", "a"],
        ["Savings", "EUR", "b, c"],
        ["ledger", "currency", "name"],
        ["Savings", "EUR", "a"],
    ]
    assert shape.headers == ["ledger", "currency", "name"]
