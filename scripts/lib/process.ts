/**
 * Running other programs: every tool of this project goes through here.
 *
 * @module
 */

/** How to run a program. */
export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** It is killed when it takes longer, and then has not succeeded. */
  timeoutMs?: number;
  /** Called with each line of output as it appears; without it nothing is shown. */
  onLine?: (line: string) => void;
}

/** How a program ended, with all that it printed (both streams, in the order of arrival). */
export interface RunResult {
  code: number;
  output: string;
  /** What it printed on standard output alone. */
  stdout: string;
}

/** Runs a program to its end. It gets no input and prints no colours. */
export async function run(command: string[], options: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = command;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      cwd: options.cwd,
      env: { NO_COLOR: "1", ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs),
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, output: `${program}: not found`, stdout: "" };
  }
  const all: string[] = [];
  const stdout: string[] = [];
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>, into?: string[]) => {
    for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(lines())) {
      all.push(line);
      into?.push(line);
      options.onLine?.(line);
    }
  };
  const [status] = await Promise.all([
    child.status,
    collect(child.stdout, stdout),
    collect(child.stderr),
  ]);
  return { code: status.code, output: all.join("\n"), stdout: stdout.join("\n") };
}

/** Splits text into lines; a last line without a newline counts. */
function lines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(chunk, controller) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) controller.enqueue(line);
    },
    flush(controller) {
      if (rest !== "") controller.enqueue(rest);
    },
  });
}

/** Runs a program that must succeed; throws with what it printed if it does not. */
export async function mustRun(command: string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await run(command, options);
  if (result.code !== 0) {
    throw new Error(`${command.join(" ")} ended with code ${result.code}\n${result.output}`);
  }
  return result;
}
