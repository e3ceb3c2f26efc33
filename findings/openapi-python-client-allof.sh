#!/usr/bin/env bash
# openapi-python-client leaves out the properties of a schema that stand beside an `allOf` of one schema, without a warning.
#
# Guess:    `properties` beside `allOf` add to it, as JSON Schema says, however many schemas `allOf` has.
# Happens:  with two schemas in `allOf` they do. With one, the schema counts as another name for that one: no class is written, a
#           list of events becomes a list of the base, and the generator ends with 0 and without a word. The members still
#           arrive, in `additional_properties`, with neither names nor types.
# Matters:  to who writes the description of an API: "the base and a few more" is either written flat, or with the properties
#           as a second schema inside `allOf`.
# Versions: openapi-python-client 0.29.1, ruff 0.15.0 (PyPI). JSON Schema 2020-12, core, 10.2.1.1 (`allOf`).
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
export PATH="$work/venv/bin:$PATH"
pip install --quiet --no-cache-dir --disable-pip-version-check openapi-python-client==0.29.1 ruff==0.15.0

cat >expected <<'END'
allOf of one, properties beside it    events: list[Base]   Base: id
allOf of two, properties beside it    events: list[Event]  Event: id, kind, other
allOf of two, properties inside it    events: list[Event]  Event: id, kind
END

python - >seen <<'END'
import json
import re
import subprocess
from pathlib import Path

BASE = {"$ref": "#/components/schemas/Base"}
KIND = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
OTHER = {"type": "object", "required": ["other"], "properties": {"other": {"type": "string"}}}


def generated(event):
    """What the generator makes of a list of events whose schema this is."""
    schemas = {
        "Base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        "Event": event,
        "Page": {
            "type": "object",
            "required": ["events"],
            "properties": {"events": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}},
        },
    }
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}
    get = {"operationId": "events", "responses": {"200": {"description": "events", "content": content}}}
    description = {
        "openapi": "3.1.0",
        "info": {"title": "log", "version": "1"},
        "paths": {"/events": {"get": get}},
        "components": {"schemas": schemas},
    }
    Path("api.json").write_text(json.dumps(description))
    command = ["openapi-python-client", "generate", "--path", "api.json", "--output-path", "client", "--overwrite"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "arning" not in done.stdout + done.stderr
    models = Path("client/log_client/models")
    item = re.search(r"^    events: list\[(\w+)\]", (models / "page.py").read_text(), re.M)[1]
    model = (models / f"{item.lower()}.py").read_text()
    members = re.findall(r"^    (\w+): str$", model, re.M)
    return f"events: {f'list[{item}]':12} {item}: {', '.join(members)}"


print("allOf of one, properties beside it   ", generated({"allOf": [BASE], **KIND}))
print("allOf of two, properties beside it   ", generated({"allOf": [BASE, OTHER], **KIND}))
print("allOf of two, properties inside it   ", generated({"allOf": [BASE, KIND]}))
END

cat seen
diff expected seen
