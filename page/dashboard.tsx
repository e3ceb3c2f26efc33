// The operator's page: begins, and listens to what concerns the whole document.

import { render } from "preact";
import { App } from "./components/App.tsx";
import { copyExactly } from "./components/UserId.tsx";
import { startPolling } from "./state/board.ts";
import { startClock } from "./state/clock.ts";
import { startLanguage } from "./state/language.ts";
import { followLinks, startScrolling } from "./state/route.ts";
import { begin } from "./state/session.ts";

startLanguage();
render(<App />, document.body);
followLinks();
startScrolling();
copyExactly();
startClock();
startPolling();
void begin();
