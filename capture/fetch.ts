/**
 * A `fetch` that records the calls of models that are made through it, for any client that takes one.
 *
 * @module
 */
export { auditFetch, type AuditFetchOptions, type Fetch } from "./fetch/audit_fetch.ts";
export type { CapturedCallInfo, CaptureFailure, CaptureOptions } from "./shared/capture_options.ts";
