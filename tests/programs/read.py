"""Opens exported files in real programs, with the options that docs/export.md names, and says which ids come back as others.

usage: read.py FOLDER

Each folder in FOLDER has `events.csv`, `events.jsonl`, `spreadsheet.csv` and `ids.json`: the ids that are the actors and the
targets of the events, in their order. A program that is not installed is named and left out, unless it is one of those in
requirements.txt, or sqlite3.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas
import polars

ROOT = Path(__file__).parents[2]
# Where pip has put csvkit.
ENV = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
# The last character of an id may be a line end: what is read is not split at any but "\n", nor stripped.


def run(*command):
    """What a program prints. It fails if it does, or warns."""
    ended = subprocess.run(command, capture_output=True, env=ENV, check=False)
    if ended.returncode != 0 or ended.stderr != b"":
        raise RuntimeError(f"{command[0]} ended with {ended.returncode}: {ended.stderr.decode(errors='replace')}")
    return ended.stdout.decode()


def lines(text):
    return text.split("\n")[:-1]


def sqlite(*commands):
    """The rows of the last command, whose cells are hexadecimal, so that none has a line end."""
    return [bytes.fromhex(line).decode() for line in lines(run("sqlite3", "-batch", ":memory:", *commands))]


def both(rows):
    """Actors and targets apart."""
    return [list(cells) for cells in zip(*rows, strict=True)]


# How each row of the table is run: by its program and file, with the text of its third cell. Each gives the actors, and the
# targets where it reads both.


def pandas_csv(code):
    events = eval(code)  # noqa: S307 - from our own documentation
    return [list(events["actor"]), list(events["target"])]


def pandas_json(code):
    events = eval(code)  # noqa: S307
    return [list(events["from_account"]), [target for (target,) in events["to_accounts"]]]


def polars_csv(code):
    events = eval(code)  # noqa: S307
    return [events["actor"].to_list(), events["target"].to_list()]


def polars_json(code):
    events = eval(code)  # noqa: S307
    return [events["from_account"].to_list(), [target for (target,) in events["to_accounts"].to_list()]]


def duckdb_csv(code):
    return both(duckdb.sql(f"SELECT actor, target {code}").fetchall())


def duckdb_json(code):
    return both(duckdb.sql(f"SELECT from_account, unnest(to_accounts) {code}").fetchall())


def sqlite_csv(code):
    return [sqlite(code, f"SELECT hex({column}) FROM events") for column in ("actor", "target")]


def sqlite_json(code):
    return [sqlite(f"SELECT hex(actor) FROM ({code.removesuffix(';')})")]


def jq(code):
    return [[json.loads(line) for line in lines(run(*code.split(" ")))]]


def csvkit(code):
    events = json.loads(run(*code.split(" ")))
    return [[event[column] for event in events] for column in ("actor", "target")]


def readr(code):
    read = f"events <- suppressMessages({code}); cat(jsonlite::toJSON(events[c('actor', 'target')], dataframe = 'columns'))"
    events = json.loads(run("Rscript", "-e", read))
    return [events["actor"], events["target"]]


def libreoffice(options):
    """Reads the file for a spreadsheet, and drops one apostrophe. It is written with the same options but for the columns."""
    profile = Path("profile").resolve().as_uri()
    import_filter, export_filter = (f"Text - txt - csv (StarCalc):{it}" for it in (options, "44,34,76,1,,0,true,false"))
    command = ["soffice", f"-env:UserInstallation={profile}", "--headless", f"--infilter={import_filter}"]
    command += ["--convert-to", f"csv:{export_filter}", "--outdir", "converted", "spreadsheet.csv"]
    subprocess.run(command, capture_output=True, check=True)
    with Path("converted/spreadsheet.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return [[row[column].removeprefix("'") for row in rows] for column in ("actor", "target")]


PROGRAMS = {
    "pandas CSV": pandas_csv,
    "pandas JSON Lines": pandas_json,
    "polars CSV": polars_csv,
    "polars JSON Lines": polars_json,
    "DuckDB CSV": duckdb_csv,
    "DuckDB JSON Lines": duckdb_json,
    "sqlite3 CSV": sqlite_csv,
    "sqlite3 JSON Lines": sqlite_json,
    "jq JSON Lines": jq,
    "csvkit CSV": csvkit,
    "R CSV": readr,
    "LibreOffice CSV for a spreadsheet": libreoffice,
}
# The command of those that need not be installed.
OPTIONAL = {"jq": "jq", "R": "Rscript", "LibreOffice": "soffice"}
# These take seconds to start: they open only the files of many ids.
SLOW = {"R", "LibreOffice"}
# These have other line ends within ids, whatever they are told.
OWN_LINE_ENDS = {"csvkit", "LibreOffice"}


def documented():
    """The options by program and file, as docs/export.md has them."""
    section = (ROOT / "docs/export.md").read_text().split("## Programs that keep ids")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\w+)(?: [^|]*)? \| ([^|]+) \| `([^|]+)` \|", section, re.MULTILINE)
    return {f"{program} {file}": options for program, file, options in rows}


def versions():
    """The versions that docs/export.md names, of what requirements.txt installs."""
    named = dict(re.findall(r"^\| (\w+) ([\d.]+) \|", (ROOT / "docs/export.md").read_text(), re.MULTILINE))
    pinned = re.findall(r"^(\w+)==(.+)$", (Path(__file__).parent / "requirements.txt").read_text(), re.MULTILINE)
    return {name: (version, {key.lower(): it for key, it in named.items()}.get(name)) for name, version in pinned}


def is_missing(program):
    if program == "R" and shutil.which("Rscript"):
        packages = "quit(status = !all(sapply(c('readr', 'jsonlite'), requireNamespace, quietly = TRUE)))"
        return subprocess.run(["Rscript", "-e", packages], capture_output=True, check=False).returncode != 0
    return program in OPTIONAL and shutil.which(OPTIONAL[program]) is None


def unified(texts):
    return [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts]


def main():
    options = documented()
    faults = [f"{name}: docs/export.md says {it}, and {version} is installed" for name, (version, it) in versions().items() if it != version]
    faults += [f"docs/export.md and this file do not have the same programs: {name}" for name in options.keys() ^ PROGRAMS.keys()]
    folders = sorted(path.resolve() for path in Path(sys.argv[1]).iterdir())
    for name in options.keys() & PROGRAMS.keys():
        program = name.split(" ")[0]
        if is_missing(program):
            print(f"{name}: not installed")
            continue
        count = 0
        for folder in folders:
            ids = json.loads((folder / "ids.json").read_text())
            if program in SLOW and len(ids) == 1:
                continue
            os.chdir(folder)
            try:
                columns = PROGRAMS[name](options[name])
            except Exception as error:  # noqa: BLE001 - whatever a program does with a file
                faults.append(f"{name}: {folder.name} {ids[-1:]}: {error}")
                continue
            same = unified if program in OWN_LINE_ENDS else list
            for column in columns:
                pairs = zip(same(ids), column, strict=False)
                faults += [f"{name}: {folder.name}: {one!r} became {other!r}" for one, other in pairs if one != other]
                if len(column) != len(ids):
                    faults.append(f"{name}: {folder.name}: {len(ids)} ids became {len(column)}")
                count += len(column)
        print(f"{name}: {count} ids read")
    print("\n".join(faults))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
