// libSQL's Rust client, in its binding for Node: the only one here that uses cursors.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Database from "libsql";
import { startServer } from "./server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

test("Rust client", () => {
  const db = new Database(server.http);
  db.exec(`CREATE TABLE r(id INTEGER PRIMARY KEY, a TEXT, e F32_BLOB(2)); CREATE INDEX r_idx ON r(libsql_vector_idx(e));
           CREATE TRIGGER rt AFTER INSERT ON r BEGIN SELECT 1; SELECT 2; END;`);
  assert.equal(db.prepare("INSERT INTO r(a, e) VALUES (?, vector32(?))").run("x", "[1,2]").lastInsertRowid, 1);
  assert.equal(db.prepare("INSERT INTO r(a, e) VALUES (?, ?)").run("y", Buffer.from(new Float32Array([2, 1]).buffer)).changes, 1);
  assert.equal(db.prepare("SELECT a FROM vector_top_k('r_idx', vector32(?), ?) v JOIN r ON r.id = v.id").get("[2,1]", 1).a, "y");
  const row = db.prepare("SELECT 9223372036854775807 AS v, x'0102' AS b, NULL AS n, 1.5 AS f, ? AS s").safeIntegers(true).get("é😀");
  assert.equal(row.v, 9223372036854775807n);
  assert.deepEqual([...row.b], [1, 2]);
  assert.deepEqual([row.n, row.f, row.s], [null, 1.5, "é😀"]);
  assert.equal(db.prepare("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000) SELECT i FROM c").all().length, 5000);
  const count = () => db.prepare("SELECT count(*) AS n FROM r").get().n;
  db.transaction(() => db.exec("INSERT INTO r(a) VALUES ('t1')"))();
  assert.throws(() => db.transaction(() => { db.exec("DELETE FROM r"); throw new Error("undo"); })(), /undo/);
  db.exec("BEGIN");
  assert.equal(db.inTransaction, true);
  db.exec("DELETE FROM r");
  db.exec("ROLLBACK");
  assert.deepEqual([db.inTransaction, count()], [false, 3]);
  assert.throws(() => db.prepare("SELECT nope").all(), /SQL_INPUT_ERROR/);
  assert.throws(() => db.exec("INSERT INTO r(id) VALUES (1)"), /UNIQUE constraint failed: r\.id/);
  db.close();
});
