// The steps of `make deploy`; deploy.sh sets the stage. Each refusal is one sentence that says what to do.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "smol-toml";

const WRANGLER = process.env.WRANGLER ?? "wrangler";
const CONFIG = process.env.WRANGLER_CONFIG;
// A new workers.dev name takes some seconds to answer, and other places may serve the version before for as long.
const WAIT_SECONDS = Number(process.env.DEPLOY_WAIT_SECONDS ?? 30);
const HEALTHY_IN_A_ROW = 3;

/** What stops a deployment, in one sentence. */
class Refusal extends Error {}

/** The app ids in [vars]. */
function apps(vars) {
  // A number is as good as text to the Worker too.
  const ids = String(vars.SDK_APP_IDS ?? "");
  if (ids.trim() === "") {
    throw new Refusal(
      'SDK_APP_IDS is missing from [vars] in wrangler.toml: write the SDKAppID there (SDK_APP_IDS = "1400000000").',
    );
  }
  return ids.split(",").map((id) => id.trim());
}

/** The names of the Worker's secrets; none where there is no such Worker yet. */
function secrets() {
  const { status, stdout, stderr } = spawnSync(WRANGLER, ["secret", "list", "--config", CONFIG], {
    encoding: "utf8",
    stdio: ["inherit", "pipe", "pipe"],
  });
  if (status === 0) {
    return JSON.parse(stdout).map((secret) => secret.name);
  }
  if (/Worker "[^"]*" not found/.test(stdout + stderr)) {
    return [];
  }
  process.stderr.write(`${stdout}${stderr}`);
  throw new Refusal("The Worker's secrets cannot be listed, so nothing was deployed: see wrangler's own words above.");
}

/** Refuses where an app has no callback token: each of its calls would be refused, or taken from anyone. */
function checkTokens(ids, vars) {
  // Not asked for where it does not matter. The Worker takes true and "true".
  if (String(vars.ALLOW_UNSIGNED) === "true") return;
  const names = secrets();
  if (names.includes("CALLBACK_TOKEN")) return;
  const without = ids.filter((id) => !names.includes(`CALLBACK_TOKEN_${id}`));
  if (without.length === 0) return;
  throw new Refusal(
    `No callback token is set for ${without.join(", ")}: run \`npx wrangler secret put CALLBACK_TOKEN\` ` +
      `(or CALLBACK_TOKEN_${without[0]}, for that app alone; before the first deployment, this makes the Worker too), ` +
      'or take unsigned calls with ALLOW_UNSIGNED = "true" in [vars].',
  );
}

/** Deploys, and returns the addresses where the Worker can be reached, a domain of one's own first. */
function deploy() {
  const folder = mkdtempSync(join(tmpdir(), "deploy-"));
  try {
    const report = join(folder, "report.ndjson");
    const { status } = spawnSync(WRANGLER, ["deploy", "--config", CONFIG], {
      stdio: "inherit",
      env: { ...process.env, WRANGLER_OUTPUT_FILE_PATH: report },
    });
    if (status !== 0) throw new Refusal("wrangler could not deploy: see its own words above.");
    const entries = readFileSync(report, "utf8").split("\n").filter(Boolean).map(JSON.parse);
    const targets = entries.findLast((entry) => entry.type === "deploy")?.targets ?? [];
    const origins = targets.map(origin).filter((found) => found !== null);
    if (origins.length === 0) {
      throw new Refusal("Deployed, but at no address: set workers_dev = true or a route in wrangler.toml.");
    }
    return origins.sort((a, b) => a.endsWith(".workers.dev") - b.endsWith(".workers.dev"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The origin of one of wrangler's targets, which are made for reading: "https://a.b.workers.dev",
 * "a.example.com (custom domain)", "example.com/* (zone name: example.com)", each perhaps with "[production: enabled]"
 * behind it; others ("schedule: …") have none.
 */
function origin(target) {
  const [, scheme, host] = /^(https?:\/\/)?([a-z0-9.-]+(?::\d+)?)(?:\/\S*)?(?: \(.*\))?(?: \[.*\])?$/i.exec(target) ?? [];
  return host?.includes(".") ? `${scheme ?? "https://"}${host}` : null;
}

/** Waits until the address says, several times in a row, that the settings are complete. */
async function checkHealth(origin) {
  const deadline = Date.now() + WAIT_SECONDS * 1000;
  let healthy = 0;
  let last;
  for (;;) {
    try {
      const response = await fetch(`${origin}/healthz`, { signal: AbortSignal.timeout(5000) });
      // One 200 may still come from the version before.
      healthy = response.status === 200 ? healthy + 1 : 0;
      if (healthy === HEALTHY_IN_A_ROW) return;
      if (healthy > 0) continue;
      const { settings } = await response.json().catch(() => ({}));
      last = Array.isArray(settings)
        ? `these settings are at fault: ${settings.join(", ")}.`
        : `${origin}/healthz answers ${response.status}.`;
    } catch (error) {
      healthy = 0;
      last ??= `${origin}/healthz does not answer yet (${error.cause?.code ?? error.name}); a new domain may take minutes: try it later.`;
    }
    if (Date.now() >= deadline) throw new Refusal(`Deployed, but not well: ${last}`);
    await sleep(Math.min(1000, Math.max(0, deadline - Date.now())));
  }
}

try {
  const { vars = {} } = parse(readFileSync(CONFIG, "utf8"));
  checkTokens(apps(vars), vars);
  const [origin] = deploy();
  await checkHealth(origin);
  console.log(`\nWell. Register this URL in the Chat console:\n${origin}${vars.WEBHOOK_PATH ?? "/"}`);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
