// What a browser of the beginning of 2023 lacks (Chrome 111, Firefox 113, Safari 16.4), taken away from the one of the tests.

import type { Page } from "@playwright/test";

/** Runs in the page before its own scripts. */
function takeAway(): void {
	const lacks: [object | undefined, string[]][] = [
		[Array, ["fromAsync"]],
		[Array.prototype, ["toReversed", "toSorted", "toSpliced", "with"]],
		[AbortSignal, ["any"]],
		[Map, ["groupBy"]],
		[Object, ["groupBy"]],
		[Promise, ["withResolvers", "try"]],
		[Set.prototype, ["union", "intersection", "difference", "symmetricDifference", "isSubsetOf", "isSupersetOf"]],
		[String.prototype, ["isWellFormed", "toWellFormed"]],
		[URL, ["canParse", "parse"]],
		[Response.prototype, ["bytes"]],
		[Uint8Array.prototype, ["toHex", "toBase64"]],
		// Not `checkVisibility`, of 2024 in Safari: the tests themselves use it.
		[Element.prototype, ["moveBefore", "setHTML"]],
		[HTMLElement.prototype, ["showPopover", "hidePopover", "togglePopover"]],
		[HTMLDialogElement.prototype, ["requestClose"]],
		[(globalThis as { Iterator?: { prototype: object } }).Iterator?.prototype, ["map", "filter", "take", "toArray"]],
		[Intl, ["DurationFormat"]],
		[globalThis, ["scheduler", "Iterator"]],
	];
	for (const [holder, names] of lacks) {
		for (const name of names) {
			if (holder !== undefined) Reflect.deleteProperty(holder, name);
		}
	}
}

export async function asOf2023(page: Page): Promise<void> {
	await page.addInitScript(takeAway);
}
