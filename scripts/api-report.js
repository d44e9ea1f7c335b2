// Holds the public API, as the declarations of the built package have it, against the reports in docs/api.
// Usage: node scripts/api-report.js [--write]
const fs = require("node:fs");
const path = require("node:path");
const { Extractor, ExtractorConfig } = require("@microsoft/api-extractor");

const root = path.join(__dirname, "..");

/** Entry points of the package, by the name of their report. */
const ENTRY_POINTS = { "cdktf-xray-data-lake": "dist/index.d.ts", stacks: "dist/stacks/index.d.ts" };

/** True where the report of an entry point is another one than that in docs/api; `write` puts it there. */
function report(name, entryPoint, write) {
  const temporary = path.join(root, ".local", "api");
  fs.mkdirSync(temporary, { recursive: true });
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: path.join(root, "package.json"),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: path.join(root, entryPoint),
      compiler: { tsconfigFilePath: path.join(root, "tsconfig.json") },
      apiReport: {
        enabled: true,
        // What a user gets by way of an exported type is as public as the type.
        includeForgottenExports: true,
        reportFolder: path.join(root, "docs", "api"),
        reportTempFolder: temporary,
        reportFileName: `${name}.api.md`,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: "error" } },
        // The names of the report are the report's own matter; documentation is checked by lint.
        extractorMessageReporting: { default: { logLevel: "none" } },
        tsdocMessageReporting: { default: { logLevel: "none" } },
      },
    },
  });
  const messageCallback = (message) => {
    message.handled = message.logLevel !== "error";
  };
  const { apiReportChanged, succeeded } = Extractor.invoke(config, { localBuild: write, messageCallback });
  if (write && !succeeded) throw new Error(`no report of ${entryPoint}: run npm run build first`);
  return apiReportChanged;
}

const write = process.argv[2] === "--write";
const changed = Object.entries(ENTRY_POINTS).filter(([name, entryPoint]) => report(name, entryPoint, write));
for (const [name] of changed) {
  console.error(
    write
      ? `docs/api/${name}.api.md: written`
      : `docs/api/${name}.api.md: the public API has changed: npm run api-report writes it anew, for the review`,
  );
}
if (changed.length > 0 && !write) process.exitCode = 1;
