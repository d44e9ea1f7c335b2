const { projects } = require("../../jest.config.js");

/** Not a part of `make test`: it downloads and builds other people's tools. */
module.exports = {
  ...projects.find(({ displayName }) => displayName === "mysql"),
  displayName: "schema-tools",
  rootDir: "../..",
  globalSetup: "<rootDir>/__tests__/schema-tools/install.ts",
  testMatch: ["<rootDir>/__tests__/schema-tools/*.spec.ts"],
};
