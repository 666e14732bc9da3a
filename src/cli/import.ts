import type { Command } from "commander";
import { countedEntries } from "../counted.ts";
import { AuditLogError } from "../errors.ts";
import { CliError } from "./cli_error.ts";
import { visible } from "./display.ts";
import { DONE, type ExitStatus, type Host, PARTIAL } from "./host.ts";
import { splitLines } from "./import_lines.ts";
import { Importer } from "./importer.ts";
import { addLogOptions, findToWrite, type LogOptions, type LogToWrite } from "./log_options.ts";
import { startProgress } from "./progress.ts";
import { openSource, type Source } from "./source.ts";

interface ImportOptions extends LogOptions {
  readonly skipBad?: boolean;
  readonly skipExisting?: boolean;
}

/** Adds `audit-log import`. */
export function addImport(program: Command, host: Host): void {
  addLogOptions(program.command("import"))
    .description("Read JSON lines into a log, which is created where it does not exist.")
    .argument("<file>", "a file with one JSON object a line; - for standard input")
    .option("--skip-bad", "go on past lines that cannot be imported, and end with status 1")
    .option("--skip-existing", "pass over lines whose entry is in the log already")
    .addHelpText("after", DETAILS)
    .action(async (file: string, options: ImportOptions) => {
      // First, so that a misspelt name creates no log.
      const source = await openSource(host, file, "import");
      try {
        const log = await findToWrite(host, options);
        try {
          await refuseItself(host, source, options.log);
          host.end(await importAll(host, source, log, options));
        } finally {
          await log.close();
        }
      } finally {
        await source.close();
      }
    });
}

const DETAILS = `
A line needs model, input_text and output_text. Used if given: user, cost_usd, latency_ms, metadata, timestamp,
entry_id. Any other key goes into metadata. A line that is a complete record, as a log or the Python class writes
it, is taken over byte for byte.

Examples:
  audit-log import interactions.jsonl --log audit.db
  gunzip -c old.jsonl.gz | audit-log import - --log audit.db --skip-existing
  audit-log query --log audit.jsonl --events all --json | audit-log import - --log audit.db`;

async function importAll(
  host: Host,
  source: Source,
  log: LogToWrite,
  { log: path, skipBad = false, skipExisting = false }: ImportOptions,
): Promise<ExitStatus> {
  const progress = startProgress(host, "importing", source.size);
  const startedAt = performance.now();
  let bytes = 0;
  const importer = new Importer(log, {
    skipExisting,
    onBadLine: async (number, reason) => {
      const fault = `${source.name}, line ${number}: ${reason}`;
      if (!skipBad) throw new CliError(`Cannot import ${fault}`);
      await progress.say(`audit-log: skipped ${fault}`);
    },
  });
  try {
    for await (const lines of splitLines(counted(source.chunks))) {
      for (const line of lines) await importer.add(line);
      progress.update(bytes, importer.imported);
    }
    await importer.flush();
    if (importer.bad === 0) await log.open(); // of nothing, an empty one is made
    progress.update(bytes, importer.imported);
  } catch (error) {
    throw withCount(error, importer);
  } finally {
    progress.stop();
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const what = log.opened === undefined
    ? `Imported nothing, and made no log at ${visible(path)}`
    : `Imported ${imported(importer)} into ${visible(path)} in ${seconds} s`;
  // It is done, whether or not that can be told.
  await host.stderr.write(`${what}${notImported(importer)}.\n`).catch(() => {});
  return importer.bad === 0 ? DONE : PARTIAL;

  async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      yield chunk;
    }
  }
}

/** Says what the log has got of the source, which one must know to go on. */
function withCount(error: unknown, importer: Importer): unknown {
  if (!(error instanceof CliError || error instanceof AuditLogError)) return error;
  const { message } = error;
  return new CliError(
    `${message} (imported before it: ${imported(importer)}${notImported(importer)})`,
    { cause: error },
  );
}

function imported({ imported }: Importer): string {
  return countedEntries(imported);
}

function notImported({ existing, bad }: Importer): string {
  const counts = [
    ...existing > 0 ? [`${existing} in the log already`] : [],
    ...bad > 0 ? [`${bad} bad`] : [],
  ];
  return counts.length === 0 ? "" : `; not imported: ${counts.join(", ")}`;
}

/** A log imported into itself would never end, or double. */
async function refuseItself(host: Host, source: Source, path: string): Promise<void> {
  if (source.identity === undefined) return;
  if ((await host.runtime.file.stat(path))?.identity !== source.identity) return;
  throw new CliError(`Cannot import ${path}: it is the log itself`);
}
