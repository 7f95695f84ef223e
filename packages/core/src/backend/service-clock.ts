/**
 * A service's time, from the `Date` of its replies, so that clients with wrong clocks agree when a conversation expires.
 * Where the local clock can be right, as far as replies tell, it is believed: replies have whole seconds only.
 */
export class ServiceClock {
  /** Between these lies the number of milliseconds by which the service is ahead. */
  #least = Number.NEGATIVE_INFINITY;
  #most = Number.POSITIVE_INFINITY;

  /** The time of the service, in milliseconds. */
  now(): number {
    return Date.now() + Math.min(Math.max(0, this.#least), this.#most);
  }

  /** Takes note of the date of a reply to a request that was sent at `sent`. What is no date is passed over. */
  note(date: string | undefined, sent: number, received = Date.now()): void {
    const second = Date.parse(date ?? "");
    if (Number.isNaN(second)) return;
    const least = second - received;
    const most = second + 999 - sent;
    if (least > this.#most || most < this.#least) {
      // One of the clocks was set: what was known is of no use.
      this.#least = least;
      this.#most = most;
    } else {
      this.#least = Math.max(this.#least, least);
      this.#most = Math.min(this.#most, most);
    }
  }
}
