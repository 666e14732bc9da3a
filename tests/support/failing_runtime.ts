/**
 * A runtime whose calls can be made to fail: every call of the file and the SQLite adapter is counted, and a plan says
 * which of them fails and how. Beneath it are the real adapter and real files.
 *
 * @module
 */

import type {
  FileAtOnce,
  FileMode,
  OpenFile,
  Runtime,
  SqliteDatabase,
  SqliteStatement,
  SqliteValue,
} from "@audit-log/llm";

/** One call of an adapter. */
export interface Call {
  /** `file.append`, `sqlite.run`, ... */
  readonly what: string;
  /** The file, and for SQLite the statement. */
  readonly about: string;
}

/** How a call fails. */
export interface Fault {
  /** What is done all the same; half is for writes to files. */
  readonly done: "nothing" | "half" | "all";
  /** What is thrown then. Without it, a write that was done by half tells so. */
  readonly error?: () => Error;
}

/** Says how a call is to fail, if it is. */
export type Plan = (call: Call) => Fault | undefined;

/** Something open beneath, which is closed at the end whatever was reported. */
interface Handle {
  readonly name: string;
  readonly close: () => unknown;
  asked: boolean;
}

/** A file whose syncs are held back. */
interface Held {
  readonly path: string;
  readonly free: () => void;
  readonly freed: Promise<void>;
  /** Whether one was. */
  isAt: boolean;
}

/** The runtime given, with faults. */
export class FailingRuntime {
  /** To be given to `AuditLog.open()`. */
  readonly runtime: Runtime;
  /** How calls are to fail from now on. */
  plan: Plan;
  /** What is being done with the log, for plans. */
  stage = "";
  /** The calls that failed. */
  readonly failed: Call[] = [];
  /** How many syncs were held back until something was written again. */
  overlaps = 0;
  #held: Held | undefined;
  readonly #syncsHere: boolean | undefined;
  readonly #open = new Set<Handle>();

  /** @param syncsHere Whether the calling thread waits for the disk always, or never; as the log asks for it, when it is missing. */
  constructor(real: Runtime, plan: Plan = () => undefined, syncsHere?: boolean) {
    this.plan = plan;
    this.#syncsHere = syncsHere;
    const { file, sqlite } = real;
    this.runtime = {
      ...real,
      file: {
        absolute: (path) => file.absolute(path),
        stat: (path) => this.#later("file.stat", path, () => file.stat(path)),
        ...(file.statAtOnce && {
          statAtOnce: (path) => this.#now("file.stat", path, () => file.statAtOnce!(path)),
        }),
        ...(file.place && {
          place: (path) => this.#later("file.place", path, () => file.place!(path)),
        }),
        ...(file.folder && {
          folder: (path) => this.#now("file.folder", path, () => file.folder!(path)),
        }),
        open: (path, mode) => this.#openFile(path, mode, () => file.open(path, mode)),
        create: (path, beside) => this.#later("file.create", path, () => file.create(path, beside)),
        remove: (path) => this.#later("file.remove", path, () => file.remove(path)),
      },
      sqlite: {
        name: sqlite.name,
        open: (path, options) => this.#openDatabase(path, () => sqlite.open(path, options)),
      },
    };
  }

  /** Has the next syncs of a file end when something is written to it meanwhile, or a call fails. */
  holdSync(path: string): void {
    const { promise: freed, resolve: free } = Promise.withResolvers<void>();
    this.#held = { path, free, freed, isAt: false };
  }

  /** Holds no sync back any more. */
  release(): void {
    this.#held?.free();
    this.#held = undefined;
  }

  async #sync(path: string, file: OpenFile): Promise<void> {
    const held = this.#held?.path === path ? this.#held : undefined;
    if (held !== undefined) held.isAt = true;
    if (this.#syncsHere === true) file.atOnce?.sync();
    else await file.sync();
    await held?.freed;
  }

  /** Closes what is still open, as the end of a process does. Names what nobody asked to be closed. */
  async end(): Promise<string[]> {
    const names: string[] = [];
    for (const { name, close, asked } of this.#open) {
      if (!asked) names.push(name);
      await close();
    }
    this.#open.clear();
    return names;
  }

