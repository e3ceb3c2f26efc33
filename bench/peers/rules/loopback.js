// Whether nobody else could read a call on its way: https, or from this machine.

const LOOPBACK = /^(localhost|\[::1\]|127\.[0-9.]*)$/;

/** @param {URL} url */
export function isConfidential(url) {
	return url.protocol === "https:" || LOOPBACK.test(url.hostname);
}
