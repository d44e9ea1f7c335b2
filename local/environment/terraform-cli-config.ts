import { createHash } from "node:crypto";
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { localPath } from "../tools/paths";
import { isOpenTofu } from "../tools/terraform-binary";
import { ToolError } from "../tools/tool-error";

const TERRAFORM_REGISTRY = "registry.terraform.io";
const OPENTOFU_REGISTRY = "registry.opentofu.org";

/** The registry whose providers the program of this run asks for. */
const registry = (): string => (isOpenTofu() ? OPENTOFU_REGISTRY : TERRAFORM_REGISTRY);

/** A folder that holds providers, and which, as `namespace/type`. */
export interface ProviderMirror {
  readonly folder: string;
  readonly providers: string[];
}

/** Terraform's implied mirrors: https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories */
function impliedMirrors(): string[] {
  const dataHome = process.env["XDG_DATA_HOME"] ?? path.join(homedir(), ".local", "share");
  return [
    path.join(homedir(), ".terraform.d", "plugins"),
    path.join(dataHome, "terraform", "plugins"),
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
  ];
}

/** Folders for optional software: https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch03s13.html */
function optionalSoftware(): string[] {
  return ["/opt", "/usr/local/lib", "/srv"].flatMap((parent) => folders(parent).map((name) => path.join(parent, name)));
}

/** Folders below a folder; a link counts as what it points to only if that is a folder too, and an unreadable one as empty. */
function folders(parent: string): string[] {
  try {
    return readdirSync(parent).filter((name) =>
      statSync(path.join(parent, name), { throwIfNoEntry: false })?.isDirectory(),
    );
  } catch {
    return [];
  }
}

/**
 * A mirror with what Terraform's mirror holds, under the name of OpenTofu's registry, which has the same packages; it takes no
 * space on a disk where files can be linked.
 */
function copyForOpenTofu(mirror: string): string {
  const source = path.join(mirror, TERRAFORM_REGISTRY);
  const copy = localPath("opentofu-mirror", createHash("sha256").update(mirror).digest("hex").slice(0, 16));
  const target = path.join(copy, OPENTOFU_REGISTRY);
  if (!existsSync(source) || existsSync(target)) return copy;
  const files = readdirSync(source, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of files) {
    const from = path.join(file.parentPath, file.name);
    const to = path.join(target, path.relative(source, from));
    mkdirSync(path.dirname(to), { recursive: true });
    try {
      linkSync(from, to);
    } catch {
      copyFileSync(from, to); // another disk
    }
  }
  return copy;
}

/**
 * The mirrors on this machine, in the order in which they are asked; a provider counts for the first that has it.
 *
 * @throws ToolError where `TF_PROVIDER_MIRROR` names a folder that is no mirror
 */
export function findMirrors(): ProviderMirror[] {
  const named = process.env["TF_PROVIDER_MIRROR"];
  const isMirror = (folder: string): boolean =>
    [TERRAFORM_REGISTRY, registry()].some((host) => existsSync(path.join(folder, host)));
  if (named !== undefined && named !== "" && !isMirror(named)) {
    throw new ToolError(`TF_PROVIDER_MIRROR must name a folder that holds ${registry()}/, got ${named}`);
  }
  const all = [...(named ? [path.resolve(named)] : []), ...impliedMirrors(), ...optionalSoftware()];
  const candidates = isOpenTofu() ? all.flatMap((folder) => [folder, copyForOpenTofu(folder)]) : all;
  const seen = new Set<string>();
  return candidates.flatMap((folder) => {
    const found = folders(path.join(folder, registry())).flatMap((namespace) =>
      folders(path.join(folder, registry(), namespace)).map((type) => `${namespace}/${type}`),
    );
    const providers = found.filter((provider) => !seen.has(provider));
    providers.forEach((provider) => seen.add(provider));
    return providers.length > 0 ? [{ folder, providers }] : [];
  });
}

/** The CLI configuration that takes from each mirror what it has, and the rest from the registry. */
export function renderCliConfig(mirrors: ProviderMirror[]): string {
  const list = (providers: string[]): string =>
    JSON.stringify(providers.map((provider) => `${registry()}/${provider}`));
  const blocks = mirrors.map(
    ({ folder, providers }) =>
      `  filesystem_mirror {\n    path    = ${JSON.stringify(folder)}\n    include = ${list(providers)}\n  }\n`,
  );
  const exclude = list(mirrors.flatMap(({ providers }) => providers));
  return `provider_installation {\n${blocks.join("")}  direct {\n    exclude = ${exclude}\n  }\n}\n`;
}

/**
 * The variables that Terraform and cdktf run with: providers are found where there are any, nothing is written outside of
 * `.local`, and no AWS profile of the user's gets in the way of the emulator.
 */
export function terraformEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  delete environment["AWS_PROFILE"];
  const own = environment["TF_CLI_CONFIG_FILE"];
  let configFile = own;
  if (own === undefined || !existsSync(own)) {
    const text = renderCliConfig(findMirrors());
    // Named after its content: a run with other mirrors beside this one has a file of its own.
    configFile = localPath("terraform", `${createHash("sha256").update(text).digest("hex").slice(0, 16)}.tfrc`);
    mkdirSync(path.dirname(configFile), { recursive: true });
    writeFileSync(configFile, text);
  }
  const pluginCache = localPath(isOpenTofu() ? "opentofu-plugin-cache" : "plugin-cache");
  mkdirSync(pluginCache, { recursive: true });
  return {
    ...environment,
    CDKTF_HOME: localPath("cdktf"),
    CHECKPOINT_DISABLE: "1",
    CI: "1",
    NO_PROXY: [environment["NO_PROXY"], "127.0.0.1", "localhost"].filter(Boolean).join(","),
    TF_CLI_CONFIG_FILE: configFile,
    TF_IN_AUTOMATION: "1",
    TF_INPUT: "0",
    TF_PLUGIN_CACHE_DIR: pluginCache,
  };
}
