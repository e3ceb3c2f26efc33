#!/usr/bin/env bash
# The official Standard Webhooks libraries of JavaScript, Python and Rust do not take the same secrets.
#
# Guess:    three libraries of one repository, for one format (`whsec_` and base64): a secret that one takes, all take; what is
#           not strict base64, all refuse.
# Happens:  without the padding of base64, Rust refuses the secret, JavaScript and Python take it. With a line end or a space at
#           its end, as a file or a form leaves it there, Python takes it, JavaScript and Rust refuse it. Without the prefix
#           all three take it. Each error comes when the secret is read.
# Matters:  to who checks a secret with one library and runs another: sender and receiver need not be written in one language.
#           Exactly `whsec_`, padded base64, and nothing after it is right everywhere.
# Versions: standardwebhooks 1.1.1 (npm), 1.1.0 (PyPI), 1.0.1 (crates.io). The specification: "Standard Webhooks", signature
#           scheme, base64 encoded and prefixed with `whsec_`.
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check standardwebhooks==1.1.0
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund --cache "$work/npm" standardwebhooks@1.1.1
mkdir src
cat >Cargo.toml <<'END'
[package]
name = "secret"
version = "1.0.0"
edition = "2021"

[dependencies]
standardwebhooks = "=1.0.1"

[profile.dev]
debug = false
END

cat >expected <<'END'
                 JavaScript Python  Rust
as specified     taken      taken   taken
without padding  taken      taken   refused
a space after it refused    taken   refused
a line end       refused    taken   refused
without prefix   taken      taken   taken
END

# A library's answer to each secret, one a line.
cat >secret.mjs <<'END'
import { Webhook } from "standardwebhooks";

for (const secret of process.argv.slice(2)) {
	try {
		new Webhook(secret);
		console.log("taken");
	} catch {
		console.log("refused");
	}
}
END
cat >secret.py <<'END'
import sys

from standardwebhooks import Webhook

for secret in sys.argv[1:]:
    try:
        Webhook(secret)
        print("taken")
    except Exception:
        print("refused")
END
cat >src/main.rs <<'END'
fn main() {
    for secret in std::env::args().skip(1) {
        let taken = standardwebhooks::Webhook::new(&secret).is_ok();
        println!("{}", if taken { "taken" } else { "refused" });
    }
}
END

secret=whsec_$(printf 'A%.0s' {1..43})=
secrets=("$secret" "${secret%=}" "$secret " "$secret"$'\n' "${secret#whsec_}")
printf '%s\n' 'as specified' 'without padding' 'a space after it' 'a line end' 'without prefix' >names
node secret.mjs "${secrets[@]}" >javascript
venv/bin/python secret.py "${secrets[@]}" >python
cargo run --quiet --target-dir target -- "${secrets[@]}" >rust
{
	printf '%16s %-10s %-7s %s\n' '' JavaScript Python Rust
	paste names javascript python rust | while IFS=$'\t' read -r name javascript python rust; do
		printf '%-16s %-10s %-7s %s\n' "$name" "$javascript" "$python" "$rust"
	done
} >seen

cat seen
diff expected seen
