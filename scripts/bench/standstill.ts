/** How often the event loop is looked at, milliseconds. */
const LOOK_MS = 5;

/** Does something, and says for how long at most the event loop did not turn meanwhile, milliseconds. */
export async function standstillOf(action: () => Promise<unknown>): Promise<number> {
  let [last, stallMs] = [performance.now(), 0];
  const look = () => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last - LOOK_MS);
    last = now;
  };
  const timer = setInterval(look, LOOK_MS);
  await action();
  clearInterval(timer);
  look(); // it may have ended before the timer was due
  return stallMs;
}
