// examples/server/search.mjs prints what it says, over both transports. It runs from
// here, where its module is installed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "node:test";
import { startServer } from "./server.mjs";

test("examples/server", async () => {
  const here = fileURLToPath(new URL("./example-copy.tmp.mjs", import.meta.url));
  copyFileSync(new URL("../../examples/server/search.mjs", import.meta.url), here);
  const server = await startServer();
  try {
    for (const url of [server.http, server.ws]) {
      const { stdout } = await promisify(execFile)(process.execPath, [here, url]);
      assert.match(stdout, /^boats in the harbor .*\nthe tide comes in .*\nbread with olives .*\n$/);
    }
  } finally {
    rmSync(here);
    await server.stop();
  }
});