  /** Looks up what is to become of a call. */
  #fault(what: string, about: string): Fault | undefined {
    const call = { what, about };
    const fault = this.plan(call);
    if (fault !== undefined) {
      this.failed.push(call);
      this.release();
    }
    return fault;
  }

  async #later<T>(what: string, about: string, action: () => Promise<T>): Promise<T> {
    const fault = this.#fault(what, about);
    if (fault === undefined) return await action();
    if (fault.done === "all") await action();
    throw fault.error!();
  }

  #now<T>(what: string, about: string, action: () => T): T {
    const fault = this.#fault(what, about);
    if (fault === undefined) return action();
    if (fault.done === "all") action();
    throw fault.error!();
  }

  async #openFile(path: string, mode: FileMode, open: () => Promise<OpenFile>): Promise<OpenFile> {
    const fault = this.#fault(`file.open ${mode}`, path);
    if (fault?.done === "nothing") throw fault.error!();
    const file = await open();
    if (fault !== undefined) {
      await file.close(); // nobody else can
      throw fault.error!();
    }
    const handle: Handle = { name: path, close: () => file.close(), asked: false };
    this.#open.add(handle);
    return {
      stat: () => this.#later("file.fstat", path, () => file.stat()),
      read: (buffer, position) => this.#later("file.read", path, () => file.read(buffer, position)),
      append: (bytes) => this.#append(path, file, bytes),
      sync: () => this.#later("file.sync", path, () => this.#sync(path, file)),
      close: () => {
        handle.asked = true;
        return this.#later("file.close", path, async () => {
          this.#open.delete(handle);
          await file.close();
        });
      },
      atOnce: this.#syncsHere === false ? undefined : this.#atOnce(path, file.atOnce),
    };
  }

  #atOnce(path: string, real: FileAtOnce | undefined): FileAtOnce | undefined {
    return real && {
      stat: () => this.#now("file.fstat", path, () => real.stat()),
      append: (bytes) => {
        const { length, error } = this.#takes(path, bytes);
        if (length > 0 || error === undefined) real.append(bytes.subarray(0, length));
        if (error === undefined) return length;
        throw error();
      },
      sync: () => this.#now("file.sync", path, () => real.sync()),
    };
  }

  async #append(path: string, file: OpenFile, bytes: Uint8Array): Promise<number> {
    if (this.#held?.path === path && this.#held.isAt) {
      this.overlaps++;
      this.release();
    }
    const { length, error } = this.#takes(path, bytes);
    if (length > 0 || error === undefined) await file.append(bytes.subarray(0, length));
    if (error === undefined) return length;
    throw error();
  }

  /** How many of the bytes that are appended to a file are written, and what is told then, if not that. */
  #takes(path: string, { length }: Uint8Array): { length: number; error?: Fault["error"] } {
    const fault = this.#fault("file.append", path);
    if (fault === undefined) return { length };
    const { done, error } = fault;
    return { length: { nothing: 0, half: Math.ceil(length / 2), all: length }[done], error };
  }

  #openDatabase(path: string, open: () => SqliteDatabase): SqliteDatabase {
    const fault = this.#fault("sqlite.open", path);
    if (fault?.done === "nothing") throw fault.error!();
    const database = open();
    if (fault !== undefined) {
      database.close();
      throw fault.error!();
    }
    const handle: Handle = { name: path, close: () => database.close(), asked: false };
    this.#open.add(handle);
    return {
      exec: (sql) => this.#now("sqlite.exec", `${path}: ${sql}`, () => database.exec(sql)),
      prepare: (sql) => {
        const about = `${path}: ${sql}`;
        return this.#statement(
          about,
          this.#now("sqlite.prepare", about, () => database.prepare(sql)),
        );
      },
      close: () => {
        handle.asked = true;
        this.#now("sqlite.close", path, () => {
          this.#open.delete(handle);
          database.close();
        });
      },
    };
  }

  #statement(about: string, statement: SqliteStatement): SqliteStatement {
    const call = <T>(what: string, action: () => T): T =>
      this.#now(`sqlite.${what}`, about, action);
    return {
      run: (...values: readonly SqliteValue[]) => call("run", () => statement.run(...values)),
      get: (...values: readonly SqliteValue[]) => call("get", () => statement.get(...values)),
      all: (...values: readonly SqliteValue[]) => call("all", () => statement.all(...values)),
      ...(statement.stay && { stay: () => call("stay", () => statement.stay!()) }),
    };
  }
}
