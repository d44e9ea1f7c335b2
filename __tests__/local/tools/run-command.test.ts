import { runCommand, tellingLine } from "../../../local/tools/run-command";

test("says which program is missing", async () => {
  await expect(runCommand("no-such-program", [])).rejects.toThrow("no-such-program is not on this machine: install it");
});

test("a failure is one line with the command, its exit code and its error", async () => {
  const script = 'console.error("│ Error: the disk is full\\n│ \\n│   on line 3"); process.exit(3)';
  await expect(runCommand(process.execPath, ["-e", script])).rejects.toThrow(
    /^node -e ended with 3: the disk is full on line 3$/,
  );
});

test("the last line tells where there is no error's", () => {
  expect(tellingLine("one\ntwo\n\n")).toBe("two");
});

test("a letter and a line that come in two pieces are one", async () => {
  const script = `
    process.stdout.write(Buffer.from([0x6e, 0xc3]));
    setTimeout(() => process.stdout.write(Buffer.from([0xa4, 0x68, 0x0a])), 200);`;
  const lines: string[] = [];
  const { stdout } = await runCommand(process.execPath, ["-e", script], { onLine: (line) => lines.push(line) });
  expect(stdout).toBe("n\u00e4h\n");
  expect(lines).toEqual(["n\u00e4h"]);
});
