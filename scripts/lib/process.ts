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
  /** It is ended when it prints nothing for so long. */
  silenceMs?: number;
  /** Called with each line of output as it appears; without it nothing is shown. */
  onLine?: (line: string) => void;
}

/** How a program ended, with all that it printed (both streams, in the order of arrival). */
export interface RunResult {
  code: number;
  output: string;
  /** What it printed on standard output alone. */
  stdout: string;
  /** Whether it was ended because it printed nothing for `silenceMs`. */
  fellSilent: boolean;
}

/** What a program has to end in when it is told to, and to say what it was at. */
const GRACE_MS = 10_000;

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
    return { code: 127, output: `${program}: not found`, stdout: "", fellSilent: false };
  }
  const watch = new SilenceWatch(child, options.silenceMs);
  const all: string[] = [];
  const stdout: string[] = [];
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>, into?: string[]) => {
    const heard = watch.through(stream).pipeThrough(new TextDecoderStream());
    for await (const line of heard.pipeThrough(lines())) {
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
  watch.end();
  return {
    code: status.code,
    output: all.join("\n"),
    stdout: stdout.join("\n"),
    fellSilent: watch.fellSilent,
  };
}

/** Ends a program that prints nothing for too long. */
class SilenceWatch {
  fellSilent = false;
  readonly #child: Deno.ChildProcess;
  readonly #silenceMs: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopReading: (() => void)[] = [];

  constructor(child: Deno.ChildProcess, silenceMs: number | undefined) {
    this.#child = child;
    this.#silenceMs = silenceMs;
    this.#heard();
  }

  /** The stream, which is listened to. It ends when the program does, even if programs that it started hold it open. */
  through(stream: ReadableStream<Uint8Array<ArrayBuffer>>): typeof stream {
    return stream.pipeThrough(
      new TransformStream({
        start: (controller) => void this.#stopReading.push(() => controller.terminate()),
        transform: (chunk, controller) => {
          this.#heard();
          controller.enqueue(chunk);
        },
      }),
    );
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #heard(): void {
    if (this.#silenceMs === undefined || this.fellSilent) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#endChild(), this.#silenceMs);
  }

  #endChild(): void {
    this.fellSilent = true;
    this.#kill("SIGTERM");
    this.#timer = setTimeout(() => {
      this.#kill("SIGKILL");
      for (const stop of this.#stopReading) stop();
    }, GRACE_MS);
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended already.
    }
  }
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
