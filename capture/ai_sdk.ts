/**
 * Recording the calls of models of the AI SDK, the package `ai`, version 7.
 *
 * @module
 */
export {
  type AuditEmbeddingMiddleware,
  auditEmbeddingMiddleware,
  type AuditMiddleware,
  auditMiddleware,
} from "./ai_sdk/middleware.ts";
export type { AiSdkModel } from "./ai_sdk/model_info.ts";
export type { CapturedCallInfo, CaptureFailure, CaptureOptions } from "./shared/capture_options.ts";
