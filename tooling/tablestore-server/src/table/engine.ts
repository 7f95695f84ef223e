import type { Readings } from "../doubtful.js";
import { ServiceError, tableMissing, tableNotReady } from "../errors.js";
import type { Entry } from "../journal.js";
import type { Limits } from "../limits.js";
import { AUTO_INCREMENT, type Operations, PrimaryKeyType, type StreamDetails, TableStatus } from "../wire/messages.js";
import { changedTable, newTable, type TableSettings } from "./schema.js";
import { Table } from "./table.js";

export interface EngineOptions {
  readonly limits: Limits;
  readonly readings: Readings;
  /** Milliseconds, as is the next: the time of what is stored, and that of requests. */
  readonly now: () => number;
  readonly wallNow: () => number;
  /** How long a new table can't be read or written. */
  readonly tableReadyMs: number;
  readonly shuffle: <T>(list: readonly T[]) => T[];
  /** Called with every change, before it is answered. */
  readonly record: (entry: Entry) => void;
}

interface Kept {
  readonly table: Table;
  readonly readyAt: number;
}

/** The tables of one instance. */
export class Engine {
  private readonly tables = new Map<string, Kept>();
  private readonly tableOperations: number[] = [];

  constructor(private readonly options: EngineOptions) {}

  restore(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.kind === "table") this.keep(entry.settings, entry.readyAt);
      else if (entry.kind === "drop") this.tables.delete(entry.table);
      else this.tables.get(entry.table)?.table.restore(entry.key, entry.row);
    }
  }

  /** The table, for reading and writing rows. Throws OTSObjectNotExist and OTSTableNotReady. */
  table(name: string): Table {
    const { table, readyAt } = this.kept(name);
    if (this.options.wallNow() < readyAt) throw tableNotReady();
    return table;
  }

  create(request: Operations["CreateTable"]["request"]): void {
    this.countTableOperation();
    const { limits, now, wallNow, tableReadyMs } = this.options;
    const settings = newTable(request, now(), limits);
    if (this.tables.has(settings.name)) {
      throw new ServiceError("OTSObjectAlreadyExist", "Requested table already exists.");
    }
    if (this.tables.size >= limits.tables) {
      throw new ServiceError("OTSQuotaExhausted", "Number of tables exceeded the quota.");
    }
    this.change(settings, wallNow() + tableReadyMs);
  }

  list(): Operations["ListTable"]["response"] {
    this.countTableOperation();
    return { tableNames: this.options.shuffle([...this.tables.keys()]) };
  }

  describe(name: string): Operations["DescribeTable"]["response"] {
    this.countTableOperation();
    const { table, readyAt } = this.kept(name);
    const { settings } = table;
    return {
      tableMeta: {
        tableName: settings.name,
        primaryKey: settings.schema.map(({ name: column, type, autoIncrement }) => ({
          name: column,
          type: { integer: PrimaryKeyType.INTEGER, string: PrimaryKeyType.STRING, binary: PrimaryKeyType.BINARY }[type],
          ...(autoIncrement ? { option: AUTO_INCREMENT } : {}),
        })),
      },
      ...details(settings),
      tableStatus: this.options.wallNow() < readyAt ? TableStatus.LOADING : TableStatus.ACTIVE,
    };
  }

  update(request: Operations["UpdateTable"]["request"]): Operations["UpdateTable"]["response"] {
    this.countTableOperation();
    const { table, readyAt } = this.kept(request.tableName);
    const settings = changedTable(table.settings, request, this.options.now(), this.options.limits);
    this.change(settings, readyAt);
    return details(settings);
  }

  delete(name: string): void {
    this.countTableOperation();
    this.kept(name);
    this.tables.delete(name);
    this.options.record({ kind: "drop", table: name });
  }

  private change(settings: TableSettings, readyAt: number): void {
    this.keep(settings, readyAt);
    this.options.record({ kind: "table", settings, readyAt });
  }

  private keep(settings: TableSettings, readyAt: number): void {
    const known = this.tables.get(settings.name);
    if (known !== undefined) known.table.settings = settings;
    const { limits, readings, now, record } = this.options;
    const written = (table: string, key: string, row: Parameters<Table["restore"]>[1]) =>
      record({ kind: "row", table, key, row });
    const table = known?.table ?? new Table(settings, { limits, readings, now, written });
    this.tables.set(settings.name, { table, readyAt });
  }

  private kept(name: string): Kept {
    const kept = this.tables.get(name);
    if (kept === undefined) throw tableMissing();
    return kept;
  }

  private countTableOperation(): void {
    const now = this.options.wallNow();
    while (this.tableOperations[0] !== undefined && this.tableOperations[0] <= now - 1000) this.tableOperations.shift();
    if (this.tableOperations.length >= this.options.limits.tableOperationsPerSecond) {
      throw new ServiceError("OTSQuotaExhausted", "Too frequent table operations.");
    }
    this.tableOperations.push(now);
  }
}

const seconds = (milliseconds: number) => String(Math.floor(milliseconds / 1000));

function details(settings: TableSettings): Operations["UpdateTable"]["response"] {
  const { capacity, capacityIncreasedAt, capacityDecreasedAt, stream } = settings;
  return {
    reservedThroughputDetails: {
      capacityUnit: capacity,
      lastIncreaseTime: seconds(capacityIncreasedAt),
      ...(capacityDecreasedAt === undefined ? {} : { lastDecreaseTime: seconds(capacityDecreasedAt) }),
    },
    tableOptions: {
      timeToLive: settings.timeToLiveSeconds,
      maxVersions: settings.maxVersions,
      deviationCellVersionInSec: String(settings.deviationSeconds),
      allowUpdate: settings.allowUpdate,
    },
    ...(stream === undefined ? {} : { streamDetails: streamDetails(settings, stream) }),
  };
}

function streamDetails(
  { name, createdAt }: TableSettings,
  stream: NonNullable<TableSettings["stream"]>,
): StreamDetails {
  if (!stream.enableStream) return { enableStream: false };
  return {
    ...stream,
    streamId: `${name}_${createdAt}`,
    lastEnableTime: String(createdAt * 1000),
  };
}
