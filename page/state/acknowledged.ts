// The alerts that the operator has acknowledged, in this browser's local storage. They stay over a reload and a new session.

import { signal } from "@preact/signals";
import type { Alert } from "../api/client.ts";
import { type Acknowledged, acknowledgementOf, isQuiet, without } from "../lib/acknowledged.ts";
import { currentTime } from "./clock.ts";

/** In the local storage: JSON, by the key of the alert. */
const ACKNOWLEDGED = "acknowledged";

const held = signal<Record<string, Acknowledged>>(read());

export const isAcknowledged = (alert: Alert) => isQuiet(alert, held.value[alert.key]);

export const acknowledge = (alert: Alert) =>
	write({ ...held.value, [alert.key]: acknowledgementOf(alert, currentTime()) });

export function undo({ key }: Alert): void {
	const { [key]: _, ...others } = held.value;
	write(others);
}

/** Forgets what is over, so that it is told when it begins again. */
export function forgetOver(alerts: Alert[], app: number): void {
	const rest = without(held.peek(), alerts, app);
	if (Object.keys(rest).length < Object.keys(held.peek()).length) write(rest);
}

/** Nothing where the storage has something else. */
function read(): Record<string, Acknowledged> {
	try {
		const stored: unknown = JSON.parse(localStorage.getItem(ACKNOWLEDGED) ?? "{}");
		return typeof stored === "object" && stored !== null ? (stored as Record<string, Acknowledged>) : {};
	} catch {
		return {};
	}
}

function write(acknowledged: Record<string, Acknowledged>): void {
	held.value = acknowledged;
	if (Object.keys(acknowledged).length === 0) localStorage.removeItem(ACKNOWLEDGED);
	else localStorage.setItem(ACKNOWLEDGED, JSON.stringify(acknowledged));
}
