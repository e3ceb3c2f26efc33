// Which alerts stay quiet because the operator has acknowledged them.

import type { Alert } from "../api/client.ts";

/** What an alert was when it was acknowledged, and when that was, in Unix ms. */
export interface Acknowledged {
	at: number;
	severity: Alert["severity"];
	count: number | null;
}

/** An alert is another one, and no longer quiet, when its count is so many times as high. */
const TIMES = 10;

export const acknowledgementOf = ({ severity, count }: Alert, at: number): Acknowledged => ({ at, severity, count });

/** Whether an alert is still what was acknowledged: as grave, begun before that, and with a count that is not ten times as high. */
export function isQuiet(alert: Alert, acknowledged: Acknowledged | undefined): boolean {
	if (acknowledged === undefined || alert.severity !== acknowledged.severity) return false;
	if (alert.since !== null && alert.since > acknowledged.at) return false;
	return (alert.count ?? 0) < TIMES * Math.max(acknowledged.count ?? 0, 1);
}

/** What was acknowledged, without what is over: the alerts of an app and those of none that are not there any more. */
export function without<T>(acknowledged: Record<string, T>, alerts: Alert[], app: number): Record<string, T> {
	const there = new Set(alerts.map(({ key }) => key));
	const isOver = (key: string) => !there.has(key) && [`${app}`, "0"].includes(key.split("/")[1] ?? "");
	return Object.fromEntries(Object.entries(acknowledged).filter(([key]) => !isOver(key)));
}
