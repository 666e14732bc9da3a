/**
 * What may import what, as the project's design lays it down, checked on the text of the modules.
 * The type check of the core without any runtime's library is the other half of this.
 *
 * @module
 */

/** Packages that only the tests may use. */
const TEST_PACKAGES = ["@std/assert", "fast-check"];

/**
 * What a module of `src/`, `adapters/` or `capture/` breaks: a sentence for each import, or name of a runtime,
 * that it must not have. Paths are relative to the project, with forward slashes.
 */
export function violations(path: string, text: string): string[] {
  const code = withoutComments(text);
  const wrongImports = importsOf(code)
    .filter((specifier) => !mayImport(path, specifier))
    .map((specifier) => `${path} must not import ${specifier}`);
  const names = path.startsWith("adapters/") ? [] : runtimeNamesIn(code);
  return [...wrongImports, ...names.map((name) => `${path} must not use ${name}`)];
}

const COMPUTED = "what it computes while running";

function mayImport(path: string, specifier: string): boolean {
  const target = specifier.startsWith(".")
    ? new URL(specifier, `file:///${path}`).pathname.slice(1)
    : undefined;
  const isPackage = target === undefined && specifier !== COMPUTED && !specifier.includes(":") &&
    !TEST_PACKAGES.includes(specifier);
  if (path.startsWith("capture/")) {
    if (target === undefined) return isPackage;
    return target.startsWith("capture/") ||
      ["mod.ts", "adapters/async_storage.ts"].includes(target);
  }
  if (path.startsWith("src/cli/")) return target?.startsWith("src/") ?? isPackage;
  if (path.startsWith("src/")) {
    return specifier === "uuid" ||
      target !== undefined && target.startsWith("src/") && !target.startsWith("src/cli/");
  }
  if (target !== undefined) {
    return target.startsWith("adapters/") ||
      ["src/ports.ts", "src/errors.ts", "src/version.ts"].includes(target);
  }
  if (path.startsWith("adapters/bun/") && specifier.startsWith("bun:")) return true;
  // This one loads a package of another registry when asked to, which must not be a static import.
  if (path.startsWith("adapters/db_sqlite/") && specifier === COMPUTED) return true;
  return specifier.startsWith("node:");
}

function importsOf(code: string): string[] {
  const literal = [...code.matchAll(/\b(?:from|import)\s*\(?\s*"([^"\n]+)"/g)].map(([, s]) => s);
  const computed = /\bimport\s*\(\s*[^"\s]/.test(withoutTexts(code)) ? [COMPUTED] : [];
  return [...literal, ...computed];
}

function runtimeNamesIn(code: string): string[] {
  return [...new Set(withoutTexts(code).match(/\b(?:Deno|Bun|process)(?=\.|\[|\?\.)/g) ?? [])];
}

/** Empties what is between quotes: a name in there is no use of it. What a template computes stays. */
function withoutTexts(code: string): string {
  return code.replace(
    STRING,
    (text) => text.startsWith("`") ? `(${(text.match(/\$\{[^}]*\}/g) ?? []).join(" ")})` : '""',
  );
}

const STRING = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
// Matched together, so that a slash within text does not begin a comment, nor a quote in a comment
// text. A regular expression with a quote in it may hide the rest of its line, no more.
const STRING_OR_COMMENT = new RegExp(`${STRING.source}|//.*|/\\*[^]*?\\*/`, "g");

/** The code of a module, without its comments. */
export function withoutComments(text: string): string {
  return text.replace(STRING_OR_COMMENT, (part) => part.startsWith("/") ? " " : part);
}
