import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkJava, checkMachine } from "../../../local/tools/machine";

const PATH = process.env["PATH"];
let bin: string;

beforeEach(() => {
  bin = mkdtempSync(path.join(tmpdir(), "bin-"));
  program("python3", "Python 3.11.7");
  program("terraform", "Terraform v1.11.4");
  program("java", 'openjdk version \\"17.0.15\\" 2025-04-15');
  process.env["PATH"] = bin;
});

afterEach(() => {
  process.env["PATH"] = PATH;
  rmSync(bin, { recursive: true });
});

/** A program that prints a version, in a PATH that has no other. */
function program(name: string, says: string): void {
  const file = path.join(bin, name);
  writeFileSync(file, `#!/bin/sh\necho "${says}"\n`);
  chmodSync(file, 0o755);
}

test("says the versions of what is there", async () => {
  expect(await checkMachine()).toEqual({
    node: process.version.slice(1),
    python3: "3.11.7",
    terraform: "1.11.4",
  });
});

test("asks for no Java where nothing of Spark runs", async () => {
  rmSync(path.join(bin, "java"));
  await expect(checkMachine()).resolves.not.toHaveProperty("java");
  await expect(checkJava()).rejects.toThrow("java >=17 <18 is needed and not on this machine: install it");
});

test("says the version of Java to what needs it", async () => {
  expect(await checkJava()).toBe("17.0.15");
});

test("refuses a Terraform before 1.11", async () => {
  program("terraform", "Terraform v1.9.8");
  await expect(checkMachine()).rejects.toThrow(
    "terraform >=1.11 is needed, this machine has 1.9.8: install another version (https://developer.hashicorp.com/terraform/install)",
  );
});

test("takes OpenTofu where cdktf's variable names it", async () => {
  program("tofu", "OpenTofu v1.12.6");
  process.env["TERRAFORM_BINARY_NAME"] = "tofu";
  try {
    expect(await checkMachine()).toEqual({ node: process.version.slice(1), python3: "3.11.7", opentofu: "1.12.6" });
    program("tofu", "OpenTofu v1.10.0");
    await expect(checkMachine()).rejects.toThrow("opentofu >=1.11 is needed, this machine has 1.10.0");
  } finally {
    delete process.env["TERRAFORM_BINARY_NAME"];
  }
});

test("refuses a Java that Spark does not run on", async () => {
  program("java", 'openjdk version \\"21.0.2\\" 2024-01-16');
  await expect(checkJava()).rejects.toThrow(
    "java >=17 <18 is needed, this machine has 21.0.2: install another version (Java 17, which the Spark of Glue runs on)",
  );
});

test("says what to install where Python cannot make virtual environments, as Debian's own cannot", async () => {
  const script = 'case "$*" in *ensurepip*) exit 1;; esac; echo "Python 3.11.7"';
  writeFileSync(path.join(bin, "python3"), `#!/bin/sh\n${script}\n`);
  await expect(checkMachine()).rejects.toThrow(
    "python3 >=3.11 is needed and not on this machine: install it (python3 and python3-venv of your system)",
  );
});

test("says what to install where Python is missing", async () => {
  rmSync(path.join(bin, "python3"));
  await expect(checkMachine()).rejects.toThrow(
    "python3 >=3.11 is needed and not on this machine: install it (python3 and python3-venv of your system)",
  );
});
