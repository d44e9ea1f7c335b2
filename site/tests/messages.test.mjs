import assert from "node:assert/strict";
import { test } from "node:test";
import { base } from "../address.mjs";
import documentation from "../../dist/schema/documentation.js";
import { pages } from "./built-site.mjs";

test("every page that a message of the package names is there", () => {
  assert.deepEqual(
    documentation.DOCUMENTATION_PAGES.filter((page) => !pages.has(`${base}/${page}/`)),
    [],
  );
});
