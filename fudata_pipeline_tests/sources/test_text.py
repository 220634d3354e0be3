from __future__ import annotations

from pathlib import Path

import pytest

from fudata_pipeline.sources import DeliveryRefused, encoding, text
from fudata_pipeline.sources.text import read_text


@pytest.fixture(params=[3, 4 << 20], autouse=True)
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every case also with chunks that split characters, line ends and the mark."""
    monkeypatch.setattr(encoding, "CHUNK", request.param)
    monkeypatch.setattr(text, "CHUNK", request.param)


def refused(folder: Path, data: bytes, declared: str) -> tuple[str, int | None, str]:
    (folder / "in").write_bytes(data)
    with pytest.raises(DeliveryRefused) as caught:
        read_text(folder / "in", declared, folder)
    return caught.value.rule, caught.value.line, caught.value.detail


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        ("\ufeff姓名,备注\r\n张三,x\r\n".encode(), "utf-8"),
        ("姓名,备注\r张三,x\r".encode(), "utf-8"),
        ("姓名,备注\n张三,x\r\n".encode(), "utf-8"),
        ("姓名,备注\n张三,x\n".encode(), "utf-8"),
        ("姓名,备注\n张三,x\n".encode("gb18030"), "gb18030"),
        ("姓名,备注\n张三,x\n".encode("utf-16"), "utf-16"),
        ("\ufeff姓名,备注\n张三,x\n".encode("utf-16-be"), "utf-16"),
        ("姓名,备注\n张三,x\n".encode("utf-16-le"), "utf-16"),
    ],
)
def test_every_encoding_and_line_end_becomes_plain(tmp_path: Path, data: bytes, declared: str) -> None:
    (tmp_path / "in").write_bytes(data)
    plain = read_text(tmp_path / "in", declared, tmp_path)
    assert plain.path.read_text("utf-8") == "姓名,备注\n张三,x\n"
    assert (plain.lines, plain.last_line, plain.ends_with_newline) == (2, 2, True)
    assert (plain.path == tmp_path / "in") == (data == "姓名,备注\n张三,x\n".encode())


def test_lines_without_a_last_newline_and_with_blank_ones(tmp_path: Path) -> None:
    for data, expected in ((b"a\n\nb", (3, 3, False)), (b"a\nb\n\n\n", (4, 2, True)), (b"a", (1, 1, False))):
        (tmp_path / "in").write_bytes(data)
        plain = read_text(tmp_path / "in", "utf-8", tmp_path)
        assert (plain.lines, plain.last_line, plain.ends_with_newline) == expected


def test_wrong_encoding_names_line_and_the_right_one(tmp_path: Path) -> None:
    chinese = "a\r\nb\r\n姓名\r\n"
    rule, line, detail = refused(tmp_path, chinese.encode("gb18030"), "utf-8")
    assert (rule, line) == ("wrong_encoding", 3) and "gb18030" in detail
    rule, line, detail = refused(tmp_path, chinese.encode(), "gb18030")
    assert (rule, line) == ("wrong_encoding", 3) and "utf-8" in detail
    rule, line, detail = refused(tmp_path, chinese.encode("utf-8-sig"), "gb18030")
    assert (rule, line) == ("wrong_encoding", 1) and "utf-8" in detail
    for declared in ("utf-8", "gb18030"):
        rule, line, detail = refused(tmp_path, chinese.encode("utf-16"), declared)
        assert (rule, line) == ("wrong_encoding", 1) and "utf-16" in detail
    rule, line, detail = refused(tmp_path, chinese.encode(), "utf-16")
    assert (rule, line) == ("wrong_encoding", 1) and "utf-8" in detail
    assert refused(tmp_path, b"a\n\xff\xff\n", "utf-8")[:2] == ("wrong_encoding", 2)


def test_ascii_is_valid_in_both_and_one_gb_character_is_not_taken_for_utf8(tmp_path: Path) -> None:
    for data in (b"a,b\n1,2\n", "模\n".encode("gb18030")):
        (tmp_path / "in").write_bytes(data)
        assert read_text(tmp_path / "in", "gb18030", tmp_path).path.read_bytes() == data.decode("gb18030").encode()


@pytest.mark.parametrize("declared", ["utf-8", "gb18030", "utf-16"])
def test_cut_inside_a_character(tmp_path: Path, declared: str) -> None:
    data = "姓名\n张三\n李四".encode(declared)
    assert refused(tmp_path, data[:-1], declared)[:2] == ("truncated", 3)


def test_nul_byte(tmp_path: Path) -> None:
    assert refused(tmp_path, b"a,b\n1,2\n3,\0\n", "utf-8")[:2] == ("nul_byte", 3)
    assert refused(tmp_path, b"a,b\r\n1,2\r\n3,\0\r\n", "gb18030")[:2] == ("nul_byte", 3)


def test_line_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LINE_LIMIT", 10)
    (tmp_path / "in").write_bytes(b"1234567890\n1234567890\n12345\n1234567890")
    assert read_text(tmp_path / "in", "utf-8", tmp_path).lines == 4
    assert refused(tmp_path, b"1234567890\n1\n2\n12345678901\n1\n", "utf-8")[:2] == ("line_too_long", 4)
    assert refused(tmp_path, b"1\n12345678901", "utf-8")[:2] == ("line_too_long", 2)


@pytest.mark.parametrize("data", [b"", b"\n \r\n", b"\xef\xbb\xbf\n"])
def test_empty(tmp_path: Path, data: bytes) -> None:
    assert refused(tmp_path, data, "utf-8")[0] == "empty_delivery"
