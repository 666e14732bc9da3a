/**
 * What Deno was permitted, for adapters that all runtimes use.
 *
 * @module
 */

interface DenoPermissions {
  querySync(descriptor: { name: "read" | "write"; path: string | URL }): { state: string };
}

/**
 * Whether a file may be used so without that Deno asks on the terminal for a permission that the user did not give. Other
 * runtimes ask nobody.
 */
export function isPermitted(path: string | URL, ...names: readonly ("read" | "write")[]): boolean {
  const { Deno } = globalThis as { Deno?: { permissions: DenoPermissions } };
  return Deno === undefined ||
    names.every((name) => Deno.permissions.querySync({ name, path }).state === "granted");
}
