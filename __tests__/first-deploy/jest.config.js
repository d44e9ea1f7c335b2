const { projects } = require("../../jest.config.js");

/** `make first-deploy`: the whole page; `make test` runs its beginning, in __tests__/terraform. */
module.exports = {
  ...projects.find(({ displayName }) => displayName === "e2e"),
  displayName: "first-deploy",
  rootDir: "../..",
  testMatch: ["<rootDir>/__tests__/first-deploy/*.spec.ts"],
};
