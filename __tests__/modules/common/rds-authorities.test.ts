import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { RDS_CA_BUNDLE } from "../../../src/modules/common/assets";
import { rdsBundleUrl, regionFault, regionsWithRdsAuthority } from "../../../src/modules/common/rds-authorities";

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const text = readFileSync(RDS_CA_BUNDLE, "utf8");
const roots = (text.match(PEM) ?? []).map((pem) => new X509Certificate(pem));
const nameOf = ({ subject }: X509Certificate) => /^CN=(.*)$/m.exec(subject)?.[1] ?? "";

const COMMERCIAL =
  "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 " +
  "ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 " +
  "eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 " +
  "me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2";
const REGIONS = `${COMMERCIAL} us-gov-east-1 us-gov-west-1`.split(" ");

test("the commercial regions and GovCloud's are accepted, and no other", () => {
  expect([...regionsWithRdsAuthority()].sort()).toEqual([...REGIONS].sort());
  expect(REGIONS.map(regionFault).filter(Boolean)).toEqual([]);
});

test.each(REGIONS)("%s has a root for each kind of key that RDS signs with", (region) => {
  const names = roots.map(nameOf).filter((name) => name.includes(` ${region} `));
  expect(names.sort()).toEqual(["ECC384", "RSA2048", "RSA4096"].map((key) => `Amazon RDS ${region} Root CA ${key} G1`));
});

test("each root signs itself, may sign, and is valid for two more years: else run scripts/update-rds-ca-bundle.js", () => {
  const inTwoYears = new Date();
  inTwoYears.setFullYear(inTwoYears.getFullYear() + 2);
  for (const root of roots) {
    expect([nameOf(root), root.verify(root.publicKey), root.ca]).toEqual([nameOf(root), true, true]);
    expect(new Date(root.validTo).getTime()).toBeGreaterThan(inTwoYears.getTime());
  }
});

test("the bundle to download is the partition's own", () => {
  expect(rdsBundleUrl("eu-central-1")).toBe("https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem");
  expect(rdsBundleUrl("us-gov-east-1")).toBe(
    "https://truststore.pki.us-gov-west-1.rds.amazonaws.com/global/global-bundle.pem",
  );
});

describe("scripts/update-rds-ca-bundle.js", () => {
  const root = path.join(__dirname, "..", "..", "..");
  const shipped = path.join(root, "glue", "xray_backup", "rds-ca-bundle.pem");
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), "authorities-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const updateFrom = (...sources: string[]) =>
    execFileSync(process.execPath, [path.join(root, "scripts", "update-rds-ca-bundle.js"), ...sources], {
      encoding: "utf8",
      stdio: "pipe",
    });
  const update = (bundle: string) => {
    const file = path.join(folder, "bundle.pem");
    writeFileSync(file, bundle);
    return updateFrom(file);
  };

  it("names the source that it cannot reach, the reason, and another way", () => {
    expect(() => updateFrom("https://rds.invalid/global-bundle.pem")).toThrow(
      /^update-rds-ca-bundle: cannot read https:\/\/rds\.invalid\/global-bundle\.pem \(.+\): download it elsewhere and give the files as arguments$/m,
    );
  });

  it("writes the same file from the same roots, in whatever order they come", () => {
    const before = readFileSync(shipped, "utf8");
    expect(update([...(before.match(PEM) ?? [])].reverse().join("\n"))).toBe(`${roots.length} roots\n`);
    expect(readFileSync(shipped, "utf8")).toBe(before);
  });

  it("writes nothing where a region would lose its roots, or where a root is not signed by itself", () => {
    const before = readFileSync(shipped, "utf8");
    const [first = "", ...others] = before.match(PEM) ?? [];
    expect(() => update(others.join("\n"))).toThrow(
      "update-rds-ca-bundle: the sources have no af-south-1 Root CA ECC384 G1: nothing is written",
    );
    // Ends in the signature: another byte there breaks it.
    const forged = first.replace(
      /(.)(=*\n-----END)/,
      (_, last: string, end: string) => `${last === "A" ? "Q" : "A"}${end}`,
    );
    expect(() => update([forged, ...others].join("\n"))).toThrow(
      "af-south-1 Root CA ECC384 G1: the certificate is not signed by itself",
    );
    expect(readFileSync(shipped, "utf8")).toBe(before);
  });
});
