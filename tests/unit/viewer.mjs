// Has the page write in British English and in London's time, whatever this machine is set to. To be imported before the page's
// modules, which make their formats as they are loaded.

const LANGUAGE = "en-GB";

process.env.TZ = "Europe/London";
Intl.DateTimeFormat = inOurLanguage(Intl.DateTimeFormat);
Intl.NumberFormat = inOurLanguage(Intl.NumberFormat);

/**
 * A constructor of formats, for which no language means ours.
 * @template {typeof Intl.DateTimeFormat | typeof Intl.NumberFormat} Format
 * @param {Format} format
 * @returns {Format}
 */
function inOurLanguage(format) {
	return new Proxy(format, {
		construct: (target, [language = LANGUAGE, ...rest]) => Reflect.construct(target, [language, ...rest]),
		apply: (target, self, [language = LANGUAGE, ...rest]) => Reflect.apply(target, self, [language, ...rest]),
	});
}
