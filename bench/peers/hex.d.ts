// What workerd and V8 have, and the libraries of TypeScript 5 do not yet.

interface Uint8Array {
	toHex(): string;
}

interface Uint8ArrayConstructor {
	fromHex(text: string): Uint8Array<ArrayBuffer>;
}
