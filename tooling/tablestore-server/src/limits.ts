/**
 * The service's limits, each with its documented value.
 * Source: "Limits on Wide Column model", "General limits" and the pages of the operations in Tablestore's documentation.
 */
export interface Limits {
  readonly tables: number;
  /** CreateTable, UpdateTable, DeleteTable, DescribeTable and ListTable together, per second. */
  readonly tableOperationsPerSecond: number;
  /** Between two changes of one table's reserved throughput. */
  readonly throughputUpdateSeconds: number;
  readonly requestBodyBytes: number;
  /** Of tables and columns. */
  readonly nameBytes: number;
  readonly primaryKeyColumns: number;
  readonly primaryKeyValueBytes: number;
  readonly attributeValueBytes: number;
  /** In one PutRow, UpdateRow or row of a BatchWriteRow. */
  readonly columnsPerWrite: number;
  /** In one PutRow, UpdateRow or BatchWriteRow. */
  readonly writeBytes: number;
  readonly rowsPerBatchWrite: number;
  readonly rowsPerBatchGet: number;
  readonly rowsPerRange: number;
  /** Of what a GetRange reads, whether it returns it or not. */
  readonly bytesPerRange: number;
  readonly columnsToGet: number;
  readonly conditionsPerRequest: number;
  readonly minTimeToLiveSeconds: number;
  /** Between the time of a request and the server's. */
  readonly clockSkewSeconds: number;
}

export const DOCUMENTED_LIMITS: Limits = {
  tables: 64,
  tableOperationsPerSecond: 10,
  throughputUpdateSeconds: 120,
  requestBodyBytes: 5 * 1024 * 1024,
  nameBytes: 255,
  primaryKeyColumns: 4,
  primaryKeyValueBytes: 1024,
  attributeValueBytes: 2 * 1024 * 1024,
  columnsPerWrite: 1024,
  writeBytes: 4 * 1024 * 1024,
  rowsPerBatchWrite: 200,
  rowsPerBatchGet: 100,
  rowsPerRange: 5000,
  bytesPerRange: 4 * 1024 * 1024,
  columnsToGet: 128,
  conditionsPerRequest: 10,
  minTimeToLiveSeconds: 86_400,
  clockSkewSeconds: 15 * 60,
};
