import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { repositoryRoot } from "../tools/paths";
import { runCommand } from "../tools/run-command";
import type { ModuleFormat, PackageManager, PeerSet } from "./combinations";
import { pinned } from "./combinations";
import { EVERY_OPTION, readStacks } from "./stack-attributes";

const EXAMPLE = path.join(repositoryRoot, "examples", "own-stack", "main.ts");

/** The context in which a project for cdktn has to declare its versions; cdktf does not look at it. */
const TARGET_VERSIONS = JSON.stringify({ targetVersions: { terraform: ">=1.11.0", opentofu: ">=1.11.0" } });

/** Install commands, without a flag that changes what is installed. */
const INSTALL: Record<PackageManager, string[]> = {
  npm: ["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"],
  pnpm: ["install", "--prefer-offline", "--reporter=append-only"],
  yarn: ["install", "--prefer-offline", "--no-progress"],
};

const COMMONJS_IN_ESM = `
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { dirname } from "node:path";
const require = createRequire(import.meta.url);
const __filename = fileURLToPath(import.meta.url);
const __dirname = dirname(__filename);`;

/** A project of its own that installs one of the two packages and composes its constructs as examples/own-stack does. */
export class Consumer {
  /** The name of the installed package. */
  readonly packageName: string;

  constructor(
    readonly folder: string,
    private readonly peers: PeerSet,
  ) {
    this.packageName = `${peers.cdk}-xray-data-lake`;
  }

