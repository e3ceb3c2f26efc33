// What `make dev` does after the build; dev.sh sets the stage. It brings the schema of the local database up to date and
// serves the Worker with wrangler, which runs as a child of this process, and prints where the page is, its token and the
// invalid settings, once the Worker answers.

import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseEnv } from "node:util";
import { Refusal, eventLog, readConfig } from "./config.mjs";

const WRANGLER = process.env.WRANGLER ?? "wrangler";
const PORT = process.env.PORT || "8787";
const WITH_TUNNEL = process.env.TUNNEL === "1";
const WORKER = `http://127.0.0.1:${PORT}`;
const EXAMPLE = join(import.meta.dirname, "../.dev.vars.example");
// .dev.vars.example had it as ADMIN_TOKEN once, so anyone may know it.
const PUBLISHED_TOKEN = "change-me-to-16-or-more";
const WAIT_SECONDS = 120;

/** Makes .dev.vars, with a token that nobody else knows, unless there is one. */
function makeSettings() {
  if (existsSync(".dev.vars")) return;
  const token = `ADMIN_TOKEN=${randomBytes(16).toString("hex")}\n`;
  writeFileSync(".dev.vars", readFileSync(EXAMPLE, "utf8") + token, { mode: 0o600 });
  console.log("dev: made .dev.vars from .dev.vars.example, with a random ADMIN_TOKEN");
}

/** With a tunnel, anyone who knows its address can call. */
function checkTunnel(token) {
  if (!WITH_TUNNEL) return;
  if (!token || token === PUBLISHED_TOKEN) {
    throw new Refusal(
      "With TUNNEL=1 anyone can call the API: in .dev.vars, set ADMIN_TOKEN to a random text of 16 characters or more.",
    );
  }
  console.log("dev: anyone who knows the public address can call: set a CALLBACK_TOKEN in .dev.vars, and no ALLOW_UNSIGNED");
}

/** Another server on this port would be asked for its health, and taken for this Worker. */
async function checkPort() {
  try {
    const server = createServer().listen(PORT, "127.0.0.1");
    await once(server, "listening");
    await new Promise((closed) => server.close(closed));
  } catch (error) {
    throw new Refusal(`Port ${PORT} cannot be used (${error.code}): choose another, as in PORT=8788 make dev.`);
  }
}

/** wrangler does not do this by itself. What it prints is shown only where it fails. */
function applyMigrations() {
  if (eventLog(readConfig("wrangler.toml")) === undefined) return;
  const { status, stdout, stderr } = spawnSync(WRANGLER, ["d1", "migrations", "apply", "DB", "--local"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (status === 0) return;
  process.stderr.write(`${stdout}${stderr}`);
  throw new Refusal("dev: the migrations could not be applied to the local database: see wrangler's output above.");
}

/** Starts wrangler. This process ends when it ends, and passes on the signals that would end one without the other. */
function serve() {
  const args = ["dev", "--ip", "127.0.0.1", "--port", PORT];
  // wrangler runs `cloudflared` for this; where it is not installed, wrangler offers to fetch it.
  if (WITH_TUNNEL) args.push("--tunnel");
  const wrangler = spawn(WRANGLER, args, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => wrangler.kill(signal === "SIGINT" ? "SIGINT" : "SIGTERM"));
  }
  wrangler.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

/** Waits until the Worker answers, and gives its invalid settings; nothing where it takes too long. */
async function invalidSettings() {
  const deadline = Date.now() + WAIT_SECONDS * 1000;
  while (Date.now() < deadline) {
    try {
      const response = await fetch(`${WORKER}/healthz`, { signal: AbortSignal.timeout(5000) });
      const { status, settings = [] } = await response.json();
      if (status !== undefined) return settings;
    } catch {
      // Not yet: it is not listening, or wrangler says on a page of its own that the Worker cannot start.
    }
    await sleep(300);
  }
}

async function announce(token) {
  const settings = await invalidSettings();
  if (settings === undefined) {
    console.error(`dev: ${WORKER}/healthz has not answered for ${WAIT_SECONDS} s: see wrangler's output above.`);
    return;
  }
  const lines = [
    `Page:        ${WORKER}/dashboard`,
    token
      ? `ADMIN_TOKEN: ${token}`
      : "ADMIN_TOKEN is not set: to use the page and the API, set it in .dev.vars to a random text of 16 characters or more.",
  ];
  if (settings.length > 0) {
    lines.push("Invalid settings:", ...settings.map(({ name, problem }) => `${name} ${problem}`));
  }
  console.log(`\n${lines.join("\n")}\n`);
}

try {
  makeSettings();
  const { ADMIN_TOKEN: token } = parseEnv(readFileSync(".dev.vars", "utf8"));
  checkTunnel(token);
  await checkPort();
  applyMigrations();
  serve();
  await announce(token);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
