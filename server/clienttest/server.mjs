// Starts `nearlite serve` on a free loopback port, with a new database, with that of
// a folder, or with a folder of many. NEARLITE names the binary; make test-clients builds it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";

export async function startServer(dir = mkdtempSync(join(tmpdir(), "nearlite-clienttest-")), many = false) {
  const binary = process.env.NEARLITE;
  if (!binary) throw new Error("NEARLITE is not set: want the path of the nearlite binary");
  const child = spawn(binary, ["serve", ...(many ? ["--dir", dir] : ["--db", join(dir, "test.db")]), "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  const host = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server did not start: ${log}`)), 20_000);
    child.stderr.on("data", (data) => {
      log += data;
      const m = log.match(/address=(\S+)/);
      if (m) {
        clearTimeout(timer);
        resolve(m[1]);
      }
    });
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
  });
  return {
    host,
    http: `http://${host}`,
    ws: `ws://${host}`,
    log: () => log,
    dir,
    kill: () => child.kill("SIGKILL"),
    // stop also checks that the indexes are sound.
    async stop() {
      let check = "ok";
      if (!many) {
        const client = createClient({ url: `http://${host}` });
        check = (await client.execute("PRAGMA integrity_check")).rows[0].integrity_check;
        client.close();
      }
      child.kill("SIGTERM");
      const code = await new Promise((resolve) => child.on("exit", resolve));
      rmSync(dir, { recursive: true, force: true });
      if (check !== "ok") throw new Error(`integrity_check: ${check}`);
      if (code !== 0) throw new Error(`the server ended with ${code}: ${log}`);
    },
  };
}

// Embeddings without a model: the counts of eight letters. Texts that share letters
// are near.
export const dims = 8;
export function embed(text) {
  return [..."aeinorst"].map((c) => 0.01 + [...text.toLowerCase()].filter((x) => x === c).length);
}
