#!/usr/bin/env bash
# DuckDB reads a JSON member as NULL throughout, without a word, where it is null in the first 20,480 lines and not later.
#
# Guess:    A member that is null in all lines that were looked at gets a type that holds anything, such as JSON or VARCHAR; or
#           the first value that is none fails, as it does in polars.
# Happens:  The column has the type "NULL", and all of its values are NULL, those of later lines too. Nothing is reported:
#           `count(column)` is 0. polars says "got non-null value for NULL-typed column".
# Matters:  to who reads events, logs or exports that got a member at some time: newest last, or rare. The values are in the file
#           and nobody sees them. `columns` keeps them, or `sample_size = -1`.
# Versions: duckdb 2.0.1, polars 2.1.0 (PyPI).
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check duckdb==2.0.1 polars==2.1.0

cat >expected <<'END'
duckdb: "NULL", 0 values
duckdb with columns: VARCHAR, 2 values
duckdb with sample_size = -1: VARCHAR, 2 values
polars: ComputeError
polars with infer_schema_length=None: 2 values
END

venv/bin/python - >seen <<'END'
from pathlib import Path

import duckdb
import polars

Path("lines.jsonl").write_text('{"n":1,"name":null}\n' * 30_000 + '{"n":2,"name":"alice"}\n{"n":3,"name":"bob"}\n')

for name, options in [
    ("duckdb", ""),
    ("duckdb with columns", ", columns = {name: 'VARCHAR'}"),
    ("duckdb with sample_size = -1", ", sample_size = -1"),
]:
    lines = duckdb.sql(f"SELECT name FROM read_json('lines.jsonl'{options})")
    print(f"{name}: {lines.types[0]}, {lines.count('name').fetchall()[0][0]} values")

try:
    polars.read_ndjson("lines.jsonl")
except polars.exceptions.ComputeError as error:
    print(f"polars: {type(error).__name__}")
lines = polars.read_ndjson("lines.jsonl", infer_schema_length=None)
print(f"polars with infer_schema_length=None: {lines['name'].count()} values")
END

cat seen
diff expected seen
