import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../tools/paths";

/** Packages that a project installs, by name. */
type Dependencies = Readonly<Record<string, string>>;

/** A set of peers that one of the two packages promises to work with. */
export interface PeerSet {
  /** The project's Terraform CDK, and with it which of the two packages it installs. */
  readonly cdk: "cdktf" | "cdktn";
  /** Exact versions. */
  readonly dependencies: Dependencies;
}

const { devDependencies } = JSON.parse(readFileSync(path.join(repositoryRoot, "package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
};

/** The version of a package that this repository is built and tested with. */
export function pinned(name: string): string {
  const version = devDependencies[name];
  if (version === undefined) throw new Error(`package.json has no devDependency ${name}`);
  return version;
}

/** The ends of each package's peer ranges. */
export const PEER_SETS: Readonly<Record<string, PeerSet>> = {
  "cdktf-aws-20": {
    cdk: "cdktf",
    dependencies: {
      "@cdktf/provider-aws": pinned("@cdktf/provider-aws"),
      cdktf: pinned("cdktf"),
      constructs: pinned("constructs"),
    },
  },
  "cdktf-aws-21": {
    cdk: "cdktf",
    dependencies: { "@cdktf/provider-aws": "21.22.1", cdktf: "0.21.0", constructs: "10.8.1" },
  },
  "cdktn-aws-25": {
    cdk: "cdktn",
    dependencies: { "@cdktn/provider-aws": "25.7.0", cdktn: "0.24.0", constructs: "10.7.2" },
  },
};

/** Modules that a project's TypeScript compiles to, and the way they are run. */
export interface ModuleFormat {
  /** `type` of the project's package.json. */
  readonly type: "commonjs" | "module";
  /** TypeScript's `module`. */
  readonly module: string;
  /** TypeScript's `moduleResolution`. */
  readonly moduleResolution: string;
  /**
   * The bundle that esbuild makes, for resolutions that Node.js does not have.
   * @default - none, the compiled file is run
   */
  readonly bundle?: "cjs" | "esm";
}

/** Every way in which a project may resolve modules. */
export const MODULE_FORMATS: Readonly<Record<string, ModuleFormat>> = {
  "cjs-node": { type: "commonjs", module: "CommonJS", moduleResolution: "Node10" },
  "cjs-node16": { type: "commonjs", module: "Node16", moduleResolution: "Node16" },
  "cjs-nodenext": { type: "commonjs", module: "NodeNext", moduleResolution: "NodeNext" },
  "cjs-bundler": { type: "commonjs", module: "ESNext", moduleResolution: "Bundler", bundle: "cjs" },
  "esm-node16": { type: "module", module: "Node16", moduleResolution: "Node16" },
  "esm-nodenext": { type: "module", module: "NodeNext", moduleResolution: "NodeNext" },
  "esm-bundler": { type: "module", module: "ESNext", moduleResolution: "Bundler", bundle: "esm" },
};

/** Package managers. */
export const PACKAGE_MANAGERS = ["npm", "pnpm", "yarn"] as const;
/** One of {@link PACKAGE_MANAGERS}. */
export type PackageManager = (typeof PACKAGE_MANAGERS)[number];

/** Releases of Node.js that are supported, by their first number: npm's package `node` brings each. */
export const NODE_RELEASES = { 20: "20.20.2", 22: "22.23.3", 24: "24.21.0" } as const;

/** The tools of the whole matrix, by the name under which they are installed. */
export const MATRIX_TOOLS: Dependencies = {
  ...Object.fromEntries(
    Object.entries(NODE_RELEASES).map(([major, version]) => [`node${major}`, `npm:node@${version}`]),
  ),
  pnpm: "10.34.9",
  yarn: "1.22.22",
};
