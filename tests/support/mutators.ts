/** What a method that changes or removes entries might be called. */
const MUTATOR =
  /^(delete|update|remove|clear|set|replace|truncate|drop|edit|purge|prune|pop|splice)/i;

/** The names on an object, its class and all prototypes beneath it that sound as if entries could be changed. */
export function mutatorsOf(object: object): string[] {
  const names = new Set<string>();
  let next: object | null = object;
  while (next !== null && next !== Object.prototype && next !== Function.prototype) {
    for (const key of Reflect.ownKeys(next)) names.add(String(key));
    const { prototype } = next as { prototype?: object };
    if (typeof next === "function" && prototype) {
      for (const key of Reflect.ownKeys(prototype)) names.add(String(key));
    }
    next = Object.getPrototypeOf(next);
  }
  return [...names].filter((name) => MUTATOR.test(name));
}
