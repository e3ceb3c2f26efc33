// What to do about calls that were not answered OK.

import { t } from "../text/language.ts";

export interface Advice {
	advice: string;
	/** Whether strangers who try addresses cause it too. */
	isStray: boolean;
}

/** The reasons of calls that strangers cause who try addresses. */
const STRAY = ["not_found", "insecure", "method", "query_too_long", "sdk_app_id_missing"];

/** What to do, by the reason that the Worker counts the calls under; also of one that only a newer Worker knows. */
export const adviceOn = (reason: string): Advice => ({
	advice: new Map(Object.entries(t().rejections)).get(reason) ?? "",
	isStray: STRAY.includes(reason),
});
