/**
 * Having logs of every runtime checked by programs that are not ours: the Go program in `tests/interop/verifier`, which
 * stands on Go's own packages, and openssl. Where those programs are not there, this is skipped; in CI it fails.
 *
 * @module
 */

import { LOGS } from "../../tests/interop/plan.ts";
import { pathOf } from "../lib/project.ts";
import { type Runtime, scriptCommand } from "../lib/runtimes.ts";
import { Checks, expectEqual } from "./interop/checks.ts";
import { checkDocument } from "./interop/document.ts";
import { checkLog } from "./interop/log.ts";
import {
  buildGoPrograms,
  type GoPrograms,
  runExpecting,
  whatIsMissing,
} from "./interop/programs.ts";
import type { Progress } from "./print.ts";
import type { Outcome } from "./suite.ts";

/** What the runtimes are called with. */
export interface InteropOptions {
  /** Flags for Deno, before the script. */
  denoFlags: string[];
  /** A module that Node loads first, as a URL. */
  nodeHooks: string;
  progress: Progress;
}

/** Checks what runtimes have written. */
export class Interop {
  readonly #folder: string;
  readonly #go: GoPrograms;
  readonly #options: InteropOptions;

  private constructor(folder: string, go: GoPrograms, options: InteropOptions) {
    this.#folder = folder;
    this.#go = go;
    this.#options = options;
  }

  /** Why nothing can be checked here, as an outcome, if so. */
  static async missing(): Promise<Outcome | undefined> {
    const reason = await whatIsMissing();
    if (reason === undefined) return undefined;
    const name = "logs are checked by Go and openssl";
    const title = "logs, checked by Go and openssl";
    const failed = { name, file: "", outcome: "failed", detail: reason } as const;
    const skipped = {
      ...failed,
      name: `${name} [skipped: ${reason}]`,
      outcome: "skipped",
    } as const;
    return { title, cases: [Deno.env.get("CI") === "true" ? failed : skipped] };
  }

  /** Builds the programs in Go, and has them make a key and sign. */
  static async prepare(folder: string, options: InteropOptions): Promise<Interop> {
    await Deno.mkdir(folder, { recursive: true });
    const go = await buildGoPrograms(folder);
    await goSigns(folder, go);
    return new Interop(folder, go, options);
  }

  /** Has a runtime write logs, and checks them. */
  async test(runtime: Runtime): Promise<Outcome> {
    const { progress } = this.#options;
    const title = `${runtime.name} ${runtime.version}, logs checked by Go and openssl`;
    progress.start(title);
    const checks = new Checks(progress);
    const folder = `${this.#folder}/${runtime.name}`;
    await Deno.mkdir(folder);
    await this.#run(runtime, "write_logs.ts", folder);
    for (const [number, log] of LOGS.entries()) {
      const other = LOGS[(number + 1) % LOGS.length].name;
      const otherKey = Deno.readTextFileSync(`${folder}/${other}/vkey`).trimEnd();
      await checkLog(checks, log, `${folder}/${log.name}`, otherKey, this.#go);
    }
    await checks.check("takes a key, a note and a checkpoint of Go", async () => {
      const signed = `${folder}/signed-with-go-key`;
      await this.#run(runtime, "open_go_note.ts", this.#folder, signed);
      const key = Deno.readTextFileSync(`${this.#folder}/go-vkey`).trimEnd();
      const { verifier } = this.#go;
      const { stdout } = await runExpecting(0, [verifier, "checkpoint", "-key", key, signed]);
      expectEqual(stdout.split(" ").slice(0, 2), [GO_NAME, "1"], "Go's answer");
    });
    return { title, cases: checks.cases };
  }

  /** Types the commands of a document in `docs/`. */
  async testDocument(name: string): Promise<Outcome> {
    const { progress, denoFlags } = this.#options;
    const title = commandsOf(name);
    progress.start(title);
    const checks = new Checks(progress);
    const folder = `${this.#folder}/${name}`;
    const programs = `${folder}/programs`;
    await Deno.mkdir(programs, { recursive: true });
    await Deno.symlink(this.#go.verifier, `${programs}/verifier`);
    const command = [Deno.execPath(), "run", "-A", "--quiet", `--config=${pathOf("deno.json")}`];
    const words = [...command, ...denoFlags, pathOf("cli.ts")].map((word) =>
      `'${word.replaceAll("'", "'\\''")}'`
    );
    const script = `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`;
    await Deno.writeTextFile(`${programs}/audit-log`, script, { mode: 0o755 });
    await checkDocument(checks, await Deno.readTextFile(pathOf(`docs/${name}`)), {
      folder: `${folder}/typed`,
      path: `${programs}:${Deno.env.get("PATH")}`,
    });
    return { title, cases: checks.cases };
  }

  async #run(runtime: Runtime, script: string, ...args: string[]): Promise<void> {
    const { denoFlags, nodeHooks } = this.#options;
    const command = scriptCommand(runtime, denoFlags);
    await runExpecting(0, [...command, `tests/interop/${script}`, ...args], {
      cwd: pathOf(""),
      env: runtime.name === "node" ? { NODE_OPTIONS: `--import=${nodeHooks}` } : {},
    });
  }
}

/** The documents whose commands are typed. */
export const TYPED_DOCUMENTS = ["operating.md", "verifying.md"] as const;

/** The title of typing a document's commands. */
export function commandsOf(name: string): string {
  return `docs/${name}, its commands`;
}

const GO_NAME = "interop.example/go";
const EMPTY_ROOT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/** The files that `tests/interop/open_go_note.ts` reads. */
async function goSigns(folder: string, { signer }: GoPrograms): Promise<void> {
  const write = (name: string, text: string) => Deno.writeTextFileSync(`${folder}/${name}`, text);
  const { stdout } = await runExpecting(0, [signer, "generate", GO_NAME]);
  const [signingKey, verifierKey] = stdout.split("\n");
  write("go-key", `${signingKey}\n`);
  write("go-vkey", `${verifierKey}\n`);
  const sign = async (name: string, text: string) => {
    write(`${name}-text`, text);
    const files = [`${folder}/go-key`, `${folder}/${name}-text`];
    // What is printed is given without the last newline.
    write(name, `${(await runExpecting(0, [signer, "sign", ...files])).stdout}\n`);
  };
  await sign("go-note", "Go signs any text,\n\neven with empty lines: 領収書 💬\n");
  await sign("go-checkpoint", `${GO_NAME}\n0\n${EMPTY_ROOT}\n`);
}
