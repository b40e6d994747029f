// @tursodatabase/serverless: all of its statements go through cursors, and its streams
// stay open until somebody closes them, which few do.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect } from "@tursodatabase/serverless";
import { createClient } from "@tursodatabase/serverless/compat";
import { dims, embed, startServer } from "./server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

test("statements", async () => {
  const db = connect({ url: server.http });
  await db.exec("CREATE TABLE u(id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB); CREATE INDEX u_name ON u(name)");
  const insert = await db.prepare("INSERT INTO u(name, data) VALUES (?, ?)");
  assert.equal(insert.reader, false);
  assert.deepEqual(await insert.run(["a", new Uint8Array([1, 2, 3])]), { changes: 1, lastInsertRowid: 1 });
  await insert.run(["b", 2n ** 60n]);
  await assert.rejects(insert.run(["a", null]), (e) => e.code === "SQLITE_CONSTRAINT" && /UNIQUE constraint failed: u\.name/.test(e.message));
  const select = await db.prepare("SELECT * FROM u WHERE id = :id");
  assert.deepEqual(select.columns(), [{ name: "id", type: "INTEGER" }, { name: "name", type: "TEXT" }, { name: "data", type: "BLOB" }]);
  assert.deepEqual(await select.get({ id: 1 }), { id: 1, name: "a", data: Buffer.from([1, 2, 3]) });
  assert.equal(await select.get({ ":id": 77 }), undefined);
  assert.equal((await select.safeIntegers().get({ id: 2 })).data, 2n ** 60n);
  const names = [];
  for await (const row of (await db.prepare("SELECT name FROM u ORDER BY 1")).iterate()) names.push(row.name);
  assert.deepEqual(names, ["a", "b"]);
  assert.equal((await db.all("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM r WHERE x < 20000) SELECT x, 'text ' || x AS t FROM r")).length, 20000);
  await assert.rejects(db.prepare("SELEC"), /syntax error/);
  await assert.rejects(db.get("SELECT * FROM nope"), /no such table: nope/);
  await assert.rejects(db.get("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM r) SELECT max(x) FROM r", [], { queryTimeout: 200 }), /timed out/);
  assert.equal((await db.get("SELECT count(*) AS n FROM u")).n, 2, "the connection goes on");
  await db.close();
  await db.close();
});

test("batches and transactions", async () => {
  const db = connect({ url: server.http });
  await db.exec("CREATE TABLE n AS SELECT 0 AS n");
  const results = await db.batch([{ sql: "UPDATE n SET n = n + :by", args: { by: 2 } }, "SELECT n FROM n"], "immediate");
  assert.equal(results[0].rowsAffected, 1);
  assert.equal(results[1].rows[0].n, 2);
  await assert.rejects(db.batch(["DELETE FROM n", "INSERT INTO nope VALUES (1)"], "immediate"), /no such table/);
  assert.equal(db.inTransaction, false);
  await db.exec("BEGIN");
  assert.equal(db.inTransaction, true);
  await db.run("DELETE FROM n");
  await db.exec("ROLLBACK");
  assert.equal(db.inTransaction, false);
  await assert.rejects(db.transactionAsync(async (tx) => {
    await tx.run("DELETE FROM n");
    throw new Error("undo");
  })(), /undo/);
  await Promise.all(Array.from({ length: 30 }, async () => {
    const own = connect({ url: server.http });
    await own.transactionAsync(async (tx) => {
      const { n } = await tx.get("SELECT n FROM n");
      await tx.run("UPDATE n SET n = ?", n + 1);
    }).immediate();
    await own.close();
  }));
  assert.equal((await db.get("SELECT n FROM n")).n, 32);
  await db.close();
});

test("vectors", async () => {
  const db = connect({ url: server.http });
  await db.exec(`CREATE TABLE v(id INTEGER PRIMARY KEY, e F32_BLOB(${dims})); CREATE INDEX v_e ON v(libsql_vector_idx(e, 'metric=cosine'));`);
  for (const word of ["rain", "snow", "iron"]) await db.run("INSERT INTO v(e) VALUES (vector32(?))", JSON.stringify(embed(word)));
  const search = await db.prepare("SELECT v.id, vector_distance_cos(e, vector32(:q)) AS d FROM vector_top_k('v_e', vector32(:q), :k) t JOIN v ON v.rowid = t.id ORDER BY d");
  assert.deepEqual((await search.all({ q: JSON.stringify(embed("snow")), k: 2 })).map((r) => r.id)[0], 2);
  await db.close();
});

test("compat", async () => {
  const db = createClient({ url: server.http });
  await db.executeMultiple("CREATE TABLE c(id INTEGER PRIMARY KEY, a UNIQUE); INSERT INTO c(a) VALUES ('one');");
  const rs = await db.execute("INSERT INTO c(a) VALUES (?)", ["two"]);
  assert.equal(rs.lastInsertRowid, 2n);
  assert.equal((await db.execute({ sql: "SELECT id FROM c WHERE a = :a", args: { a: "two" } })).rows[0].id, 2);
  await assert.rejects(db.execute("INSERT INTO c(a) VALUES ('one')"), (e) => e.code === "SQLITE_CONSTRAINT");
  for (const mode of ["write", "read", "deferred"]) {
    assert.equal((await db.batch(["SELECT 1 AS x", "SELECT 2"], mode))[0].rows[0].x, 1);
    const tx = await db.transaction(mode);
    await tx.execute("INSERT INTO c(a) VALUES (?)", [mode]);
    await tx.batch(["SELECT 1", { sql: "INSERT INTO c(a) VALUES (?)", args: [mode + " too"] }]);
    await (mode === "read" ? tx.rollback() : tx.commit());
    assert.ok(tx.closed);
  }
  const dropped = await db.transaction("write");
  await dropped.execute("DELETE FROM c");
  dropped.close();
  assert.equal((await db.execute("SELECT count(*) AS n FROM c")).rows[0].n, 6);
  db.close();
});

// More than the server keeps.
test("connections that nobody closes", async () => {
  const first = connect({ url: server.http });
  await first.exec("BEGIN");
  for (let i = 0; i < 1500; i += 50) await Promise.all(Array.from({ length: 50 }, () => connect({ url: server.http }).get("SELECT 1")));
  await first.exec("COMMIT");
  await first.close();
});
