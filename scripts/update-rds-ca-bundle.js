// Renews glue/xray_backup/rds-ca-bundle.pem: the root certificates with which RDS signs in each region, from the bundles that AWS
// publishes for the commercial regions and for GovCloud. A region must not lose its roots by it.
//   node scripts/update-rds-ca-bundle.js [file or URL of a bundle …]
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
const { X509Certificate } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const BUNDLE = path.join(__dirname, "..", "glue", "xray_backup", "rds-ca-bundle.pem");
const AWS = [
  "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem",
  "https://truststore.pki.us-gov-west-1.rds.amazonaws.com/global/global-bundle.pem",
];
// Roots of today only: those of 2019 have expired, and nobody's database has one of the names "Beta" and "Preview".
const SUBJECT = /^CN=Amazon RDS ([a-z]{2}(?:-[a-z]+)+-\d) (Root CA (?:RSA2048|RSA4096|ECC384) G\d+)$/m;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

async function read(source) {
  if (!source.startsWith("https://")) return fs.readFileSync(source, "utf8");
  const response = await fetch(source).catch((error) => {
    const reason = error.cause?.message || error.message;
    throw new Error(`cannot read ${source} (${reason}): download it elsewhere and give the files as arguments`);
  });
  if (!response.ok) throw new Error(`${source}: ${response.status} ${response.statusText}`);
  return response.text();
}

/** The current roots of a bundle by region and name; throws where one is not signed by itself. */
function roots(text) {
  const found = new Map();
  for (const pem of text.match(PEM) ?? []) {
    const certificate = new X509Certificate(pem);
    const [, region, name] = SUBJECT.exec(certificate.subject) ?? [];
    if (region === undefined || new Date(certificate.validTo) < new Date()) continue;
    const key = `${region} ${name}`;
    if (certificate.subject !== certificate.issuer || !certificate.verify(certificate.publicKey)) {
      throw new Error(`${key}: the certificate is not signed by itself`);
    }
    const { fingerprint256 } = certificate;
    if (found.has(key) && found.get(key).fingerprint256 !== fingerprint256) throw new Error(`${key}: there are two`);
    found.set(key, certificate);
  }
  return found;
}

async function update(sources) {
  const texts = await Promise.all((sources.length > 0 ? sources : AWS).map(read));
  const renewed = roots(texts.join("\n"));
  const present = fs.existsSync(BUNDLE) ? roots(fs.readFileSync(BUNDLE, "utf8")) : new Map();
  const lost = [...present.keys()].filter((key) => !renewed.has(key));
  if (lost.length > 0) throw new Error(`the sources have no ${lost.join(", no ")}: nothing is written`);
  const keys = [...renewed.keys()].sort();
  for (const key of keys) {
    const { fingerprint256 } = renewed.get(key);
    const before = present.get(key)?.fingerprint256;
    if (before !== fingerprint256) console.log(`${before === undefined ? "new" : "changed"}: ${key} ${fingerprint256}`);
  }
  fs.writeFileSync(BUNDLE, keys.map((key) => renewed.get(key).toString()).join(""));
  console.log(`${keys.length} roots`);
}

update(process.argv.slice(2)).catch((error) => {
  console.error(`update-rds-ca-bundle: ${error.message}`);
  process.exitCode = 1;
});
