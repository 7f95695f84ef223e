import { AzureNamedKeyCredential, AzureSASCredential, generateTableSas, TableClient } from "@azure/data-tables";
import { afterEach, describe, expect, it } from "vitest";
import { azuriteAccount, makeCertificates, type OwnServer, startAzurite } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";

const shared = runningServer("azurite");
const servers: OwnServer[] = [];
const options = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } };
const credential = new AzureNamedKeyCredential(azuriteAccount.name, azuriteAccount.key);
const entity = { partitionKey: "p", rowKey: "r", text: "é" };

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe.runIf(shared)("Azurite", () => {
  it("takes the account's key, and a SAS made with it for one table", async () => {
    const client = new TableClient(shared!.url, "servers", credential, options);
    await client.createTable();
    await client.createEntity(entity);
    const sas = generateTableSas("servers", credential, { permissions: { query: true }, expiresOn: inAnHour() });
    const reader = new TableClient(shared!.url, "servers", new AzureSASCredential(sas), options);
    expect(await reader.getEntity("p", "r")).toMatchObject(entity);
    await expect(reader.createEntity({ ...entity, rowKey: "s" })).rejects.toMatchObject({ statusCode: 403 });
    await client.deleteTable();
  });
});

describe.runIf(shared?.own)("an Azurite of one's own", () => {
  it("takes tokens over TLS, and forgets everything when it is killed", async () => {
    const tls = await makeCertificates();
    const server = await startAzurite({ tls });
    servers.push(server);
    const tokens = { getToken: async () => ({ token: unsignedToken(), expiresOnTimestamp: inAnHour().getTime() }) };
    const client = new TableClient(server.url, "servers", tokens, { ...options, tlsOptions: { ca: tls.ca } });
    await client.createTable();
    await client.createEntity(entity);
    await server.kill();
    await server.restart();
    await expect(client.getEntity("p", "r")).rejects.toMatchObject({ statusCode: 404 });
  });
});

function inAnHour(): Date {
  return new Date(Date.now() + 3_600_000);
}

/** What Azurite looks at: the times, the audience and the issuer. */
function unsignedToken(): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { aud: "https://storage.azure.com", iss: "https://sts.windows.net/tests/", nbf: now - 60, iat: now };
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${encode({ alg: "none", typ: "JWT" })}.${encode({ ...claims, exp: now + 3_600 })}.AAAA`;
}
