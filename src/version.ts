/** The version of this package: that of `deno.json`, to which a test holds it. */
export const VERSION = "0.1.0";
