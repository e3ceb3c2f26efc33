// What the clients in TypeScript have in common.

/** The Worker, its app, and a user whose name has what a query must encode. */
export const { WORKER = "", ADMIN_TOKEN = "", APP = "", USER_ID = "" } = process.env;

export function expect(holds: boolean, what: string): asserts holds {
	if (!holds) throw new Error(`not so: ${what}`);
}

/** Says which operation was called, for the test that started this. */
export function say(request: Request, response: Response) {
	console.log(`${request.method} ${new URL(request.url).pathname} ${response.status}`);
}

/** Asks again until what it says is true, for at most ten seconds. */
export async function until(holds: () => Promise<boolean>, what: string) {
	const end = Date.now() + 10_000;
	while (!(await holds())) {
		expect(Date.now() < end, what);
		await new Promise((wake) => setTimeout(wake, 100));
	}
}
