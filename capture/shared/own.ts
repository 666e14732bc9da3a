import { AuditLogError } from "../../mod.ts";
import { ignoreRejection, isPromise } from "./promises.ts";

/** What a wrapper's options say of a call. */
export interface Own {
  /** Who asks. */
  user: string | undefined;
  /** The application's metadata. */
  metadata: object | undefined;
}

/** What an option gives at once. @throws {AuditLogError} It failed, or has others wait. */
export function valueOf<T>(option: "user" | "metadata" | "cost", value: () => T): T {
  let given: T;
  try {
    given = value();
  } catch (cause) {
    throw optionFailed(option, "the function threw an error", cause);
  }
  if (!isPromise(given)) return given;
  ignoreRejection(given);
  throw optionFailed(option, "a promise was given; nobody waits for one, give the value itself");
}

/** The error of an option that did not give what it is to give. */
export function optionFailed(path: string, state: string, cause?: unknown): AuditLogError {
  const message = `Cannot tell the ${path} of the call: ${state}`;
  return new AuditLogError("INVALID_ENTRY", message, { path, cause });
}

/**
 * A copy of what an option gave for metadata, accessors included: none is called. What is no plain object is given back as it
 * is, for the log to refuse.
 */
export function copiedMetadata(metadata: object | undefined): object | undefined {
  return isPlainObject(metadata)
    ? Object.defineProperties({}, Object.getOwnPropertyDescriptors(metadata))
    : metadata;
}

/** Metadata of a wrapper with that of the application, which goes before; that alone if the log is to refuse it. */
export function joinedMetadata(ours: object, own: object | undefined): object {
  if (own === undefined) return ours;
  return isPlainObject(own)
    ? Object.defineProperties({ ...ours }, Object.getOwnPropertyDescriptors(own))
    : own;
}

/** Which option gave what the log did not admit, if one did. */
export function optionAtFault(error: unknown, own: Own): keyof Own | undefined {
  if (!(error instanceof AuditLogError) || error.code !== "INVALID_ENTRY") return undefined;
  const name = /^(?:user|metadata)\b/.exec(error.path ?? "")?.[0] as keyof Own | undefined;
  return name === undefined || own[name] === undefined ? undefined : name;
}

/** Whether it is an object of a literal, of whatever realm. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null ||
    (Object.getPrototypeOf(prototype) === null &&
      Object.hasOwn(prototype as object, "isPrototypeOf"));
}
