// The kinds of events in words.

import type { Kind } from "../api/client.ts";

export const KIND_NAMES: Record<Kind, string> = { unfollow: "Unfollow", follow: "Follow" };
export const KIND_PLURALS: Record<Kind, string> = { unfollow: "Unfollows", follow: "Follows" };
/** What the actor did to the targets. */
export const VERBS: Record<Kind, string> = { unfollow: "unfollowed", follow: "followed" };
