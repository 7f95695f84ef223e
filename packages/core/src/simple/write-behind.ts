import { type ChatStoreError, chatStoreError, isChatStoreError } from "../errors.js";
import { fileError, fileVersion, resolveFile, writeDurably } from "./file.js";
import { lockFile } from "./lock.js";
import type { ChangeObserver } from "./memory-driver.js";

/** Keeps a file like what a store holds: written after every change, many changes at once when they come fast. */
export class WriteBehind implements ChangeObserver {
  readonly #file: string;
  #unlock: (() => Promise<void>) | undefined;
  /** The file as this process last saw or wrote it. */
  #version: string | undefined;
  #text: () => string = () => "";
  /** How many changes there were, and how many of them are in the file. */
  #changes = 0;
  #written = 0;
  #writing: Promise<void> | undefined;
  #failure: ChatStoreError | undefined;

  private constructor(file: string, unlock: () => Promise<void>) {
    this.#file = file;
    this.#unlock = unlock;
  }

  /** Locks the file and reads it with `load`, which answers what is to be written from then on. */
  static async start(path: string, load: (file: string) => Promise<() => string>): Promise<WriteBehind> {
    const file = await resolveFile(path);
    const unlock = await lockFile(file);
    try {
      const writer = new WriteBehind(file, unlock);
      writer.#version = await fileVersion(file);
      writer.#text = await load(file);
      return writer;
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /** Nothing more is taken on while what was taken on before can't be written. */
  async beforeChange(): Promise<void> {
    if (this.#failure !== undefined) await this.flush();
  }

  changed(): void {
    this.#changes++;
    this.#writing ??= this.#write();
  }

  /** As {@link flush}, but writes the file even if nothing has changed. */
  async save(): Promise<void> {
    this.changed();
    await this.flush();
  }

  async isFile(path: string): Promise<boolean> {
    return (await resolveFile(path)) === this.#file;
  }

  async flush(): Promise<void> {
    // What changes from now on is not waited for, or this would not settle while others go on writing.
    const due = this.#changes;
    while (this.#written < due) {
      this.#writing ??= this.#write();
      await this.#writing;
      if (this.#failure !== undefined) {
        throw chatStoreError(this.#failure.code, `What changed last is in memory only. ${this.#failure.message}`, {
          outcome: "not-applied",
        });
      }
    }
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } catch (error) {
      // A full disk may be cleared before the next try. A file that is somebody else's is given up.
      if (isChatStoreError(error, "CONFLICT")) await this.#release();
      throw error;
    }
    await this.#release();
  }

  /** Once only: a second time the lock may be somebody else's. */
  async #release(): Promise<void> {
    const unlock = this.#unlock;
    this.#unlock = undefined;
    await unlock?.();
  }

  /** Writes what there is. Never rejects, since nobody may be waiting. */
  async #write(): Promise<void> {
    try {
      if ((await fileVersion(this.#file)) !== this.#version) {
        const problem = `${this.#file} was changed by somebody else and is left as it is. Save this store elsewhere with persist(path).`;
        throw chatStoreError("CONFLICT", problem);
      }
      let taken = 0;
      const text = () => {
        taken = this.#changes;
        return this.#text();
      };
      await writeDurably(this.#file, text, (version) => {
        this.#version = version;
      });
      this.#written = taken;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = isChatStoreError(error) ? error : fileError("write", this.#file, error);
    }
    this.#writing = undefined;
    if (this.#failure === undefined && this.#written < this.#changes) this.#writing = this.#write();
  }
}
