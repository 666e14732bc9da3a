/**
 * Typing the commands of a document: all blocks of `sh`, in their order, in one shell, in an empty folder. What a block
 * prints is compared with the block of `text` that follows it, if one does.
 *
 * @module
 */

import { run } from "../../lib/process.ts";
import type { Checks } from "./checks.ts";

/** Commands, and what they should print. */
interface Step {
  /** The heading above them. */
  heading: string;
  commands: string;
  expected: string | undefined;
}

const HEADING_OR_BLOCK = /^#+ (?<heading>.+)$|^```(?<kind>\w*)\n(?<body>[^]*?)^```\n+/gm;

/** Printed before each block's output. */
const MARK = "@@@ block ";

/** Types the commands of a document and checks what they print. */
export async function checkDocument(
  checks: Checks,
  text: string,
  options: { folder: string; path: string },
): Promise<void> {
  const steps = stepsOf(text);
  const script = steps.map(({ commands }, n) => `echo "${MARK}${n}"\n${commands}`).join("");
  await Deno.mkdir(options.folder);
  const { code, output } = await run(["sh", "-e", "-c", `exec 2>&1\n${script}`], {
    cwd: options.folder,
    env: { PATH: options.path },
  });
  const printed = output.split(new RegExp(`^${MARK}\\d+\n?`, "m")).slice(1);
  for (const [n, { heading, expected }] of steps.entries()) {
    await checks.check(`commands ${n + 1}, "${heading}"`, () => {
      const actual = printed[n];
      if (actual === undefined) throw new Error(`the commands before failed:\n${output}`);
      if (n === printed.length - 1 && code !== 0) {
        throw new Error(`they ended with code ${code}:\n${actual}`);
      }
      if (expected !== undefined && !patternOf(expected).test(withoutChance(actual))) {
        throw new Error(`they print\n${actual}\nand not\n${expected}`);
      }
      return Promise.resolve();
    });
  }
}

function stepsOf(text: string): Step[] {
  const steps: Step[] = [];
  let heading = "";
  let end = 0; // of the last block of commands, with the empty lines behind it
  for (const { index, 0: whole, groups } of text.matchAll(HEADING_OR_BLOCK)) {
    const { heading: title, kind, body } = groups as Record<string, string | undefined>;
    if (title !== undefined) {
      heading = title;
    } else if (kind === "sh") {
      steps.push({ heading, commands: body!, expected: undefined });
      end = index + whole.length;
    } else if (kind === "text" && index === end) {
      steps.at(-1)!.expected = body;
    }
  }
  return steps;
}

/** A line `...` stands for any lines. */
function patternOf(expected: string): RegExp {
  const lines = withoutChance(expected.trimEnd()).split("\n").map((line) =>
    line === "..." ? "(?:.*\n)*?" : `${line.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&")}\n`
  );
  return new RegExp(`^${lines.join("").replace(/\n$/, "")}\\s*$`);
}

/** Puts names in the place of what is different each time: hashes and signatures, key ids, times, durations. */
function withoutChance(text: string): string {
  return text
    .replace(/[A-Za-z0-9+/]{43,}={0,2}/g, (base64) => base64.length === 44 ? "HASH" : "SIGNATURE")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z/g, "TIME")
    .replace(/(?<=^|\+)[0-9a-f]{8}(?=$|\+)/gm, "ID")
    .replace(/\d+\.\d s\b/g, "SECONDS");
}
