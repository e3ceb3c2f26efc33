#!/usr/bin/env bash
# JSON Lines do not keep ids: three of four readers turn quoted JSON strings into numbers, dates, times or other UUIDs.
#
# Guess:    CSV has no types, so its readers guess; JSON has them, and what stands in quotes stays a string.
# Happens:  pandas makes numbers of `00123`, `1e5` and `Infinity`. DuckDB makes dates of `2026-1-2` and `Infinity`, a time of
#           `12:30`, and a UUID, in lower case, of one in upper case. pyarrow makes a timestamp of `2026-01-02`, but none of
#           `2026-1-2`. Only polars keeps all. No id is changed by all three, so comparing two of them finds nothing odd.
# Matters:  to who reads events: an id that a program read so no longer equals the id in the app. Each has an option that keeps
#           ids: `dtype=False`, `columns`, `explicit_schema`.
# Versions: pandas 3.1.1, duckdb 2.0.1, pyarrow 26.0.1, polars 2.1.0 (PyPI).
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
	pandas==3.1.1 duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0

cat >expected <<'END'
pandas: 00123 -> 123
pandas: 1e5 -> 100000.0
pandas: Infinity -> inf
pandas with its option: all kept
duckdb: Infinity -> infinity
duckdb: 2026-1-2 -> 2026-01-02
duckdb: 12:30 -> 12:30:00
duckdb: 550E8400-E29B-41D4-A716-446655440000 -> 550e8400-e29b-41d4-a716-446655440000
duckdb with its option: all kept
pyarrow: 2026-01-02 -> 2026-01-02 00:00:00
pyarrow with its option: all kept
polars: all kept
END

venv/bin/python - >seen <<'END'
import json
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.json

IDS = ["00123", "1e5", "Infinity", "2026-1-2", "2026-01-02", "12:30", "550E8400-E29B-41D4-A716-446655440000"]
STRINGS = pyarrow.json.ParseOptions(explicit_schema=pyarrow.schema([("user", pyarrow.string())]))
READERS = {
    "pandas": lambda: pandas.read_json("ids.jsonl", lines=True)["user"][0],
    "pandas with its option": lambda: pandas.read_json("ids.jsonl", lines=True, dtype=False)["user"][0],
    "duckdb": lambda: duckdb.sql("SELECT \"user\"::VARCHAR FROM read_json('ids.jsonl')"),
    "duckdb with its option": lambda: duckdb.sql(
        "SELECT \"user\" FROM read_json('ids.jsonl', columns = {'user': 'VARCHAR'})"
    ),
    "pyarrow": lambda: pyarrow.json.read_json("ids.jsonl")["user"][0],
    "pyarrow with its option": lambda: pyarrow.json.read_json("ids.jsonl", parse_options=STRINGS)["user"][0],
    "polars": lambda: polars.read_ndjson("ids.jsonl")["user"][0],
}

for name, read in READERS.items():
    kept = True
    for user in IDS:
        Path("ids.jsonl").write_text(json.dumps({"user": user}) + "\n")
        value = read()
        if name.startswith("duckdb"):
            value = value.fetchall()[0][0]
        if str(value) != user:
            print(f"{name}: {user} -> {value}")
            kept = False
    if kept:
        print(f"{name}: all kept")
END

cat seen
diff expected seen
