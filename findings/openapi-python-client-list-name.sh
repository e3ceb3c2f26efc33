#!/usr/bin/env bash
# What openapi-python-client makes of a schema `Apps` with a list `apps` does not pass mypy; of `AppList` with the same list it does.
#
# Guess:    the generated code has types throughout and passes `mypy --strict`, whatever the names in a description are.
# Happens:  `from_dict` gives the list and the object that it makes the same local name, which is the schema's in snake case. It
#           runs, and mypy finds two types for one name. A member that is no list is passed over, since it comes untyped.
# Matters:  to who names schemas after what they hold, as REST APIs do, and whose users check their types: mypy follows imports, so the
#           errors are in their own run.
# Versions: openapi-python-client 0.29.1, mypy 2.4.1 (PyPI).
# Seen:     2026-11-29
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
export PATH="$work/venv/bin:$PATH"
pip install --quiet --no-cache-dir --disable-pip-version-check openapi-python-client==0.29.1 mypy==2.4.1

cat >expected <<'END'
Apps with a list apps       mypy rejects it  from_dict: [1, 2]
AppList with a list apps    mypy passes it   from_dict: [1, 2]
Apps with a number apps     mypy passes it   from_dict: 1
END

python - >seen <<'END'
import json
import subprocess
import sys
from pathlib import Path

Path("config.yaml").write_text("post_hooks: []\n")
LIST = {"type": "array", "items": {"type": "integer"}}


def check(number, name, member, value):
    """How many errors mypy finds in the client of a schema of this name, and what that makes of a response."""
    schema = {"type": "object", "required": ["apps"], "properties": {"apps": member}}
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    get = {"operationId": "apps", "responses": {"200": {"description": "apps", "content": content}}}
    description = {
        "openapi": "3.1.0",
        "info": {"title": "apps", "version": "1"},
        "paths": {"/apps": {"get": get}},
        "components": {"schemas": {name: schema}},
    }
    package = f"client{number}"
    Path("api.json").write_text(json.dumps(description))
    command = ["openapi-python-client", "generate", "--path", "api.json", "--output-path", package, "--meta", "none"]
    subprocess.run([*command, "--config", "config.yaml"], check=True, capture_output=True)
    found = subprocess.run(["mypy", "--strict", package], capture_output=True, text=True).stdout
    call = f"from {package}.models import {name}; print({name}.from_dict({{'apps': {value}}}).apps)"
    made = subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True).stdout.strip()
    kind = "a list apps" if member is LIST else "a number apps"
    says = "rejects it" if " error: " in found else "passes it "
    print(f"{f'{name} with {kind}':27} mypy {says}  from_dict: {made}")


check(1, "Apps", LIST, [1, 2])
check(2, "AppList", LIST, [1, 2])
check(3, "Apps", {"type": "integer"}, 1)
END

cat seen
diff expected seen
