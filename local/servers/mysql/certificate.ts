import { writeFile } from "node:fs/promises";
import path from "node:path";
import { generate } from "selfsigned";

/** Files of one certificate, in PEM. */
export interface CertificateFiles {
  /** The certificate, which is its own authority. */
  readonly certificateFile: string;
  /** The private key, readable by its owner only. */
  readonly keyFile: string;
}

/**
 * Writes a certificate for 127.0.0.1 and localhost. The one that a server makes by itself names no host, so that a client
 * that checks names, as Terraform's provider does, refuses it.
 *
 * @param hosts further names
 */
export async function writeCertificate(folder: string, hosts: string[] = []): Promise<CertificateFiles> {
  const pem = await generate([{ name: "commonName", value: "localhost" }], {
    keySize: 2048,
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      {
        name: "subjectAltName",
        altNames: [
          ...["localhost", ...hosts].map((value) => ({ type: 2 as const, value })),
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
  const files = { certificateFile: path.join(folder, "server.pem"), keyFile: path.join(folder, "server.key") };
  await writeFile(files.certificateFile, pem.cert);
  await writeFile(files.keyFile, pem.private, { mode: 0o600 });
  return files;
}
