from __future__ import annotations

from fudata_pipeline_tests.sources.conftest import Bench


def test_keys_values_and_malformed_lines(bench: Bench) -> None:
    data = """{"姓名":"张三","n":440304199003071234,"o":{"p":[1,2]}}

{"b'\\"/~.$x":"x,\\"y\\"","n":null,"N":"","":true}
not json
[1]
{"n":1,"n":2}
{"n":"末"}
""".encode()
    staged = bench.stage(data, "a.jsonl", format="jsonl")
    assert staged.headers == ("姓名", "n", "o", "b'\"/~.$x", "N_2", "列6")
    assert bench.rows(data, "a.jsonl", format="jsonl") == [
        (1, None, None, "张三", "440304199003071234", '{"p":[1,2]}', None, None, None),
        (3, None, None, None, None, None, 'x,"y"', None, "true"),
        (4, "INVALID JSON", "not json", *[None] * 6),
        (5, "NOT AN OBJECT", "[1]", *[None] * 6),
        (6, "REPEATED KEY", '{"n":1,"n":2}', *[None] * 6),
        (7, None, None, None, "末", None, None, None, None),
    ]


def test_truncated(bench: Bench) -> None:
    refusal = bench.refuse(b'{"a":1}\n{"a":', "a.jsonl", format="jsonl")
    assert (refusal.rule, refusal.line) == ("truncated", 2)
    assert len(bench.rows(b'oops\n{"a":2}', "a.jsonl", format="jsonl")) == 2


def test_no_object_at_all(bench: Bench) -> None:
    assert bench.rows(b"[\n]\n", "a.jsonl", format="jsonl")[0] == (1, "INVALID JSON", "[")
    assert bench.refuse(b" \n", "a.jsonl", format="jsonl").rule == "empty_delivery"
    assert bench.refuse("{}".encode("utf-16"), "a.jsonl", format="jsonl").rule == "wrong_encoding"
