/** How long work may go on before timers and sockets get their turn, milliseconds. */
const WORK_MS = 8;

/**
 * Gives the event loop its turns during long work whose parts end in promises alone: those never let a
 * timer or a socket through.
 */
export class Turns {
  #last = performance.now();

  /** Whether the work has kept the event loop for a while. */
  get areDue(): boolean {
    return performance.now() - this.#last >= WORK_MS;
  }

  /** Lets the event loop turn if the work has kept it for a while. */
  async give(): Promise<void> {
    if (!this.areDue) return;
    await nextTurn();
    this.#last = performance.now();
  }
}

/** Resolves once the event loop has turned. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => laterTurn(resolve));
}

/** `setImmediate()` where there is one; it is far quicker than a timer. */
const laterTurn: (callback: () => void) => unknown =
  (globalThis as { setImmediate?: (callback: () => void) => unknown }).setImmediate ??
    ((callback) => setTimeout(callback, 0));
