"""JSON lines to staging: one object a line, nested values as JSON text."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fudata_pipeline.catalog.model import Source
from fudata_pipeline.engine.sql import file_literal, identifier, literal, parquet
from fudata_pipeline.sources.delivery import DeliveryRefused
from fudata_pipeline.sources.headers import unique_headers
from fudata_pipeline.sources.text import read_text

_REASON = """CASE WHEN NOT json_valid(t) THEN 'INVALID JSON'
                  WHEN TRY(json_type(t)) <> 'OBJECT' THEN 'NOT AN OBJECT'
                  WHEN len(TRY(json_keys(t))) > len(list_distinct(TRY(json_keys(t))))
                  THEN 'REPEATED KEY' END"""


def stage_jsonl(con: duckdb.DuckDBPyConnection, file: Path, source: Source, work: Path, out: Path) -> tuple[str, ...]:
    """Write staging Parquet ``out`` and give the headers: all keys, in the order they first appear.

    Raises DeliveryRefused: what ``read_text`` raises; truncated.
    """
    text = read_text(file, source.encoding, work)
    lines = work / "lines.parquet"
    con.execute(  # NUL cannot occur in a checked text, so each line is one value
        f"COPY (SELECT t, {_REASON} AS reason FROM read_csv({file_literal(text.path)}, auto_detect=false, "
        "columns={t: 'VARCHAR'}, delim=chr(0), quote='', escape='', header=false, nullstr='', "
        f"new_line='\\n', compression='none')) TO {literal(lines)} (FORMAT parquet, COMPRESSION lz4)"
    )
    rows = f"(SELECT file_row_number + 1 AS line, t, reason FROM {parquet(lines)} WHERE trim(t) <> '')"
    if not text.ends_with_newline:
        [(broken,)] = con.execute(f"SELECT arg_max_null(reason, line) = 'INVALID JSON' FROM {rows}").fetchall()
        if broken:
            detail = f"末行（第 {text.last_line} 行）不是完整的 JSON，且文件末尾没有换行"
            raise DeliveryRefused("truncated", detail, text.last_line)
    keys = con.execute(
        "SELECT key FROM (SELECT line, unnest(json_keys(t)) AS key, "
        f"generate_subscripts(json_keys(t), 1) AS nth FROM {rows} WHERE reason IS NULL) "
        "GROUP BY key ORDER BY min({'line': line, 'nth': nth})"
    ).fetchall()
    headers = unique_headers(key for (key,) in keys)
    pointers = ", ".join(literal("/" + key.replace("~", "~0").replace("/", "~1")) for (key,) in keys)
    values = f"CASE WHEN reason IS NULL THEN json_extract_string(t, [{pointers}]) END" if keys else "NULL"
    names = "".join(f", nullif(v[{i}], '') AS {identifier(name)}" for i, name in enumerate(headers, 1))
    con.execute(
        "COPY (SELECT line AS _line, reason AS _malformed, CASE WHEN reason IS NOT NULL THEN t END AS _text"
        f"{names} FROM (SELECT *, {values} AS v FROM {rows})) "
        f"TO {literal(out)} (FORMAT parquet, COMPRESSION zstd)"
    )
    return headers
