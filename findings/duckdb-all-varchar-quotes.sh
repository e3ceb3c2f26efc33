#!/usr/bin/env bash
# DuckDB's `all_varchar` does not keep the texts of a CSV file: what a quote is, is guessed all the same, by the first rows.
#
# Guess:    With `all_varchar = true` nothing is guessed, and each cell of a valid file (RFC 4180) comes back as it is.
# Happens:  Only types are not guessed. In a file of one cell, `'a'` becomes `a`, and `''` becomes NULL: the apostrophe is taken
#           for the quote. Where no quote is in the first 20,480 rows, there is none: after them, `a"b`, written as RFC 4180 says
#           as `"a""b"`, comes back as `"a""b"`, quotes and all, without an error. Only a comma in quotes is an error.
# Matters:  to who reads ids or names: with `all_varchar` the file looks right, and a few of its values are others. It takes
#           `header`, `delim`, `quote` and `escape` too.
# Versions: duckdb 2.0.1 (PyPI).
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check duckdb==2.0.1

cat >expected <<'END'
first row, all_varchar: 'a' -> a
first row, all_varchar: '' -> None
first row, all_varchar: a"b -> a"b
first row, with the dialect: all kept
row 30,000, all_varchar: 'a' -> 'a'
row 30,000, all_varchar: '' -> ''
row 30,000, all_varchar: a"b -> "a""b"
row 30,000, with the dialect: all kept
END

venv/bin/python - >seen <<'END'
import csv
from pathlib import Path

import duckdb

TEXTS = ["'a'", "''", 'a"b']
DIALECT = """, header = true, delim = ',', quote = '"', escape = '"'"""


def read(text, rows_before, options):
    with Path("texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text", "n"], *[["plain", n] for n in range(rows_before)], [text, 0]])
    query = f"SELECT text FROM read_csv('texts.csv', all_varchar = true{options})"
    return duckdb.sql(query).fetchall()[-1][0]


for place, rows_before in [("first row", 0), ("row 30,000", 29_999)]:
    for text in TEXTS:
        print(f"{place}, all_varchar: {text} -> {read(text, rows_before, '')}")
    kept = all(read(text, rows_before, DIALECT) == text for text in TEXTS)
    print(f"{place}, with the dialect: {'all kept' if kept else 'changed'}")
END

cat seen
diff expected seen
