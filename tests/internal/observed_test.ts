// What tests compare two runs by.

import { assertEquals, assertNotEquals } from "@std/assert";
import { test } from "node:test";
import { observed } from "../support/observed.ts";

test("a copy of a class is seen to be another, and the class to be itself", () => {
  const make = () => class Answer {};
  const [Answer, Copy] = [make(), make()];
  assertEquals(observed(new Answer()), observed(new Answer()));
  assertNotEquals(observed(new Copy()), observed(new Answer()));
  assertEquals(observed(new Copy()), observed(new Copy()));
});

test("a class that inherits from a copy is another, too", () => {
  const make = () => class Base {};
  const [Base, Copy] = [make(), make()];
  const heirOf = (Parent: typeof Base) => class Heir extends Parent {};
  const Heir = heirOf(Base);
  assertNotEquals(observed(new (heirOf(Copy))()), observed(new Heir()));
});
