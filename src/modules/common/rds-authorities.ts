import { X509Certificate } from "node:crypto";
import * as fs from "node:fs";
import { documentationPage } from "../../schema/documentation";
import { assetPath } from "./assets";

let regions: ReadonlySet<string> | undefined;

/** The regions whose databases the shipped bundle can verify: RDS signs with roots that name their region. */
export function regionsWithRdsAuthority(): ReadonlySet<string> {
  regions ??= new Set(
    fs
      .readFileSync(assetPath("rds-ca-bundle.pem"), "utf8")
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .map((pem) => / RDS (\S+) Root CA /.exec(new X509Certificate(pem).subject)?.[1] ?? ""),
  );
  return regions;
}

/** The reason for which nothing of this package can be in a region of China; undefined for other regions. */
export function chinaFault(region: string): string | undefined {
  if (!region.startsWith("cn-")) return undefined;
  return `region must not be in China, got "${region}": RDS's authorities, endpoints and principals are others there`;
}

/** The reason for which no database can be in a region; undefined where one can. */
export function regionFault(region: string): string | undefined {
  if (regionsWithRdsAuthority().has(region)) return undefined;
  return (
    chinaFault(region) ??
    `region must be one whose RDS authority this package ships, such as eu-central-1, got ${JSON.stringify(region)}: ` +
      `see RDS_CA_BUNDLE in ${documentationPage("modules/metadata-database")}`
  );
}

/** URL at which AWS publishes the authorities of a region's partition. */
export function rdsBundleUrl(region: string): string {
  const host = region.startsWith("us-gov-") ? "truststore.pki.us-gov-west-1.rds" : "truststore.pki.rds";
  return `https://${host}.amazonaws.com/global/global-bundle.pem`;
}
