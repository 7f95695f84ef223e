// What goes wrong in a reply that came.

/** What the database answered instead of a result, in its own words. */
export class ServerError extends Error {}

/** A reply that no script of ours gives. */
export class UnreadableReply extends Error {}
