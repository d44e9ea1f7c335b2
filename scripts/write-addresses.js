// Writes into package.json where the repository that runs a release stands: npm's provenance wants `repository` to name it, and
// `homepage` is the address of the documentation's site on GitHub Pages.
// Usage: GITHUB_SERVER_URL=https://github.com GITHUB_REPOSITORY=OWNER/NAME node scripts/write-addresses.js
const fs = require("node:fs");

const { GITHUB_SERVER_URL: server = "", GITHUB_REPOSITORY: repository = "" } = process.env;

/** Address of a repository's pages on github.com; a server of one's own puts them where its administrator says. */
function homepage(owner, name) {
  const host = `${owner.toLowerCase()}.github.io`;
  if (server !== "https://github.com") return undefined;
  return name.toLowerCase() === host ? `https://${host}` : `https://${host}/${name}`;
}

function writeAddresses() {
  const [, owner, name] = /^([\w-]+)\/([\w.-]+)$/.exec(repository) ?? [];
  if (owner === undefined || !/^https:\/\/[^/]+$/.test(server)) {
    throw new Error(
      "GITHUB_SERVER_URL and GITHUB_REPOSITORY must be as GitHub Actions sets them, such as https://github.com and " +
        `owner/name, got "${server}" and "${repository}"`,
    );
  }
  const address = `${server}/${repository}`;
  const manifest = {
    ...JSON.parse(fs.readFileSync("package.json", "utf8")),
    homepage: homepage(owner, name),
    bugs: { url: `${address}/issues` },
    repository: { type: "git", url: `git+${address}.git` },
  };
  fs.writeFileSync("package.json", `${JSON.stringify(manifest, null, 2)}\n`);
}

try {
  writeAddresses();
} catch (error) {
  console.error(`write-addresses: ${error.message}`);
  process.exitCode = 1;
}
