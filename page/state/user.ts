// One user: totals of all time, and the erasure of all that is stored about them. Chart and timeline are those of the page.

import { signal } from "@preact/signals";
import type { Api, User } from "../api/client.ts";
import { Cell } from "./cell.ts";
import type { Part, Poll } from "./part.ts";
import { route } from "./route.ts";
import { Task } from "./task.ts";

export class UserTotals implements Part {
	readonly totals = new Cell<User>(() => route.value.user);

	async refresh({ api, app, route: { user }, news, isFull, signal }: Poll): Promise<void> {
		if (user === null) return;
		const isNew =
			news.isGap ||
			news.gone.length > 0 ||
			news.added.some((event) => event.from_account === user || event.to_accounts.includes(user));
		if (this.totals.data !== null && !isFull && !isNew) return;
		await this.totals.read(() => api.user(app, user, signal), signal);
	}
}

/** The erasure of a user, in steps, until nothing is left. What was erased stays erased where it is stopped. */
export class Erasure extends Task {
	/** How many records were erased. */
	readonly total = signal(0);
	/** Whether there may be more. */
	readonly hasMore = signal(true);

	start(api: Api, app: number, user: string): Promise<boolean> {
		this.total.value = 0;
		return this.run(async () => {
			const { deleted, more } = await api.eraseUser(app, user);
			this.total.value += deleted;
			this.hasMore.value = more;
			return more;
		});
	}
}