  /** Writes the project and installs the tarball beside its peers. `command` runs the package manager. */
  async install(manager: PackageManager, command: readonly [string, ...string[]], tarball: string): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
    this.writeManifest({ [this.packageName]: `file:${tarball}` });
    const [program, ...first] = command;
    await runCommand(program, [...first, ...INSTALL[manager]], { cwd: this.folder, env: userEnvironment() });
  }

  /** Type-checks the project in a format of modules and compiles it, or bundles it where the format asks for that. */
  async compile(name: string, format: ModuleFormat): Promise<void> {
    const own = this.formatFolder(name);
    rmSync(own, { recursive: true, force: true });
    mkdirSync(own, { recursive: true });
    // The nearest package.json says which modules a folder has.
    writeFileSync(path.join(own, "package.json"), JSON.stringify({ type: format.type }));
    writeFileSync(path.join(own, "main.ts"), this.source(format));
    const { module, moduleResolution, bundle } = format;
    const compilerOptions = { target: "ES2022", module, moduleResolution, strict: true, types: ["node"] };
    writeFileSync(
      path.join(own, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...compilerOptions, skipLibCheck: true, noEmit: bundle !== undefined } }),
    );
    const tsc = path.join(this.folder, "node_modules", "typescript", "bin", "tsc");
    await runCommand(process.execPath, [tsc, "-p", own], { cwd: this.folder });
    if (bundle !== undefined) await this.bundle(own, bundle);
  }

  /** Type-checks this repository's sources with the project's peers: arguments that their bindings lack, or newly require, end it. */
  async checkSources(): Promise<void> {
    const { cdk } = this.peers;
    const modules = path.join(this.folder, "node_modules");
    const paths = {
      cdktf: [path.join(modules, cdk)],
      "cdktf/*": [path.join(modules, cdk, "*")],
      constructs: [path.join(modules, "constructs")],
      "@cdktf/provider-aws/*": [path.join(modules, `@${cdk}`, "provider-aws", "*")],
    };
    const own = path.join(this.folder, "sources.json");
    writeFileSync(
      own,
      JSON.stringify({
        extends: path.join(repositoryRoot, "tsconfig.json"),
        compilerOptions: {
          noEmit: true,
          incremental: false,
          tsBuildInfoFile: null,
          rootDir: "/",
          typeRoots: [path.join(repositoryRoot, "node_modules", "@types")],
          paths,
        },
        include: [path.join(repositoryRoot, "src")],
      }),
    );
    const tsc = path.join(repositoryRoot, "node_modules", "typescript", "bin", "tsc");
    await runCommand(process.execPath, [tsc, "-p", own], { cwd: this.folder });
  }

  /** Synthesizes what {@link compile} made; returns the stacks by name, without what names this folder or the construct library. */
  async synthesize(name: string, node: string): Promise<Record<string, unknown>> {
    const own = this.formatFolder(name);
    const out = path.join(own, "cdktf.out");
    rmSync(out, { recursive: true, force: true });
    await runCommand(node, ["main.js"], {
      cwd: own,
      env: { ...userEnvironment(), CDKTF_CONTEXT_JSON: TARGET_VERSIONS },
    });
    const stacks = path.join(out, "stacks");
    const read = (stack: string): unknown =>
      JSON.parse(readFileSync(path.join(stacks, stack, "cdk.tf.json"), "utf8"), (key, value: unknown) => {
        if (key === "//") return undefined;
        return typeof value === "string" ? value.replace(own, "") : value;
      });
    return Object.fromEntries(
      readdirSync(stacks)
        .sort()
        .map((stack) => [stack, read(stack)]),
    );
  }

  /** Output of a synth without declared versions, which cdktn refuses and cdktf does not look for. */
  async synthesizeWithoutTargetVersions(name: string): Promise<string> {
    const { output } = await runCommand(process.execPath, ["main.js"], {
      cwd: this.formatFolder(name),
      env: userEnvironment(),
      okCodes: [0, 1],
    });
    return output;
  }

  /** Synthesizes the environments of this repository by the installed package; returns the stacks by name. */
  async synthesizeEnvironments(node: string): Promise<Record<string, Record<string, unknown>>> {
    const dist = path.join(this.folder, "node_modules", this.packageName, "dist");
    // The package has neither: they are this repository's own app.
    for (const file of ["main.js", path.join("stacks", "environments.js")]) {
      const text = readFileSync(path.join(repositoryRoot, "dist", file), "utf8");
      writeFileSync(path.join(dist, file), text.replaceAll('"cdktf"', `"${this.peers.cdk}"`));
    }
    const outdir = path.join(this.folder, "environments");
    rmSync(outdir, { recursive: true, force: true });
    const env = { ...userEnvironment(), ...EVERY_OPTION, CDKTF_OUTDIR: outdir };
    await runCommand(node, [path.join(dist, "main.js")], { cwd: this.folder, env });
    return readStacks(outdir);
  }

  /** The folder of a format's project, with `cdktf.out` in it. */
  formatFolder(name: string): string {
    return path.join(this.folder, name);
  }

  private writeManifest(own: Record<string, string>): void {
    const manifest = {
      name: "consumer",
      private: true,
      dependencies: { ...this.peers.dependencies, ...own },
      devDependencies: Object.fromEntries(["@types/node", "typescript"].map((tool) => [tool, pinned(tool)] as const)),
    };
    writeFileSync(path.join(this.folder, "package.json"), JSON.stringify(manifest, null, 2));
  }

  /** The example, with the project's own names of its modules. */
  private source({ type, bundle }: ModuleFormat): string {
    const text = readFileSync(EXAMPLE, "utf8")
      .replaceAll("cdktf-xray-data-lake", this.packageName)
      .replaceAll('"@cdktf/', `"@${this.peers.cdk}/`)
      .replaceAll('"cdktf"', `"${this.peers.cdk}"`);
    // Node.js finds no index file of a folder for an import; the bindings have no `exports` that would name it.
    return type === "module" && bundle === undefined
      ? text.replaceAll(/("@cdkt[fn]\/provider-aws\/lib\/[a-z0-9-]+)"/g, '$1/index.js"')
      : text;
  }

  /** A bundle of everything, with the package's files beside it. */
  private async bundle(own: string, format: "cjs" | "esm"): Promise<void> {
    await build({
      entryPoints: [path.join(own, "main.ts")],
      outfile: path.join(own, "main.js"),
      bundle: true,
      platform: "node",
      format,
      logLevel: "error",
      // Names that CommonJS modules have without asking, for those in the bundle.
      banner: format === "esm" ? { js: COMMONJS_IN_ESM } : {},
    });
    for (const folder of [path.join("dist", "assets"), "sql"]) {
      const from = path.join(this.folder, "node_modules", this.packageName, folder);
      cpSync(from, path.join(own, this.packageName, folder), { recursive: true });
    }
  }
}

/** As in a shell of the user's own: npm tells its children about the project that it runs in. */
export function userEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(registry|cache|userconfig))/i.test(name)),
  );
}
