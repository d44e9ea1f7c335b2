const common = {
  testEnvironment: "node",
  transform: { "^.+\\.ts$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } } }] },
  // The packed package lies there while it is tried, under the same name.
  modulePathIgnorePatterns: ["<rootDir>/.local/"],
  // The examples name the package as its users do.
  moduleNameMapper: {
    "^cdktf-xray-data-lake$": "<rootDir>/src",
    "^cdktf-xray-data-lake/(providers/mysql.*|stacks)$": "<rootDir>/src/$1",
  },
  setupFiles: ["<rootDir>/__tests__/support/environment.ts"],
};

/** `unit` needs nothing but npm packages; `terraform` runs the terraform binary; `policy` also runs checkov and zizmor; `e2e` also starts servers. */
module.exports = {
  projects: [
    {
      ...common,
      displayName: "unit",
      globalSetup: "<rootDir>/__tests__/support/build.js",
      testMatch: ["<rootDir>/__tests__/**/*.test.ts"],
      testPathIgnorePatterns: ["/node_modules/", "<rootDir>/__tests__/(terraform|mysql|policy|e2e)/"],
    },
    {
      ...common,
      displayName: "terraform",
      globalSetup: "<rootDir>/__tests__/terraform/support/install-providers.ts",
      testMatch: ["<rootDir>/__tests__/terraform/**/*.test.ts"],
    },
    { ...common, displayName: "policy", testMatch: ["<rootDir>/__tests__/policy/**/*.test.ts"] },
    { ...common, displayName: "mysql", testMatch: ["<rootDir>/__tests__/mysql/**/*.test.ts"] },
    { ...common, displayName: "e2e", testMatch: ["<rootDir>/__tests__/e2e/**/*.test.ts"] },
  ],
};
