// Regenerates src/providers/mysql from mysql-provider-schema.json, without network and without terraform.
// Usage: node scripts/generate-mysql-bindings.js <output folder>
process.env.CHECKPOINT_DISABLE = "1";
const { ConstructsMaker, TerraformProviderConstraint } = require("@cdktf/provider-generator");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const CONSTRAINT = "petoju/mysql@~> 3.0.88";

async function generate(outputFolder) {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), "mysql-bindings-"));
  try {
    const constraint = new TerraformProviderConstraint(CONSTRAINT);
    const cacheFile = `${encodeURIComponent(constraint.fqn)}@${encodeURIComponent(constraint.version)}.json`;
    // An exact version in the schema would land in required_providers; a library leaves the choice to its user.
    const schema = JSON.parse(fs.readFileSync(path.join(__dirname, "mysql-provider-schema.json"), "utf8"));
    delete schema.provider_versions;
    fs.writeFileSync(path.join(work, cacheFile), JSON.stringify(schema));
    await new ConstructsMaker({ codeMakerOutput: path.join(work, "gen"), targetLanguage: "typescript" }, work).generate(
      [constraint],
    );
    fs.rmSync(outputFolder, { recursive: true, force: true });
    fs.cpSync(path.join(work, "gen", "providers", "mysql"), outputFolder, {
      recursive: true,
      filter: (source) => !source.endsWith("README.md"),
    });
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

generate(path.resolve(process.argv[2])).catch((error) => {
  console.error(`generate-mysql-bindings: ${error.message}`);
  process.exit(1);
});
