import { counted } from "../counted.ts";
import { AuditLogError } from "../errors.ts";
import { encodeCanonical } from "../json.ts";
import type { SqliteDatabase, SqliteRow, SqliteValue } from "../ports.ts";
import { adoptLine, type LogRecord, NotARecord } from "../record.ts";
import type { LogEnd } from "./record_table.ts";
import { guardSql, PYTHON_TABLE, RecordInserter, SCHEMA_SQL } from "./sqlite_schema.ts";

/** The columns of the Python class's table. */
const COLUMNS = "entry_id,timestamp,user,model,input_text,output_text,cost_usd,latency_ms,metadata";
const TEXTS = ["entry_id", "timestamp", "user", "model", "input_text", "output_text"];
/** How many rows are copied at a time. */
const PAGE = 256;

/** Whether the database's `audit_log` is a table of the Python class. */
export function isPythonTable(database: SqliteDatabase): boolean {
  const rows = database.prepare("SELECT name FROM pragma_table_info('audit_log')").all();
  const isTable = database.prepare(
    "SELECT 1 AS found FROM sqlite_schema WHERE name = 'audit_log' AND type = 'table'",
  ).get() !== undefined;
  return isTable && rows.map((row) => row["name"]).join(",") === COLUMNS;
}

/**
 * Copies the Python class's table into the present layout, within the caller's transaction. The old table
 * stays as it is, under another name, guarded against change.
 *
 * Its rows become records with their own ids and timestamps, in the order in which they were inserted. The
 * text of the column `metadata` becomes part of the record as it stands, so that no number in it is rounded.
 *
 * @returns How many entries were copied.
 * @throws {AuditLogError} `NOT_A_LOG` when a row cannot be a record.
 */
export function upgradePythonTable(database: SqliteDatabase, path: string): number {
  // Views of somebody else's go on reading audit_log, which is the view of all entries then, and not the table left behind.
  database.exec(`
PRAGMA legacy_alter_table = ON;
ALTER TABLE audit_log RENAME TO ${PYTHON_TABLE};
PRAGMA legacy_alter_table = OFF;
${SCHEMA_SQL}`);
  const inserter = new RecordInserter(database);
  // Texts are read as bytes: some drivers cut a text at U+0000.
  const columns = [...TEXTS, "metadata"].map((name) => `CAST(${name} AS BLOB) AS ${name}`).join();
  const page = database.prepare(
    `SELECT rowid AS number, cost_usd, latency_ms, ${columns} FROM ${PYTHON_TABLE} ` +
      `WHERE rowid > ? ORDER BY rowid LIMIT ${PAGE}`,
  );
  let end: LogEnd = { size: 0, highUs: -Infinity };
  let last = -(2 ** 53) + 1;
  for (;;) {
    const rows = page.all(last);
    end = inserter.add(rows.map((row) => recordOf(row, path)), end);
    if (rows.length < PAGE) break;
    last = rows.at(-1)!["number"] as number;
  }
  const count = database.prepare(`SELECT count(*) AS n FROM ${PYTHON_TABLE}`).get()!["n"];
  if (count !== end.size) {
    throw new AuditLogError(
      "NOT_A_LOG",
      `Cannot open ${path}: ${end.size} of ${
        counted(Number(count), "row")
      } of its table audit_log could be read; ` +
        "nothing was changed",
    );
  }
  // Nothing is added to it either; INSERT OR REPLACE would delete without asking the trigger on DELETE.
  database.exec(`${guardSql(PYTHON_TABLE)}
CREATE TRIGGER ${PYTHON_TABLE}_no_insert BEFORE INSERT ON ${PYTHON_TABLE} BEGIN
  SELECT RAISE(ABORT, 'the table is what the Python class left: new entries go to audit_record');
END;`);
  return end.size;
}

function recordOf(row: SqliteRow, path: string): LogRecord {
  try {
    return adoptLine(lineOf(row));
  } catch (error) {
    if (!(error instanceof NotARecord)) throw error;
    throw new AuditLogError(
      "NOT_A_LOG",
      `Cannot open ${path}: row ${row["number"]} of its table audit_log cannot be a record, ` +
        `it ${error.message}; nothing was changed`,
      { cause: error },
    );
  }
}

/** A row of the Python class as a record's line. */
function lineOf(row: SqliteRow): string {
  const text = (name: string): string => JSON.stringify(textOf(row[name]!));
  return `{"cost_usd":${amountOf(row["cost_usd"]!)},"entry_id":${text("entry_id")},"input_text":${
    text("input_text")
  },"latency_ms":${amountOf(row["latency_ms"]!)},"metadata":${
    metadataOf(row["metadata"]!)
  },"model":${text("model")},"output_text":${text("output_text")},"timestamp":${
    text("timestamp")
  },"user":${text("user")}}`;
}

function textOf(value: SqliteValue): string {
  if (!(value instanceof Uint8Array)) throw new NotARecord("has NULL where a text should be");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch (cause) {
    throw new NotARecord("has a text that is not UTF-8", { cause });
  }
}

function amountOf(value: SqliteValue): string {
  if (value === null) return "null";
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new NotARecord("has a cost or a latency that is no number");
  }
  return JSON.stringify(value);
}

/** The metadata's JSON as it stands; text that is no JSON object (Python writes NaN) is kept as a text. */
function metadataOf(value: SqliteValue): string {
  if (value === null) return "{}";
  const text = textOf(value);
  try {
    const parsed = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
      return text.replaceAll("\n", " ");
    }
  } catch {
    // Falls through.
  }
  return encodeCanonical({ "audit.unreadable_metadata": text });
}
