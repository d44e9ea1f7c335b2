import eslint from "@eslint/js";
import prettier from "eslint-config-prettier";
import jsdoc from "eslint-plugin-jsdoc";
import tseslint from "typescript-eslint";

const awsIndexImport = {
  name: "@cdktf/provider-aws",
  message: "an index import loads 2,200 modules: import @cdktf/provider-aws/lib/<resource>",
};
const awsLibIndexImport = { ...awsIndexImport, name: "@cdktf/provider-aws/lib" };

/** Providers, backends, variables and outputs belong to stacks: a construct that makes one cannot be composed. */
const stackOnlyNames = ["TerraformProvider", "TerraformBackend", "LocalBackend", "S3Backend", "TerraformVariable"];

/** The corridors of src/modules and the corridors that each may import: docs/decisions/hierarchical-dependencies.md. */
const corridors = {
  common: [],
  network: ["common"],
  storage: ["common"],
  database: ["network", "common"],
  access: ["storage", "database", "network", "common"],
  backup: ["storage", "database", "network", "common"],
  ci: ["common"],
};

/** The corridors of local, in the same way. */
const localCorridors = {
  tools: [],
  cost: ["tools"],
  servers: ["tools"],
  replayer: ["tools"],
  environment: ["servers", "replayer", "tools"],
  packages: ["tools"],
  commands: ["cost", "packages", "environment", "servers", "replayer", "tools"],
};

/** A pattern for the imports that a corridor may not have. */
const otherCorridors = (all, name, imports) => {
  const others = Object.keys(all).filter((other) => other !== name && !imports.includes(other));
  return {
    regex: `^(\\.\\./)+(modules/)?(${others.join("|") || "-"})/`,
    message: `corridor ${name} imports ${imports.join(", ") || "no other corridor"}: arrows run one way`,
  };
};

const constructsRule = (...patterns) => [
  "error",
  {
    paths: [
      awsIndexImport,
      awsLibIndexImport,
      {
        name: "cdktf",
        importNames: [...stackOnlyNames, "TerraformOutput"],
        message: "stacks make these, constructs do not",
      },
      { name: "@cdktf/provider-aws/lib/provider", message: "stacks make providers, constructs do not" },
    ],
    patterns: [
      { group: ["**/stacks/*", "**/main"], message: "constructs never know environments or stacks" },
      ...patterns,
    ],
  },
];

/** Lint rules of a corridor of src/modules. */
const corridorRule = ([name, imports]) => ({
  files: [`src/modules/${name}/**/*.ts`],
  rules: { "no-restricted-imports": constructsRule(otherCorridors(corridors, name, imports)) },
});

/** Lint rules of a corridor of local. */
const localCorridorRule = ([name, imports]) => ({
  files: [`local/${name}/**/*.ts`],
  rules: { "no-restricted-imports": ["error", { patterns: [otherCorridors(localCorridors, name, imports)] }] },
});

export default tseslint.config(
  {
    ignores: [
      "node_modules",
      "dist",
      ".local",
      "cdktf.out",
      "src/providers",
      "site/.astro",
      "coverage",
      "glue",
      "airflow",
    ],
  },
  eslint.configs.recommended,
  ...tseslint.configs.strict,
  {
    files: ["**/*.ts"],
    plugins: { jsdoc },
    rules: {
      "no-restricted-imports": ["error", { paths: [awsIndexImport, awsLibIndexImport] }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-extraneous-class": "off",
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          // Two copies of a binding have two classes: instanceof is false for a construct made by the other one.
          selector: "BinaryExpression[operator='instanceof']",
          message: "no instanceof on constructs: use a symbol or terraformResourceType",
        },
      ],
      "jsdoc/no-restricted-syntax": [
        "error",
        {
          contexts: [
            {
              context: "TSPropertySignature[optional=true]",
              comment: "JsdocBlock:not(:has(JsdocTag[tag=default]))",
              message: "an optional prop says its @default",
            },
          ],
        },
      ],
      "jsdoc/require-jsdoc": [
        "error",
        {
          require: { FunctionDeclaration: false },
          contexts: [
            "ExportNamedDeclaration > ClassDeclaration",
            "ExportNamedDeclaration > TSInterfaceDeclaration",
            "ExportNamedDeclaration > TSEnumDeclaration",
            "TSInterfaceDeclaration TSPropertySignature",
          ],
          checkConstructors: false,
        },
      ],
    },
  },
  {
    // A construct stands in a corridor.
    files: ["src/modules/*.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector: "Program",
          message: `a construct stands in a corridor of src/modules: ${Object.keys(corridors).join(", ")}`,
        },
      ],
    },
  },
  ...Object.entries(corridors).map(corridorRule),
  ...Object.entries(localCorridors).map(localCorridorRule),
  {
    files: ["src/plan/**/*.ts", "src/schema/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { paths: ["cdktf", "constructs"], patterns: ["@cdktf/*", "**/modules/**", "**/stacks/*"] },
      ],
    },
  },
  {
    files: ["**/*.js"],
    languageOptions: {
      sourceType: "commonjs",
      globals: {
        require: "readonly",
        module: "writable",
        process: "readonly",
        console: "readonly",
        fetch: "readonly",
        __dirname: "readonly",
      },
    },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
  { files: ["**/*.mjs"], languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly" } } },
  {
    files: ["site/src/**/*.js", "site/tests/**/*.mjs"],
    languageOptions: { globals: { addEventListener: "readonly", document: "readonly", window: "readonly" } },
  },
  prettier,
);
