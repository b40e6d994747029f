// Many databases behind one server, named by the path of the URL.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient } from "@libsql/client";
import { startServer } from "./server.mjs";

let server;
before(async () => (server = await startServer(undefined, true)));
after(() => server.stop());

test("databases by path", async () => {
  for (const name of ["a", "b"]) {
    const made = await fetch(`${server.http}/v1/namespaces/${name}/create`, { method: "POST" });
    assert.equal(made.status, 201);
    const db = createClient({ url: `${server.http}/db/${name}/` });
    await db.batch(["CREATE TABLE who(name)", { sql: "INSERT INTO who VALUES (?)", args: [name] }], "write");
    db.close();
  }
  for (const name of ["a", "b"]) {
    for (const base of [server.http, server.ws]) {
      const db = createClient({ url: `${base}/db/${name}/` });
      assert.equal((await db.execute("SELECT name FROM who")).rows[0].name, name);
      const tx = await db.transaction("write");
      await tx.execute("INSERT INTO who VALUES ('more')");
      await tx.rollback();
      db.close();
    }
  }
  const none = createClient({ url: `${server.http}/db/none/` });
  await assert.rejects(none.execute("SELECT 1"), (e) => /404|doesn't exist/.test(e.message));
  none.close();
});

test("backup and restore", async () => {
  const copy = await (await fetch(`${server.http}/v1/namespaces/a/backup`)).arrayBuffer();
  const restored = await fetch(`${server.http}/v1/namespaces/b/restore`, { method: "POST", body: copy });
  assert.equal(restored.status, 200);
  const db = createClient({ url: `${server.http}/db/b/` });
  assert.equal((await db.execute("SELECT name FROM who")).rows[0].name, "a");
  db.close();
});
