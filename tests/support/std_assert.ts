/**
 * A stand-in for the part of `@std/assert` that the tests use. It takes the package's place on Bun
 * and Node, and on Deno where its registry cannot be reached. Same names, same arguments, same
 * verdicts, only stricter with sets and maps whose keys are objects: here each member answers for
 * one other only. The wording of a failure differs. `std_assert_test.ts` holds it to that.
 *
 * @module
 */

import { equal, explainDifference, format } from "./std_assert_equal.ts";

/** A class of errors; its constructor's parameters do not matter here. */
type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;
/** Any class, abstract ones and those with a private constructor's type included. */
type AnyClass<T> = abstract new (...args: never[]) => T;

/** Thrown by every assertion that does not hold. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Fails, always. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

/** Holds if the expression is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Holds if the two are deeply equal; see `equal` for what that means. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(
    `Values are not equal${suffix(msg)}\n\n${explainDifference(actual, expected)}\n`,
  );
}

/** Holds if the two are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${format(actual)} not to be: ${format(expected)}${suffix(msg)}`,
  );
}

/** Holds if the two are the same value by `Object.is`, so that `0` differs from `-0`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw new AssertionError(
    `Values are not strictly equal${suffix(msg)}\n\n${explainDifference(actual, expected)}\n`,
  );
}

/** Holds if the value is neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to not be null or undefined${suffix(msg)}`,
  );
}

/** Holds if the value is an instance of the class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: AnyClass<T>,
  msg = "",
): asserts actual is T {
  if (actual instanceof expectedType) return;
  const found = isObject(actual) ? actual.constructor?.name ?? "Object" : typeof actual;
  throw new AssertionError(
    `Expected object to be an instance of "${expectedType.name}" but was "${found}"${suffix(msg)}`,
  );
}

/** Holds if the regular expression matches the string. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`,
  );
}

/** Holds if `expected` occurs in `actual`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`,
  );
}

/** Holds if `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) failComparison(actual, ">", expected, msg);
}

/** Holds if `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) failComparison(actual, ">=", expected, msg);
}

/** Holds if `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) failComparison(actual, "<", expected, msg);
}

/** Holds if `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) failComparison(actual, "<=", expected, msg);
}

/** Holds if the function throws; returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Holds if the function throws an error of that class whose message includes the text. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  classOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  try {
    fn();
  } catch (error) {
    return checkError(error, "thrown", expected);
  }
  throw new AssertionError(`Expected function to throw${suffix(expected.msg)}`);
}

/** Holds if the function's promise rejects; resolves to what it rejected with. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Holds if the promise rejects with an error of that class whose message includes the text. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch {
    // A caller who does not await would not see this error as a rejection, so it is not one.
    throw new AssertionError(
      `Function throws when expected to reject${suffix(expected.msg)}`,
    );
  }
  try {
    await promise;
  } catch (error) {
    return checkError(error, "rejected", expected);
  }
  throw new AssertionError(`Expected function to reject${suffix(expected.msg)}`);
}

interface Expectation<E extends Error> {
  errorClass?: ErrorClass<E>;
  msgIncludes?: string;
  msg?: string;
}

function expectation<E extends Error>(
  classOrMsg: ErrorClass<E> | string | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): Expectation<E> {
  return typeof classOrMsg === "string"
    ? { msg: classOrMsg }
    : { errorClass: classOrMsg, msgIncludes, msg };
}

function checkError<E extends Error>(
  error: unknown,
  how: "thrown" | "rejected",
  { errorClass, msgIncludes, msg }: Expectation<E>,
): unknown {
  if (errorClass === undefined) return error;
  if (!(error instanceof Error)) {
    throw new AssertionError(`A non-Error object was ${how}${suffix(msg)}`);
  }
  if (!(error instanceof errorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${errorClass.name}", ` +
        `but was "${error.constructor.name}": ${error.message}${suffix(msg)}`,
    );
  }
  if (msgIncludes !== undefined && !error.message.includes(msgIncludes)) {
    throw new AssertionError(
      `Expected error message to include ${JSON.stringify(msgIncludes)}, ` +
        `but got ${JSON.stringify(error.message)}${suffix(msg)}`,
    );
  }
  return error;
}

function failComparison(actual: unknown, operator: string, expected: unknown, msg?: string): never {
  throw new AssertionError(msg ?? `Expect ${format(actual)} ${operator} ${format(expected)}`);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function suffix(msg: string | undefined): string {
  return msg ? `: ${msg}` : ".";
}
