// The numbers that `deno task test` ends with come out of these reports. The samples are what
// Deno 2.9, Bun 1.4 and Node 26 wrote for one and the same file.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { readJUnit } from "../../scripts/test/junit.ts";

const DENO = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="8" failures="3" errors="0" time="0.093">
  <testsuite name="./a_test.ts" tests="6" disabled="1" errors="0" failures="2">
    <testcase name="skipped" classname="./a_test.ts" time="0.000" line="5" col="1">
      <skipped/>
    </testcase>
    <testcase name="fails &lt;&amp;&gt; &quot;so&quot;" classname="./a_test.ts" time="0.003">
      <failure message="Uncaught Error: 1 &gt; 2
">Error: 1 &gt; 2
    at a_test.ts:3:30</failure>
    </testcase>
    <testcase name="with parts" classname="./a_test.ts" time="0.001">
      <failure message="1 test step failed">1 test step failed.</failure>
    </testcase>
    <testcase name="a suite" classname="./a_test.ts" time="0.001">
    </testcase>
    <testcase name="with parts &gt; good" classname="./a_test.ts" time="0.001">
    </testcase>
    <testcase name="with parts &gt; bad" classname="./a_test.ts" time="0.001">
      <failure message="Uncaught Error: bad">Error: bad</failure>
    </testcase>
  </testsuite>
  <testsuite name="ext:deno_node/testing.ts" tests="2" disabled="0" errors="0" failures="0">
    <testcase name="a suite &gt; inner" classname="ext:deno_node/testing.ts" time="0.001">
    </testcase>
  </testsuite>
</testsuites>`;

const BUN = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="0" failures="2" skipped="1" time="0.03">
  <testsuite name="a_test.ts" file="a_test.ts" tests="4" failures="2" skipped="1" hostname="vm">
    <testcase name="skipped" classname="" time="0" file="a_test.ts" line="5" assertions="0">
      <skipped />
    </testcase>
    <testcase name="fails &lt;&amp;&gt; &quot;so&quot;" classname="" time="0.1" file="a_test.ts">
      <failure type="Error" message="1 &gt; 2">Error: 1 &gt; 2&#10;      at a_test.ts:3:30&#10;</failure>
    </testcase>
    <testcase name="with parts" classname="" time="0.0002" file="a_test.ts">
      <failure type="Error" message="1 subtest failed">Error: bad</failure>
    </testcase>
    <testsuite name="a suite" file="a_test.ts" line="16" tests="1" failures="0" skipped="0">
      <testcase name="inner" classname="a suite" time="0.00004" file="a_test.ts" />
    </testsuite>
  </testsuite>
</testsuites>`;

const NODE = `<?xml version="1.0" encoding="utf-8"?>
<testsuites>
\t<testcase name="skipped" time="0.000084" classname="test" file="/x/a_test.ts">
\t\t<skipped type="skipped" message="no such driver"/>
\t</testcase>
\t<!-- a diagnostic <testcase name="no"/> -->
\t<testcase name="fails &lt;&amp;> &quot;so&quot;" classname="test" file="/x/a_test.ts" failure="1 > 2">
\t\t<failure type="testCodeFailure" message="1 > 2">
Error: 1 > 2
    at a_test.ts:3:30
\t\t</failure>
\t</testcase>
\t<testsuite name="with parts" time="0.0005" tests="2" failures="1" skipped="0" hostname="vm">
\t\t<testcase name="good" time="0.0001" classname="with parts" file="/x/a_test.ts"/>
\t\t<testcase name="bad" time="0.0001" classname="with parts" file="/x/a_test.ts" failure="bad">
\t\t\t<failure type="testCodeFailure" message="bad">
Error: bad
\t\t\t</failure>
\t\t</testcase>
\t</testsuite>
\t<testsuite name="a suite" time="0.001" tests="1" failures="0" skipped="0" hostname="vm">
\t\t<testcase name="inner" time="0.0001" classname="a suite" file="/x/a_test.ts"/>
\t</testsuite>
\t<testcase name="a_test.ts" time="0.044" classname="test" failure="test failed">
\t\t<failure type="testCodeFailure" message="test failed"/>
\t</testcase>
</testsuites>`;

const summary = (xml: string, runtime: "deno" | "bun" | "node") =>
  readJUnit(xml, runtime).map(({ name, file, outcome }) => `${outcome} ${file}: ${name}`);

test("Deno's containers are left out, and tests in a describe get its file", () => {
  assertEquals(summary(DENO, "deno"), [
    "skipped ./a_test.ts: skipped",
    'failed ./a_test.ts: fails <&> "so"',
    "passed ./a_test.ts: with parts > good",
    "failed ./a_test.ts: with parts > bad",
    "passed ./a_test.ts: a suite > inner",
  ]);
});

test("a container of Deno's that failed of itself counts", () => {
  const xml = DENO.replace('name="with parts &gt; bad"', 'name="another"');
  assertEquals(summary(xml, "deno").filter((line) => line.startsWith("failed")), [
    'failed ./a_test.ts: fails <&> "so"',
    "failed ./a_test.ts: with parts",
    "failed ./a_test.ts: another",
  ]);
});

test("Bun's nested suites stand in the names", () => {
  assertEquals(summary(BUN, "bun"), [
    "skipped a_test.ts: skipped",
    'failed a_test.ts: fails <&> "so"',
    "failed a_test.ts: with parts",
    "passed a_test.ts: a suite > inner",
  ]);
});

test("Node's suites stand in the names; a file that failed as a whole is a test", () => {
  assertEquals(summary(NODE, "node"), [
    "skipped /x/a_test.ts: skipped",
    'failed /x/a_test.ts: fails <&> "so"',
    "passed /x/a_test.ts: with parts > good",
    "failed /x/a_test.ts: with parts > bad",
    "passed /x/a_test.ts: a suite > inner",
    "failed : a_test.ts",
  ]);
});

test("a failure's text is kept, and a reason for skipping where there is one", () => {
  for (const [xml, runtime] of [[DENO, "deno"], [BUN, "bun"], [NODE, "node"]] as const) {
    const [skipped, failed] = readJUnit(xml, runtime);
    assertEquals(skipped.detail, runtime === "node" ? "no such driver" : "");
    assertEquals(failed.detail.split("\n").map((line) => line.trim()), [
      "Error: 1 > 2",
      "at a_test.ts:3:30",
    ]);
  }
});

test("how long a test took is kept, where the report tells it", () => {
  const seconds = (xml: string, runtime: "deno" | "bun" | "node") =>
    readJUnit(xml, runtime).slice(0, 2).map(({ seconds }) => seconds);
  assertEquals(seconds(DENO, "deno"), [0, 0.003]);
  assertEquals(seconds(BUN, "bun"), [0, 0.1]);
  assertEquals(seconds(NODE, "node"), [0.000084, 0]);
});

test("an empty report has no tests", () => {
  assertEquals(readJUnit("", "bun"), []);
});
