// The colours that a user sees, in pixels: of what they were drawn with is no matter.

import type { Locator } from "@playwright/test";

/** A colour as 0xrrggbb. */
export type Colour = number;

/** How many pixels of each colour an element shows, the most frequent first. */
export async function coloursOf(element: Locator): Promise<Map<Colour, number>> {
	const png = (await element.screenshot()).toString("base64");
	const counted = await element.page().evaluate(async (base64) => {
		const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
		const bitmap = await createImageBitmap(new Blob([bytes]));
		const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
		if (context === null) throw new Error("There is no canvas.");
		context.drawImage(bitmap, 0, 0);
		const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
		const counts = new Map<number, number>();
		for (let at = 0; at < data.length; at += 4) {
			const colour = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
			counts.set(colour, (counts.get(colour) ?? 0) + 1);
		}
		return [...counts];
	}, png);
	return new Map(counted.sort(([, one], [, other]) => other - one));
}

/** The colour of most pixels: the background. */
export async function mainColour(element: Locator): Promise<Colour> {
	const [[colour]] = await coloursOf(element);
	return colour;
}

/** Red, green and blue, from 0 to 255. */
export const partsOf = (colour: Colour): number[] => [colour >> 16, (colour >> 8) & 255, colour & 255];

/** The colour of most pixels that are not about grey: of a sign beside a text. */
export async function signColour(element: Locator): Promise<Colour> {
	for (const colour of (await coloursOf(element)).keys()) {
		const parts = partsOf(colour);
		if (Math.max(...parts) - Math.min(...parts) > 80) return colour;
	}
	throw new Error("All is grey.");
}
