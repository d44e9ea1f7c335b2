import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findMirrors, renderCliConfig, terraformEnvironment } from "../../../local/environment/terraform-cli-config";

const original = { ...process.env };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "mirror-"));
  process.env = { PATH: original["PATH"], HOME: folder };
});

afterEach(() => {
  process.env = { ...original };
  rmSync(folder, { recursive: true });
});

function provider(mirror: string, name: string): string {
  mkdirSync(path.join(folder, mirror, "registry.terraform.io", name, "1.0.0", "linux_amd64"), { recursive: true });
  return path.join(folder, mirror);
}

test("a provider is taken from the first mirror that has it", () => {
  const named = provider("named", "acme/one");
  const implied = provider("data/terraform/plugins", "acme/one");
  provider("data/terraform/plugins", "acme/two");
  process.env["TF_PROVIDER_MIRROR"] = named;
  process.env["XDG_DATA_HOME"] = path.join(folder, "data");
  const mirrors = findMirrors().filter((mirror) => mirror.folder.startsWith(folder));
  expect(mirrors).toEqual([
    { folder: named, providers: ["acme/one"] },
    { folder: implied, providers: ["acme/two"] },
  ]);
});

test("the configuration names what each mirror has, and takes the rest from the registry", () => {
  expect(renderCliConfig([{ folder: "/mirror", providers: ["acme/one", "acme/two"] }])).toBe(
    [
      "provider_installation {",
      "  filesystem_mirror {",
      '    path    = "/mirror"',
      '    include = ["registry.terraform.io/acme/one","registry.terraform.io/acme/two"]',
      "  }",
      "  direct {",
      '    exclude = ["registry.terraform.io/acme/one","registry.terraform.io/acme/two"]',
      "  }",
      "}",
      "",
    ].join("\n"),
  );
});

test("OpenTofu finds what Terraform's mirror has under its own registry's name", () => {
  process.env["TERRAFORM_BINARY_NAME"] = "tofu";
  const mirror = provider("named", "acme/one");
  const binary = path.join("acme/one/1.0.0/linux_amd64/terraform-provider-one");
  writeFileSync(path.join(mirror, "registry.terraform.io", binary), "the provider");
  process.env["TF_PROVIDER_MIRROR"] = mirror;
  const [found] = findMirrors().filter(({ providers }) => providers.includes("acme/one"));
  expect(readFileSync(path.join(found?.folder ?? "", "registry.opentofu.org", binary), "utf8")).toBe("the provider");
  expect(renderCliConfig(found ? [found] : [])).toContain('include = ["registry.opentofu.org/acme/one"]');
});

test("a folder that is no mirror is refused", () => {
  process.env["TF_PROVIDER_MIRROR"] = folder;
  expect(() => findMirrors()).toThrow(
    `TF_PROVIDER_MIRROR must name a folder that holds registry.terraform.io/, got ${folder}`,
  );
});

test("a configuration of the user's own is kept, one that is not there is replaced", () => {
  const own = path.join(folder, "own.rc");
  writeFileSync(own, "");
  process.env["TF_CLI_CONFIG_FILE"] = own;
  expect(terraformEnvironment()["TF_CLI_CONFIG_FILE"]).toBe(own);
  process.env["TF_CLI_CONFIG_FILE"] = path.join(folder, "missing.rc");
  const written = String(terraformEnvironment()["TF_CLI_CONFIG_FILE"]);
  expect(existsSync(written)).toBe(true);
  expect(readFileSync(written, "utf8")).toContain("provider_installation");
});
