import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient as newest } from "@libsql/client";
import { createClient as older } from "libsql-client-0.6";
import { startServer } from "./server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const code = (want, text) => (e) => {
  assert.equal(e.code, want, e.message);
  if (text) assert.match(e.message, text);
  return true;
};

const versions = { "@libsql/client": newest, "@libsql/client 0.6": older };
for (const [name, transport] of Object.keys(versions).flatMap((v) => [[v, "http"], [v, "ws"]])) {
  const createClient = versions[name];
  const old = createClient === older;
  describe(`${name} over ${transport}`, () => {
    let db;
    before(async () => {
      db = createClient({ url: server[transport] });
      await db.executeMultiple(`
        DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS docs; DROP TABLE IF EXISTS m; DROP TABLE IF EXISTS lines;
        CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b);
        CREATE TRIGGER keep AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END;`);
    });
    after(() => db.close());

    test("protocol", () => assert.equal(db.protocol, transport));

    test("execute", async () => {
      let rs = await db.execute({ sql: "INSERT INTO t(a, b) VALUES (?, ?)", args: ["one", 1] });
      assert.equal(rs.rowsAffected, 1);
      assert.equal(rs.lastInsertRowid, 1n);
      rs = await db.execute({ sql: "SELECT id, a, b, :x AS x FROM t WHERE a = $a", args: { x: "é😀", a: "one" } });
      assert.deepEqual(rs.columns, ["id", "a", "b", "x"]);
      assert.deepEqual({ ...rs.rows[0] }, { id: 1, a: "one", b: 1, x: "é😀" });
      assert.equal(rs.rows[0][1], "one");
      assert.equal(rs.rowsAffected, 0);
      rs = await db.execute("UPDATE t SET b = 2 RETURNING id, b");
      assert.equal(rs.rowsAffected, 1);
      assert.deepEqual({ ...rs.rows[0] }, { id: 1, b: 2 });
      rs = await db.execute("DELETE FROM t WHERE id = 77");
      assert.equal(rs.rowsAffected, 0);
    });

    test("values", async () => {
      const blob = new Uint8Array(1000).map((_, i) => i);
      const rs = await db.execute({
        sql: "SELECT ? AS i, ? AS f, ? AS t, ? AS b, ? AS n, ? AS flag, ? AS e, ? AS d, typeof(?), 9e999 AS inf",
        args: [42, 1.5, "text\u0000zero", blob, null, true, new ArrayBuffer(0), new Date(86400000), 7],
      });
      const r = rs.rows[0];
      assert.equal(r.i, 42);
      assert.equal(r.f, 1.5);
      assert.equal(r.t, "text\u0000zero");
      assert.deepEqual(new Uint8Array(r.b), blob);
      assert.equal(r.n, null);
      assert.equal(r.flag, 1);
      assert.equal(r.e.byteLength, 0);
      assert.equal(r.d, 86400000);
      assert.equal(r[8], "real");
      assert.equal(r.inf, null);
    });

    test("bigints", async () => {
      const big = createClient({ url: server[transport], intMode: "bigint" });
      const most = 9223372036854775807n;
      for (const v of [0n, -1n, most, -most - 1n]) {
        assert.equal((await big.execute({ sql: "SELECT ?", args: [v] })).rows[0][0], v);
      }
      big.close();
      await assert.rejects(db.execute("SELECT 9223372036854775807"), RangeError);
      const text = createClient({ url: server[transport], intMode: "string" });
      assert.equal((await text.execute("SELECT 9223372036854775807")).rows[0][0], "9223372036854775807");
      text.close();
    });

    test("batch", async () => {
      const rs = await db.batch(
        [{ sql: "INSERT INTO t(a) VALUES (?)", args: ["b1"] }, old ? { sql: "INSERT INTO t(a) VALUES (:a)", args: { a: "b2" } } : ["INSERT INTO t(a) VALUES (:a)", { a: "b2" }], "SELECT count(*) FROM t WHERE a LIKE 'b_'"],
        "write",
      );
      assert.equal(rs.length, 3);
      assert.equal(rs[2].rows[0][0], 2);
      // One error undoes all of it.
      await assert.rejects(db.batch(["DELETE FROM t", "INSERT INTO t(id, a) VALUES (90, 'x'), (91, 'x')"], "write"), code("SQLITE_CONSTRAINT", /UNIQUE constraint failed: t\.a/));
      assert.equal((await db.execute("SELECT count(*) FROM t")).rows[0][0], 3);
      assert.equal((await db.batch(["SELECT 1", "SELECT 2"], "read"))[1].rows[0][0], 2);
      await assert.rejects(db.batch(["DELETE FROM t"], "read"), code("SQLITE_READONLY"));
      assert.equal((await db.batch(["SELECT 1"], "deferred")).length, 1);
      const many = await db.batch(Array.from({ length: 300 }, (_, i) => ({ sql: "SELECT ?", args: [i] })), "read");
      assert.equal(many[299].rows[0][0], 299);
    });

    test("transactions", async () => {
      const count = async (on) => (await on.execute("SELECT count(*) FROM t WHERE a LIKE 'tx%'")).rows[0][0];
      const tx = await db.transaction("write");
      await tx.execute("INSERT INTO t(a) VALUES ('tx1')");
      await tx.batch(["INSERT INTO t(a) VALUES ('tx2')", "INSERT INTO t(a) VALUES ('tx3')"]);
      await tx.executeMultiple("INSERT INTO t(a) VALUES ('tx4'); INSERT INTO t(a) VALUES ('tx5');");
      await assert.rejects(tx.execute("INSERT INTO t(a) VALUES ('tx1')"), code("SQLITE_CONSTRAINT"));
      assert.equal(await count(tx), 5);
      assert.equal(await count(db), 0, "others do not see it yet");
      await tx.commit();
      assert.ok(tx.closed);
      assert.equal(await count(db), 5);

      const undone = await db.transaction("write");
      await undone.execute("DELETE FROM t");
      await undone.rollback();
      const dropped = await db.transaction("deferred");
      await dropped.execute("DELETE FROM t");
      dropped.close();
      assert.equal(await count(db), 5);

      const reading = await db.transaction("read");
      assert.equal(await count(reading), 5);
      await db.execute("INSERT INTO t(a) VALUES ('tx6')");
      assert.equal(await count(reading), 5, "a reader keeps its snapshot");
      await assert.rejects(reading.execute("DELETE FROM t"), code("SQLITE_READONLY"));
      await reading.commit();
      assert.equal(await count(db), 6);
    });

    test("writers wait for each other", async () => {
      await db.execute("CREATE TABLE IF NOT EXISTS counter AS SELECT 0 AS n");
      await db.execute("UPDATE counter SET n = 0");
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const tx = await db.transaction("write");
          const n = (await tx.execute("SELECT n FROM counter")).rows[0][0];
          await tx.execute({ sql: "UPDATE counter SET n = ?", args: [n + 1] });
          await tx.commit();
        }),
      );
      assert.equal((await db.execute("SELECT n FROM counter")).rows[0][0], 20);
    });

    test("savepoints", async () => {
      const tx = await db.transaction("write");
      await tx.execute("SAVEPOINT s1");
      await tx.execute("DELETE FROM t");
      await tx.execute("ROLLBACK TO SAVEPOINT s1");
      await tx.execute("RELEASE SAVEPOINT s1");
      assert.ok((await tx.execute("SELECT count(*) FROM t")).rows[0][0] > 0);
      await tx.commit();
    });

    test("executeMultiple stops at the first error", async () => {
      await assert.rejects(db.executeMultiple("CREATE TABLE m(a); INSERT INTO nope VALUES (1); DROP TABLE m;"), code("SQLITE_UNKNOWN", /no such table: nope/));
      assert.equal((await db.execute("SELECT count(*) FROM m")).rows[0][0], 0);
    });

    test("migrate", { skip: old && "0.6 has no migrate" }, async () => {
      await db.migrate([
        "CREATE TABLE parent(id INTEGER PRIMARY KEY)",
        "CREATE TABLE child(id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent(id))",
        "INSERT INTO child VALUES (1, 99)", // foreign keys are off during a migration
      ]);
      assert.equal((await db.execute("PRAGMA foreign_keys")).rows[0][0], 1);
      await assert.rejects(db.execute("INSERT INTO child VALUES (2, 98)"), code("SQLITE_CONSTRAINT", /FOREIGN KEY constraint failed/));
      await db.executeMultiple("DROP TABLE child; DROP TABLE parent;");
    });

    test("ALTER COLUMN", async () => {
      await db.executeMultiple("DROP TABLE IF EXISTS ac; CREATE TABLE ac(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO ac(a) VALUES (NULL);");
      await db.execute("ALTER TABLE ac ALTER COLUMN a TO a TEXT NOT NULL DEFAULT 'x'");
      await assert.rejects(db.execute("INSERT INTO ac(a) VALUES (NULL)"), code("SQLITE_CONSTRAINT", /NOT NULL constraint failed: ac\.a/));
      await assert.rejects(db.batch(["ALTER TABLE ac ALTER COLUMN a TO a INT", "INSERT INTO nope VALUES (1)"], "write"));
      await assert.rejects(db.execute("ALTER TABLE ac ALTER COLUMN a TO b TEXT"), code("SQLITE_UNKNOWN", /cannot also rename column/));
      assert.equal((await db.execute("SELECT sql FROM sqlite_schema WHERE name = 'ac'")).rows[0].sql, "CREATE TABLE ac(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 'x')");
      await db.execute("DROP TABLE ac"); // a row that breaks its constraint is no sound file
    });

    test("errors", async () => {
      await assert.rejects(db.execute("SELECT * FROM nope"), code("SQLITE_UNKNOWN", /no such table: nope/));
      await assert.rejects(db.execute("SELEC 1"), code("SQL_INPUT_ERROR", /syntax error/));
      await assert.rejects(db.execute("SELECT 1; SELECT 2"), code("SQL_MANY_STATEMENTS"));
      await assert.rejects(db.execute("  "), code("SQL_NO_STATEMENT"));
      await assert.rejects(db.execute({ sql: "SELECT ?", args: [] }), code("ARGS_INVALID"));
      await assert.rejects(db.execute("ATTACH '/etc/hosts' AS x"), code("SQLITE_AUTH"));
      await assert.rejects(db.execute("SELECT vector_distance_cos('[1,2]', '[1,2,3]')"), code("SQLITE_UNKNOWN", /same length/));
    });

    test("vectors", async () => {
      await db.batch(
        [
          "CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, year INT, embedding F32_BLOB(4))",
          "CREATE INDEX docs_idx ON docs(libsql_vector_idx(embedding, 'metric=cosine'))",
          ...Array.from({ length: 50 }, (_, i) => ({
            sql: "INSERT INTO docs(title, year, embedding) VALUES (?, ?, vector32(?))",
            args: [`doc ${i}`, 1980 + i, JSON.stringify([Math.cos(i / 10), Math.sin(i / 10), 0.1, 0])],
          })),
        ],
        "write",
      );
      const q = JSON.stringify([Math.cos(2), Math.sin(2), 0.1, 0]);
      const ids = (rs) => rs.rows.map((r) => r.id);
      let rs = await db.execute({
        sql: `SELECT docs.id, title, vector_distance_cos(embedding, vector32(?)) AS distance
              FROM vector_top_k('docs_idx', vector32(?), ?) AS v JOIN docs ON docs.rowid = v.id ORDER BY distance`,
        args: [q, q, 5],
      });
      assert.equal(rs.rows.length, 5);
      assert.equal(rs.rows[0].title, "doc 20");
      assert.ok(rs.rows[0].distance < 1e-6 && rs.rows[4].distance > rs.rows[1].distance);
      const blob = new Float32Array(JSON.parse(q));
      const viaBlob = await db.execute({ sql: "SELECT id FROM vector_top_k('docs_idx', ?, 5)", args: [blob.buffer] });
      assert.deepEqual(ids(viaBlob).sort(), ids(rs).sort());
      rs = await db.execute({ sql: "SELECT embedding, vector_extract(embedding) AS text FROM docs WHERE title = 'doc 0'", args: [] });
      assert.deepEqual([...new Float32Array(rs.rows[0].embedding)], [1, 0, Math.fround(0.1), 0]);
      assert.equal(rs.rows[0].text, "[1,0,0.1,0]");
      rs = await db.execute({ sql: "SELECT id, distance FROM vector_search('docs_idx', vector32(?), 3, 'year < ?1', '[1990]')", args: [q] });
      assert.equal(rs.rows.length, 3, "a filtered search is never short");
      assert.ok(ids(rs).every((id) => id <= 10));
      await assert.rejects(db.execute("INSERT INTO docs(embedding) VALUES (vector32('[1,2]'))"), code("SQLITE_UNKNOWN", /dimensions are different: 2 != 4/));
      await db.execute("DELETE FROM docs WHERE title = 'doc 20'");
      rs = await db.execute({ sql: "SELECT id FROM vector_top_k('docs_idx', vector32(?), 50)", args: [q] });
      assert.equal(rs.rows.length, 49);
      // An index made in a transaction that is undone never was.
      const tx = await db.transaction("write");
      await tx.execute("CREATE INDEX other_idx ON docs(libsql_vector_idx(embedding, 'metric=l2'))");
      assert.equal((await tx.execute("SELECT id FROM vector_top_k('other_idx', '[1,0,0,0]', 1)")).rows.length, 1);
      await tx.rollback();
      await assert.rejects(db.execute("SELECT id FROM vector_top_k('other_idx', '[1,0,0,0]', 1)"), /failed to parse vector index parameters/);
    });

    test("hybrid search", async () => {
      await db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS docs_text USING lexical(docs, title)");
      const rs = await db.execute({
        sql: `SELECT h.id, h.score, h.vector_rank, h.lexical_rank, d.title FROM hybrid_search('docs_idx', 'docs_text', ?, ?, ?) h JOIN docs d ON d.id = h.id ORDER BY h.score DESC`,
        args: ["doc 7", "[0.7,0.7,0.1,0]", 5],
      });
      assert.equal(rs.rows.length, 5);
      assert.ok(rs.rows.some((r) => r.title === "doc 7"));
      await db.execute("DROP TABLE docs_text");
    });

    test("many writers at once", async () => {
      await db.executeMultiple("DROP TABLE IF EXISTS w; CREATE TABLE w AS SELECT 0 AS n");
      const all = createClient({ url: server[transport], concurrency: 1000 });
      await Promise.all(Array.from({ length: 150 }, () => all.execute("UPDATE w SET n = n + 1")));
      assert.equal((await all.execute("SELECT n FROM w")).rows[0].n, 150);
      all.close();
    });

    test("a thousand requests of one transaction at once", async () => {
      await db.execute("CREATE TABLE lines(n INTEGER PRIMARY KEY)");
      const tx = await db.transaction("write");
      await Promise.all(Array.from({ length: 1000 }, (_, i) => tx.execute({ sql: "INSERT INTO lines VALUES (?)", args: [i] })));
      await tx.commit();
      assert.equal((await db.execute("SELECT count(*) FROM lines")).rows[0][0], 1000);
    });

    test("many at once", async () => {
      const got = await Promise.all(Array.from({ length: 200 }, (_, i) => db.execute({ sql: "SELECT ? AS v", args: [i] })));
      assert.deepEqual(got.map((r) => r.rows[0].v), Array.from({ length: 200 }, (_, i) => i));
    });
  });
}
