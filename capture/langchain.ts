/**
 * Recording the calls of LangChain's models and tools, by `@langchain/core`, version 1.
 *
 * @module
 */
export { auditCallbacks } from "./langchain/handler.ts";
export type { AuditCallbackHandler } from "./langchain/handler.ts";
export type { CapturedCallInfo, CaptureFailure, CaptureOptions } from "./shared/capture_options.ts";
