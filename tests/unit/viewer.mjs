// Has the page write in British English and in London's time, whatever this machine is set to. To be imported before what asks
// for formats: they are made once for each language.

import { number } from "../../page/lib/format.ts";
import { shown } from "../../page/text/language.ts";

process.env.TZ = "Europe/London";
shown.value = { language: "en", locale: "en-GB" };
// Made here, they stay London's.
number(0);
