import cliProgress from "cli-progress";
import { visible } from "./display.ts";
import type { Host } from "./host.ts";

/** Shows on standard error how far something is, while it is a terminal. */
export interface Progress {
  /** It came so far, of the total, and has dealt with so many entries. */
  update(position: number, entries: number): void;
  /** Prints a line of text, above the bar where there is one. */
  say(text: string): Promise<void>;
  /** Leaves the bar as it is; the next output begins beneath it. */
  stop(): void;
}

/** The part of cli-progress that is used here; it comes without types. */
interface MultiBar {
  create(total: number, value: number, payload: Record<string, string>): {
    update(value: number, payload: Record<string, string>): void;
  };
  log(text: string): void;
  update(): void;
  stop(): void;
}
type MultiBarClass = new (options: Record<string, unknown>) => MultiBar;

/** How often the bar is drawn, in milliseconds. */
const DRAW_EVERY_MS = 100;

/**
 * Starts to show progress.
 *
 * @param action What is being done: `importing`.
 * @param total How far it has to come; `undefined` where that is not known, and it counts bytes.
 */
export function startProgress(host: Host, action: string, total: number | undefined): Progress {
  return host.stderr.redraws ? new Bar(host, action, total) : {
    update: () => {},
    // What cannot be told keeps nobody from what is to be done.
    say: (text) => host.stderr.write(`${visible(text)}\n`).catch(() => {}),
    stop: () => {},
  };
}

// A MultiBar with one bar, because only it can print text above the bar.
class Bar implements Progress {
  readonly #bars: MultiBar;
  readonly #bar: ReturnType<MultiBar["create"]>;
  #drawnAt = performance.now();

  constructor({ stderr }: Host, action: string, total: number | undefined) {
    const { MultiBar } = cliProgress as { MultiBar: MultiBarClass };
    this.#bars = new MultiBar({
      stream: {
        isTTY: true,
        columns: stderr.columns,
        write: (text: string): void => {
          // Nothing is lost when the terminal is gone.
          stderr.write(text).catch(() => {});
        },
      },
      format: total === undefined
        ? `${action}  {entries}, {mebibytes} MiB`
        : `${action} [{bar}] {percentage}%  {entries}`,
      barsize: 30,
      // Cutting a long line short is better than a terminal that is left without line wrapping by Ctrl-C.
      linewrap: true,
    });
    this.#bar = this.#bars.create(total ?? 0, 0, { entries: entriesOf(0), mebibytes: "0.0" });
    this.#bars.update();
  }

  update(position: number, entries: number): void {
    const mebibytes = (position / 2 ** 20).toFixed(1);
    this.#bar.update(position, { entries: entriesOf(entries), mebibytes });
    // The bar's own timer does not get its turn while a synchronous driver writes.
    if (performance.now() - this.#drawnAt < DRAW_EVERY_MS) return;
    this.#bars.update();
    this.#drawnAt = performance.now();
  }

  say(text: string): Promise<void> {
    this.#bars.log(`${visible(text)}\n`);
    return Promise.resolve();
  }

  stop(): void {
    this.#bars.update();
    this.#bars.stop();
  }
}

function entriesOf(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "entry" : "entries"}`;
}
