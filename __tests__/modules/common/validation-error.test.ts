import { App, Token } from "cdktf";
import { Construct } from "constructs";
import { checkCidr, checkInteger, checkOneOf, checkPattern } from "../../../src/modules/common/checks";
import { ValidationError } from "../../../src/modules/common/validation-error";

const scope = new Construct(new Construct(new App(), "stack"), "Lake");

test("names the construct, and is known by a mark that another copy of the package shares", () => {
  const error = new ValidationError(scope, "size must be small, got 9");
  expect(error.message).toBe("stack/Lake: size must be small, got 9");
  expect(ValidationError.isValidationError(error)).toBe(true);
  const ofAnotherCopy = Object.assign(new Error("x"), { [Symbol.for("cdktf-xray-data-lake/ValidationError")]: true });
  expect(ValidationError.isValidationError(ofAnotherCopy)).toBe(true);
  for (const other of [new Error("x"), "x", null, undefined])
    expect(ValidationError.isValidationError(other)).toBe(false);
});

test("every check lets tokens and what is left out pass", () => {
  const text = Token.asString({ resolve: () => "?" });
  const number = Token.asNumber({ resolve: () => -1 });
  expect(() => {
    for (const value of [number, undefined]) checkInteger(scope, "p", value, 1, 2);
    for (const value of [text, undefined]) {
      checkPattern(scope, "p", value, /^$/, "nothing");
      checkOneOf(scope, "p", value, ["a"]);
      checkCidr(scope, "p", value, 16, 24);
    }
  }).not.toThrow();
});

test.each([NaN, Infinity, 1.5, 0, 3, "2" as unknown as number])("a number must be whole and in range: %p", (value) => {
  expect(() => checkInteger(scope, "p", value, 1, 2)).toThrow(
    `stack/Lake: p must be a whole number from 1 to 2, got ${typeof value === "number" ? value : '"2"'}`,
  );
});
