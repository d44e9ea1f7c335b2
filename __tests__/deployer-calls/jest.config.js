const { projects } = require("../../jest.config.js");

/** `make deployer-calls`: a quarter of an hour, so that it is none of the suites of `make test`. */
module.exports = {
  ...projects.find(({ displayName }) => displayName === "e2e"),
  displayName: "deployer-calls",
  rootDir: "../..",
  testMatch: ["<rootDir>/__tests__/deployer-calls/*.spec.ts"],
};
