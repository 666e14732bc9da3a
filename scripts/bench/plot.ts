/**
 * Drawing what was measured.
 *
 * @module
 */
import { mustRun } from "../lib/process.ts";
import { findRuntime } from "../lib/runtimes.ts";
import { growthPoint } from "./growth.ts";
import { type Measurement, median } from "./rounds.ts";

/** What Node runs to draw: what it is given, compiled and rendered. */
const DRAW = `
  import { readFileSync } from "node:fs";
  import { parse, View } from "vega";
  import { compile } from "vega-lite";
  const { spec } = compile(JSON.parse(readFileSync("spec.json", "utf8")));
  console.log(await new View(parse(spec), { renderer: "none" }).toSVG());
`;

/** Draws, by packages that are installed for it: the project does not depend on them. */
async function draw(spec: object, folder: string): Promise<string> {
  await mustRun(["npm", "install", "--prefix", folder, "vega@6", "vega-lite@6"]);
  await Deno.writeTextFile(`${folder}/spec.json`, JSON.stringify(spec));
  const { program } = await findRuntime("node");
  return (await mustRun([program, "--input-type=module", "-e", DRAW], { cwd: folder })).stdout;
}

/**
 * Time of a record and of a query against the size of the log, as SVG.
 *
 * @param folder Where to put what draws.
 */
export async function plotGrowth(
  measured: readonly Measurement[],
  folder: string,
): Promise<string> {
  const points = measured.flatMap(({ runtime, rows }) =>
    rows.filter(({ values }) => values.length > 0).map((row) => {
      const { backend, size, what } = growthPoint(row);
      return { log: `${backend}, ${runtime}`, size, what, time: median(row.values) };
    })
  );
  const panel = (what: string, title: string): object => ({
    title,
    transform: [{ filter: `datum.what === "${what}"` }],
    width: 320,
    height: 240,
    mark: { type: "line", point: true },
    encoding: {
      x: {
        field: "size",
        type: "quantitative",
        scale: { type: "log" },
        title: "entries in the log",
        axis: { format: "~s" },
      },
      y: { field: "time", type: "quantitative", scale: { zero: true }, title: "microseconds" },
      color: { field: "log", type: "nominal", title: null },
    },
  });
  const spec = {
    background: "white",
    data: { values: points },
    hconcat: [
      panel("record", "time of a record, 1,024 callers, durable"),
      panel("query", "time of a user's newest 10"),
    ],
  };
  return await draw(spec, folder);
}
