import { createServer } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startEmulator } from "../../local/emulator";
import { localPath } from "../../local/paths";
import { terraformEnvironment } from "../../local/terraform-cli-config";
import { checkAwsProvider } from "../../local/terraform-providers";

jest.setTimeout(120_000);

test("a port that is taken is refused", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await expect(startEmulator({ port })).rejects.toThrow(
    `port ${port} is taken by another program: stop it or choose another port`,
  );
  server.close();
});

test("a provider that is not to be had is named, with what to do", async () => {
  const mirror = mkdtempSync(path.join(tmpdir(), "empty-"));
  const configFile = path.join(mirror, "empty.rc");
  writeFileSync(
    configFile,
    `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`,
  );
  rmSync(localPath("providers"), { recursive: true, force: true });
  await expect(checkAwsProvider({ ...terraformEnvironment(), TF_CLI_CONFIG_FILE: configFile })).rejects.toThrow(
    "Terraform cannot get the provider hashicorp/aws 5.100.0: connect to its registry, or set TF_PROVIDER_MIRROR to a " +
      "folder that holds registry.terraform.io/hashicorp/aws",
  );
  rmSync(mirror, { recursive: true });
});
