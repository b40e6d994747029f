// kill -9 in the middle of writing: what was acknowledged is there, and the indexes are
// sound (stop checks them).
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@libsql/client";
import { dims, embed, startServer } from "./server.mjs";

test("kill -9", async () => {
  const first = await startServer();
  const db = createClient({ url: first.http });
  await db.batch([
    `CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, e F32_BLOB(${dims}))`,
    "CREATE INDEX docs_vec ON docs(libsql_vector_idx(e))",
    "CREATE VIRTUAL TABLE docs_text USING lexical(docs, title)",
  ]);
  let acknowledged = 0;
  const writers = Array.from({ length: 4 }, async (_, w) => {
    for (let i = 0; i < 2000; i++) {
      const title = `row ${w} ${i}`;
      try {
        await db.execute({ sql: "INSERT INTO docs(id, title, e) VALUES (?, ?, vector32(?))", args: [w * 10_000 + i, title, JSON.stringify(embed(title))] });
      } catch {
        return i;
      }
      if (++acknowledged === 150) first.kill();
    }
    return 2000;
  });
  const counts = await Promise.all(writers);
  db.close();
  const second = await startServer(first.dir);
  const again = createClient({ url: second.http });
  for (const [w, n] of counts.entries()) {
    const { rows } = await again.execute({ sql: "SELECT count(*) AS n FROM docs WHERE id BETWEEN ? AND ?", args: [w * 10_000, w * 10_000 + n - 1] });
    assert.equal(rows[0].n, n, `rows of writer ${w}`);
  }
  const total = (await again.execute("SELECT count(*) AS n FROM docs")).rows[0].n;
  const found = (await again.execute({ sql: "SELECT count(*) AS n FROM vector_top_k('docs_vec', vector32(?), 10000)", args: [JSON.stringify(embed("row"))] })).rows[0].n;
  assert.equal(found, total, "the index holds every row");
  again.close();
  await second.stop();
});
