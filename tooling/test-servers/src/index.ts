export {
  provisionedThroughputExceeded,
  serverBusy,
  tooManyRequests,
  transactionCanceled,
  transactionConflict,
} from "./answers.js";
export { type Certificates, makeCertificates } from "./certificates.js";
export { hasApt, libraryPath, unpackDebian } from "./debian.js";
export { type CommonFault, type Decide, type FaultControl, type Hooks, type Ordered, through } from "./faults.js";
export { CACHE, fetchOnce } from "./fetch-once.js";
export {
  type HttpAnswer,
  type HttpCounts,
  type HttpFault,
  type HttpProxy,
  type HttpProxyOptions,
  type HttpRecord,
  type HttpReply,
  type HttpRequest,
  httpProxy,
} from "./http-proxy.js";
export { type KillPlan, type KillPoint, killBetweenRequests } from "./kill-between-requests.js";
export { freePorts, LOOPBACK } from "./ports.js";
export { type Exit, type OwnProcess, type ProcessSpec, startProcess } from "./process.js";
export { type Duration, seededRandom } from "./random.js";
export {
  type FaultRates,
  type RandomFaultKind,
  type RandomFaultSettings,
  type RandomFaults,
  randomFaults,
} from "./random-faults.js";
export { findProgram, run } from "./run.js";
export { type OwnServer, type ServerInfo, type ServerPlace, type ServerSpec, startServer } from "./server.js";
export { type Finding, type ServerKind, ServerMissing } from "./server-kind.js";
export { type AzuriteOptions, azuriteAccount, startAzurite } from "./servers/azurite.js";
export { startChromium } from "./servers/chromium.js";
export { type DynamoDBOptions, type JavaProgram, javaProgram, startDynamoDB } from "./servers/dynamodb.js";
export { type PgBouncerOptions, startPgBouncer } from "./servers/pgbouncer.js";
export {
  type PostgresOptions,
  type PostgresServer,
  type PostgresVersion,
  postgresProgram,
  postgresUser,
  startPostgres,
} from "./servers/postgres.js";
export { type RedisOptions, type RedisProgram, type RedisServer, redisProgram, startRedis } from "./servers/redis.js";
export { redisCall } from "./servers/redis-call.js";
export { type RedisCluster, type RedisClusterOptions, startRedisCluster } from "./servers/redis-cluster.js";
export { type RedisSentinelOptions, type RedisSentinels, startRedisSentinels } from "./servers/redis-sentinel.js";
export { startTablestore, type TablestoreOptions, type TablestoreProcess } from "./servers/tablestore.js";
export { startUpstash, type UpstashOptions, type UpstashServer } from "./servers/upstash.js";
export { startWorkerd, type WorkerdOptions, workerdVersion } from "./servers/workerd.js";
export { type ServerName, serverKinds } from "./servers.js";
export { type Client, type ClientOptions, spawnClient } from "./spawn-client.js";
export {
  type TcpCounts,
  type TcpFault,
  type TcpProxy,
  type TcpProxyOptions,
  type TcpRequest,
  tcpProxy,
} from "./tcp-proxy.js";
