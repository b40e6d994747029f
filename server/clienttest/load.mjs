// The part of bench/server that is @libsql/client: load.mjs URL CONNECTIONS QUERIES.
// QUERIES is a file: the number of bytes of a vector (uint32), then the vectors.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createClient } from "@libsql/client";

const [url, connections, file] = process.argv.slice(2);
const data = readFileSync(file);
const size = data.readUInt32LE(0);
const queries = [];
for (let at = 4; at + size <= data.length; at += size) queries.push(new Uint8Array(data.subarray(at, at + size)));
const clients = Array.from({ length: Number(connections) }, () => createClient({ url }));

async function run(kind, seconds) {
  const took = [];
  let errors = 0;
  let first = "";
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const end = begin + seconds * 1000;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < end) {
        const t = performance.now();
        try {
          const rs =
            kind === "select1"
              ? await client.execute("SELECT 1")
              : await client.execute({ sql: "SELECT id FROM vector_top_k('docs_vec', ?, 10)", args: [queries[Math.floor(Math.random() * queries.length)]] });
          if (rs.rows.length !== (kind === "select1" ? 1 : 10)) throw new Error(`${rs.rows.length} rows`);
          took.push(Math.round((performance.now() - t) * 1000));
        } catch (e) {
          first ||= String(e);
          if (++errors > 1000) return;
        }
      }
    }),
  );
  const used = process.cpuUsage(cpu);
  return { seconds: (performance.now() - begin) / 1000, cpu_ms: (used.user + used.system) / 1000, took_us: took, errors, first };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [kind, seconds] = line.split(" ");
  console.log(JSON.stringify(await run(kind, Number(seconds))));
}
process.exit(0);
