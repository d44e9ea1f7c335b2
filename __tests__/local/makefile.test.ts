import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.join(__dirname, "..", "..");
let folder: string;

/** A fresh clone, as far as make reads it before the npm packages are there. */
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "make-"));
  for (const file of ["Makefile", "package.json", "package-lock.json"]) {
    copyFileSync(path.join(root, file), path.join(folder, file));
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a registry that never answers is told in seconds", async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const began = Date.now();
  const make = spawn("make", ["setup"], {
    cwd: folder,
    env: {
      ...process.env,
      npm_config_registry: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`,
      npm_config_cache: path.join(folder, "cache"),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  make.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(make, "close")) as [number];
  sockets.forEach((socket) => socket.destroy());
  silent.close();
  expect(stderr).toContain("Error: npm ci failed, is the npm registry reachable? (log: .local/log/npm-ci.log)\n");
  expect(code).not.toBe(0);
  expect(sockets).not.toEqual([]);
  expect((Date.now() - began) / 1000).toBeLessThan(30);
}, 60_000);

test("a second make in the folder is told of the first", () => {
  mkdirSync(path.join(folder, ".local", "npm-ci.lock"), { recursive: true });
  const { stderr } = spawnSync("make", ["demo"], { cwd: folder, encoding: "utf8" });
  expect(stderr).toMatch(/^Error: another make installs the npm packages in this folder: wait for its end/);
});

test("a missing npm is told in one line", () => {
  const bin = path.join(folder, "bin");
  mkdirSync(bin);
  for (const name of ["sh", "test", "echo"]) {
    symlinkSync(
      spawnSync("sh", ["-c", `command -v ${name} | grep / || echo /bin/${name}`], { encoding: "utf8" }).stdout.trim(),
      path.join(bin, name),
    );
  }
  const { stderr } = spawnSync("/usr/bin/make", ["demo"], { cwd: folder, env: { PATH: bin }, encoding: "utf8" });
  expect(stderr).toMatch(/^Error: npm is not on this machine: install Node\.js 20\.19 or later/);
});
