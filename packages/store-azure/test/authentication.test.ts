import { createHmac } from "node:crypto";
import { inspect } from "node:util";
import { generateTableSas, TableClient } from "@azure/data-tables";
import { type ChatStore, isChatStoreError } from "@chatkeep/chat-store-core";
import { azuriteAccount, makeCertificates, startAzurite } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe, expect, it } from "vitest";
import { AzureChatStore } from "../src/index.js";
import { credential, newClient, newTableName } from "./support/tables.js";

const server = runningServer("azurite");
const { name, key } = azuriteAccount;
const inAnHour = () => new Date(Date.now() + 3_600_000);

async function works(store: ChatStore): Promise<void> {
  await store.addMessage("k", { content: "Hello" });
  await store.addMessages("k", [{ content: "a" }, { content: "b" }]);
  expect(await store.countMessages("k")).toBe(3);
  expect(await store.getKeys()).toEqual(["k"]);
  await store.deleteMessages("k");
  await store.close();
}

async function failure(store: ChatStore): Promise<Error & { code?: string }> {
  const error = await store.addMessage("k", { content: "content of a message" }).catch((reason: unknown) => reason);
  await store.close();
  expect(isChatStoreError(error)).toBe(true);
  return error as Error;
}

describe.runIf(server)("ways to authenticate over http", () => {
  const chatTableName = newTableName();

  it("an account's name and key", async () => {
    await works(AzureChatStore.fromAccountAndKey(name, key, { endpoint: server!.url, chatTableName }));
  });

  it("a connection string", async () => {
    const connection = `DefaultEndpointsProtocol=http;AccountName=${name};AccountKey=${key};TableEndpoint=${server!.url};`;
    const store = AzureChatStore.fromConnectionString(connection, { chatTableName });
    expect(inspect(store, { depth: 10, showHidden: true })).not.toContain(key.slice(0, 20));
    expect(JSON.stringify(store)).toBe('{"chatStore":"azure"}');
    await works(store);
  });

  it("a SAS of the account", async () => {
    await works(AzureChatStore.fromSasToken(server!.url, accountSas("rwdlau"), { chatTableName }));
  });

  it("one that may not make tables does where they are, and names setup() where they aren't", async () => {
    await works(AzureChatStore.fromSasToken(server!.url, accountSas("rdau"), { chatTableName }));
    const missing = { chatTableName: newTableName() };
    const error = await failure(AzureChatStore.fromSasToken(server!.url, accountSas("rdau", "o"), missing));
    expect(error).toMatchObject({ code: "MISCONFIGURED", outcome: "not-applied" });
    expect(error.message).toContain("setup()");
  });

  it("a SAS for one table reads", async () => {
    // Azurite knows no transactions with it.
    const sas = generateTableSas(chatTableName, credential, { permissions: { query: true }, expiresOn: inAnHour() });
    await AzureChatStore.fromAccountAndKey(name, key, { endpoint: server!.url, chatTableName }).addMessage("sas", {
      content: "a",
    });
    const store = AzureChatStore.fromSasToken(server!.url, sas, { chatTableName });
    expect(await store.getMessages("sas")).toEqual([{ role: "user", content: "a" }]);
    expect(await store.getKeys()).toEqual(["sas"]);
    await store.close();
  });

  it("a SAS that may only read is MISCONFIGURED when it should write, and a wrong key at once", async () => {
    const sas = generateTableSas(chatTableName, credential, { permissions: { query: true }, expiresOn: inAnHour() });
    const readOnly = await failure(AzureChatStore.fromSasToken(server!.url, sas, { chatTableName }));
    expect(readOnly).toMatchObject({ code: "MISCONFIGURED", outcome: "not-applied" });
    const wrong = Buffer.from("a wrong key").toString("base64");
    const denied = await failure(
      AzureChatStore.fromAccountAndKey(name, wrong, { endpoint: server!.url, chatTableName }),
    );
    expect(denied).toMatchObject({ code: "MISCONFIGURED", outcome: "not-applied" });
    for (const { message, stack } of [readOnly, denied]) {
      for (const secret of [wrong, "sig=", "content of a message"]) expect(`${message} ${stack}`).not.toContain(secret);
    }
    await newClient(server!.url, chatTableName).deleteTable();
  });
});

describe.runIf(server?.own)("over https", () => {
  it("a TokenCredential, and one that fails", async () => {
    const tls = await makeCertificates();
    const own = await startAzurite({ tls });
    const scopes: unknown[] = [];
    const token = {
      async getToken(scope: string | string[]) {
        scopes.push(scope);
        return { token: unsignedToken(), expiresOnTimestamp: inAnHour().getTime() };
      },
    };
    const clientOptions = { tlsOptions: { ca: tls.ca } };
    try {
      await works(AzureChatStore.fromAadToken(own.url, token, { clientOptions }));
      await works(AzureChatStore.fromAccountAndId(name, token, { endpoint: own.url, clientOptions }));
      expect(scopes.flat()).toContain("https://storage.azure.com/.default");
      const client = new TableClient(own.url, "Injected", token, clientOptions);
      await works(new AzureChatStore({ client }));

      class CredentialUnavailableError extends Error {
        override readonly name = "CredentialUnavailableError";
      }
      const none = { getToken: () => Promise.reject(new CredentialUnavailableError("secret details")) };
      const error = await failure(AzureChatStore.fromAadToken(own.url, none, { clientOptions }));
      expect(error).toMatchObject({ code: "MISCONFIGURED", outcome: "not-applied" });
      expect(error.message).not.toContain("secret details");
      // An authority that nobody knows: nothing is sent.
      const unknown = await failure(AzureChatStore.fromAadToken(own.url, token, { maxRetries: 0 }));
      expect(unknown).toMatchObject({ code: "UNAVAILABLE" });
    } finally {
      await own.stop();
    }
  });
});

/** "Create an account SAS". The SDK's own is refused by Azurite. */
function accountSas(sp: string, srt = "sco"): string {
  const [ss, se, spr, sv] = ["t", `${inAnHour().toISOString().slice(0, 19)}Z`, "https,http", "2019-02-02"];
  const text = [name, sp, ss, srt, "", se, "", spr, sv, ""].join("\n");
  const sig = createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
  return new URLSearchParams({ sv, ss, srt, sp, se, spr, sig }).toString();
}

/** What Azurite looks at: the times, the audience and the issuer. */
function unsignedToken(): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { aud: "https://storage.azure.com", iss: "https://sts.windows.net/tests/", nbf: now - 60, iat: now };
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${encode({ alg: "none", typ: "JWT" })}.${encode({ ...claims, exp: now + 3_600 })}.AAAA`;
}
