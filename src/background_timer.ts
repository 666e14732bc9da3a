/**
 * As `setTimeout`, but the timer keeps no process alive. Where timers are plain numbers, as in browsers, it does.
 *
 * @param callback What to do then.
 * @param ms How long to wait, milliseconds.
 * @returns What `clearTimeout` takes.
 */
export function setBackgroundTimeout(
  callback: () => void,
  ms: number,
): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, ms);
  (timer as { unref?: () => void }).unref?.();
  return timer;
}
