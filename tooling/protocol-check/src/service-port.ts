import type {
  CasResult,
  HeadPort,
  ListedHead,
  PortLimits,
  ReadContext,
  Row,
  RowAddress,
  RowRange,
  StoredHead,
} from "@chatkeep/chat-store-core/backend";
import { BrokenRule, type Service } from "./service.js";
import type { Send } from "./world.js";

export interface ServicePortOptions {
  limits: PortLimits;
  now: () => number;
  /** Whether the rows of one call are under way side by side, or one after another. */
  sideBySide?: boolean | undefined;
  /** Whether the newest rows can be had with the head. */
  newestWithHead?: boolean | undefined;
  /** Whether keys are found of which only rows are left. */
  findsLost?: boolean | undefined;
}

const listedAtOnce = 3;

/** A client's way to the service. Every row is a request of its own: no service does several in one step. */
export class ServicePort implements HeadPort {
  readonly limits: PortLimits;
  readonly readNewest: HeadPort["readNewest"];
  readonly listLost: HeadPort["listLost"];
  readonly #send: Send<Service>;
  readonly #options: ServicePortOptions;

  constructor(send: Send<Service>, options: ServicePortOptions) {
    this.limits = options.limits;
    this.#send = send;
    this.#options = options;
    if (options.findsLost === true) {
      const lost = ({ rows, heads }: Service) => [...rows.keys()].filter((key) => !heads.has(key));
      this.listLost = () => this.#send("read", (service) => ({ keys: lost(service) }));
    }
    if (options.newestWithHead === true) this.readNewest = (key, limit) => this.#readNewest(key, limit);
  }

  now(): number {
    return this.#options.now();
  }

  readHead(key: string): Promise<StoredHead | undefined> {
    return this.#send("read", (service) => service.heads.get(key));
  }

  casHead(key: string, head: StoredHead, expected: string | undefined, rows: readonly Row[]): Promise<CasResult> {
    let times = 0;
    return this.#send("write", (service): CasResult => {
      times++;
      if (rows.length > this.limits.rowsWithHead) throw new BrokenRule(`${rows.length} rows with a head.`);
      if (service.cas(key, head, expected, rows)) return { applied: true };
      return { applied: false, current: service.heads.get(key), sentOnce: times === 1 };
    });
  }

  deleteHead(key: string, expected: string): Promise<boolean> {
    return this.#send("write", (service) => service.deleteHead(key, expected));
  }

  putRows(key: string, rows: readonly Row[]): Promise<void> {
    return this.#each(rows, (row) => this.#send("write", (service) => service.put(key, row)));
  }

  async readRows(key: string, ranges: readonly RowRange[]): Promise<Row[]> {
    const read: Row[] = [];
    for (const { source, from, to } of ranges) {
      for (let index = from; index < to; index++) {
        const isIt = (row: Row) => row.source === source && row.index === index;
        read.push(...(await this.#send("read", (service) => service.rowsOf(key).filter(isIt))));
      }
    }
    return read;
  }

  listRows(
    key: string,
    source: string | undefined,
    cursor: string | undefined,
  ): Promise<{ addresses: RowAddress[]; cursor?: string | undefined }> {
    return this.#send("read", (service) => {
      const rest = service
        .rowsOf(key)
        .filter((row) => (source === undefined || row.source === source) && service.placeOf(row) > Number(cursor ?? 0))
        .sort((a, b) => service.placeOf(a) - service.placeOf(b));
      const page = rest.slice(0, listedAtOnce);
      const addresses = page.map(({ source: of, index, part }) => ({ source: of, index, part }));
      const last = page.at(-1);
      return rest.length > page.length && last !== undefined
        ? { addresses, cursor: String(service.placeOf(last)) }
        : { addresses };
    });
  }

  deleteRows(key: string, addresses: readonly RowAddress[]): Promise<void> {
    return this.#each(addresses, (address) => this.#send("write", (service) => service.delete(key, address)));
  }

  listHeads({ prefix, ended }: { prefix: string; ended: boolean }): Promise<{ heads: ListedHead[] }> {
    return this.#send("read", (service) => ({
      heads: [...service.heads]
        .filter(([key, { count }]) => key.startsWith(prefix) && (ended || count > 0))
        .map(([key, head]) => ({ key, head })),
    }));
  }

  async close(): Promise<void> {}

  /** One request, but as services do it: what is read later may be newer. */
  async #readNewest(key: string, limit: number): Promise<{ head: StoredHead | undefined; rows: Row[] }> {
    const head = await this.readHead(key);
    if (head === undefined) return { head, rows: [] };
    const order = ({ source, index, part }: Row) => `${source} ${String(index).padStart(15, "0")} ${part}`;
    const rows = await this.#send("read", (service) =>
      service
        .rowsOf(key)
        .sort((a, b) => (order(a) < order(b) ? 1 : -1))
        .slice(0, limit),
    );
    return { head, rows };
  }

  async #each<T>(all: readonly T[], request: (one: T) => Promise<void>): Promise<void> {
    if (this.#options.sideBySide === true) await Promise.all(all.map(request));
    else for (const one of all) await request(one);
  }
}

/** A context as the facade gives it to a call that nobody gives up. */
export const patient: ReadContext = {
  signal: { aborted: false, addEventListener: () => {}, removeEventListener: () => {} },
};
