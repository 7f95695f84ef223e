import { isDeepStrictEqual } from "node:util";
import type {
  DocumentPort,
  DocumentResult,
  DocumentWrite,
  Expected,
  ListedDocument,
} from "@chatkeep/chat-store-core/backend";
import { changed, type Document, type DocumentService } from "./document-service.js";
import { BrokenRule } from "./service.js";
import type { RequestKind, Send } from "./world.js";

/** What services and their clients differ in. */
export interface DocumentStyle {
  /** What changes is sent, and not all of the document; then messages can be appended without knowing the others. */
  sendsChanges: boolean;
  /** A refusal tells what is there instead. */
  tellsCurrent: boolean;
  /** Whether a client counts how often its request was sent, knows that it is once, or knows nothing. */
  sentOnce: "counted" | "known" | "unknown";
  expiryUnitMs: number;
}

const listedAtOnce = 1;

/** A client's way to a service that keeps documents: as those of DynamoDB and Tablestore in the layout "llamaindex". */
export class DocumentServicePort implements DocumentPort<string, Document> {
  readonly maxPayloadBytes = 1_000;
  readonly appendsUnseen: boolean;
  readonly expiryUnitMs: number;
  readonly toItem = (payload: string) => payload;
  readonly toPayload = (item: string) => item;
  readonly now: () => number;
  readonly #send: Send<DocumentService>;
  readonly #noteSent: (marker: string) => void;
  readonly #style: DocumentStyle;

  constructor(send: Send<DocumentService>, service: DocumentService, now: () => number, style: DocumentStyle) {
    this.#send = send;
    this.now = now;
    this.#noteSent = (marker) => service.noteSent(marker);
    this.#style = style;
    this.appendsUnseen = style.sendsChanges;
    this.expiryUnitMs = style.expiryUnitMs;
  }

  read(key: string): Promise<Document | undefined> {
    return this.#send("read", ({ documents }) => documents.get(key));
  }

  write(
    key: string,
    { change, items, marker, expiresAt }: DocumentWrite<string>,
    expected: Expected<Document>,
  ): Promise<DocumentResult<Document>> {
    this.#noteSent(marker);
    return this.#onCondition(key, expected, (service) => {
      const old = service.documents.get(key)?.items ?? [];
      const isPart = this.#style.sendsChanges && change.kind !== "set";
      const next = isPart ? changed(old, change) : items;
      if (next === undefined) throw new BrokenRule("a document without its items");
      service.put(key, { items: next, marker, expiresAt }, change.kind !== "set");
    });
  }

  delete(key: string, expected: Expected<Document>): Promise<DocumentResult<Document>> {
    return this.#onCondition(key, expected, (service) => service.delete(key));
  }

  deleteExpired(key: string, expiresAt: number): Promise<boolean> {
    return this.#send("write", (service) => service.deleteExpired(key, expiresAt));
  }

  list(
    prefix: string,
    _limit: number,
    cursor: string | undefined,
  ): Promise<{ documents: ListedDocument[]; cursor?: string | undefined }> {
    return this.#send("read", ({ documents }) => {
      const keys = [...documents.keys()].filter((key) => key.startsWith(prefix)).sort();
      const rest = keys.filter((key) => cursor === undefined || key > cursor);
      const page = rest.slice(0, listedAtOnce);
      const listed = page.map((key) => {
        const { items, expiresAt } = documents.get(key) ?? { items: [], expiresAt: undefined };
        return { key, empty: items.length === 0, expiresAt };
      });
      return { documents: listed, cursor: rest.length > page.length ? page.at(-1) : undefined };
    });
  }

  #onCondition(
    key: string,
    expected: Expected<Document>,
    apply: (service: DocumentService) => void,
  ): Promise<DocumentResult<Document>> {
    const kind: RequestKind = expected === "nothing" ? "creation" : "write";
    const { tellsCurrent, sentOnce } = this.#style;
    let times = 0;
    return this.#send(kind, (service): DocumentResult<Document> => {
      times++;
      const document = service.documents.get(key);
      if (isExpected(document, expected)) {
        apply(service);
        return { applied: true };
      }
      const once = sentOnce === "counted" ? times === 1 : sentOnce === "known";
      return { applied: false, sentOnce: once, ...(tellsCurrent ? { current: { document } } : {}) };
    });
  }
}

function isExpected(document: Document | undefined, expected: Expected<Document>): boolean {
  if (expected === "nothing") return document === undefined;
  if (document === undefined) return false;
  if ("marker" in expected) return document.marker === expected.marker;
  return isDeepStrictEqual(document, expected.document);
}
