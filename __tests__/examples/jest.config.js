const { projects } = require("../../jest.config");

/** `make examples`; no part of `make test`, where each example is synthesized and half of them planned. */
module.exports = {
  ...projects.find(({ displayName }) => displayName === "terraform"),
  displayName: "examples",
  rootDir: "../..",
  testMatch: ["<rootDir>/__tests__/examples/deploy.spec.ts"],
};
