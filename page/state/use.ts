// That the operator uses the page: a key, the pointer, or a return to its tab.

const USES = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "focus"];

/** Has `used` called at each use. */
export function onUse(used: () => void): void {
	for (const type of USES) addEventListener(type, used, { capture: true, passive: true });
}
