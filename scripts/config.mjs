// What deploy.mjs and dev.mjs both need.

import { readFileSync } from "node:fs";
import { parse } from "smol-toml";

/** What stops the script: a sentence that says what to do, or some, each on a line. */
export class Refusal extends Error {}

/** wrangler.toml, with empty tables where it has none. */
export function readConfig(path) {
  try {
    return { vars: {}, queues: {}, d1_databases: [], ...parse(readFileSync(path, "utf8")) };
  } catch (error) {
    throw new Refusal(`wrangler.toml cannot be read: ${error.message.split("\n")[0]}.`);
  }
}

/** The D1 database of the event log, where one is bound. */
export function eventLog({ d1_databases: databases }) {
  return databases.find(({ binding }) => binding === "DB");
}
