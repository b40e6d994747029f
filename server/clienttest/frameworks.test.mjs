import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LibSQLVectorStore } from "@langchain/community/vectorstores/libsql";
import { Document } from "@langchain/core/documents";
import { createClient } from "@libsql/client";
import { LibsqlDialect } from "@libsql/kysely-libsql";
import { LibSQLStore, LibSQLVector } from "@mastra/libsql";
import { eq, relations, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { migrate } from "drizzle-orm/libsql/migrator";
import { customType, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { Kysely, sql as ksql } from "kysely";
import { Migrator } from "kysely/migration";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dims, embed, startServer } from "./server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const texts = ["a train to rio", "snow on stone", "iron and steel", "a tea tree", "rain in torrents", "noon on the sea"];

test("LangChain LibSQLVectorStore", async () => {
  const db = createClient({ url: server.http });
  await db.batch([
    `CREATE TABLE lc(id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT, metadata TEXT, embedding F32_BLOB(${dims}))`,
    "CREATE INDEX idx_lc_embedding ON lc(libsql_vector_idx(embedding))",
  ]);
  const embeddings = { embedDocuments: async (t) => t.map(embed), embedQuery: async (t) => embed(t) };
  const store = new LibSQLVectorStore(embeddings, { db, table: "lc", column: "embedding" });
  const docs = Array.from({ length: 250 }, (_, i) => new Document({ pageContent: `${texts[i % texts.length]} ${i}`, metadata: { n: i, even: i % 2 === 0 } }));
  const ids = await store.addDocuments(docs);
  assert.equal(ids.length, 250);
  const hits = await store.similaritySearchWithScore("snow on stone 1", 4);
  assert.equal(hits.length, 4);
  assert.match(hits[0][0].pageContent, /snow on stone/);
  assert.ok(hits[0][1] < 1e-6);
  const filtered = await store.similaritySearch("snow on stone", 20, "lc.metadata ->> 'n' < 100");
  assert.ok(filtered.length > 0 && filtered.every((d) => d.metadata.n < 100));
  const byArgs = await store.similaritySearch("snow on stone", 20, { sql: "json_extract(lc.metadata, '$.n') = :n", args: { n: 7 } });
  assert.ok(byArgs.every((d) => d.metadata.n === 7));
  await store.delete({ ids: [hits[0][0].id] });
  const after = await store.similaritySearch("snow on stone 1", 4);
  assert.ok(after.every((d) => d.id !== hits[0][0].id));
  assert.equal((await store.asRetriever(3).invoke("iron and steel")).length, 3);
  await store.delete({ deleteAll: true });
  assert.equal((await store.similaritySearch("iron", 4)).length, 0);
  const [again] = await store.addDocuments([docs[0]]);
  assert.equal((await store.similaritySearch(texts[0], 1))[0].id, again);
  db.close();
});

test("Mastra LibSQLVector", async () => {
  const store = new LibSQLVector({ id: "test", url: server.http });
  await store.createIndex({ indexName: "mastra_docs", dimension: dims, metric: "cosine" });
  assert.ok((await store.listIndexes()).includes("mastra_docs"));
  const ids = await store.upsert({
    indexName: "mastra_docs",
    vectors: texts.map(embed),
    metadata: texts.map((t, i) => ({ text: t, n: i, tags: i % 2 ? ["odd"] : ["even"] })),
  });
  assert.equal(ids.length, texts.length);
  const info = await store.describeIndex({ indexName: "mastra_docs" });
  assert.equal(info.dimension, dims);
  assert.equal(info.count, texts.length);
  assert.equal(info.metric, "cosine");
  let hits = await store.query({ indexName: "mastra_docs", queryVector: embed(texts[2]), topK: 3, includeVector: true });
  assert.equal(hits.length, 3);
  assert.equal(hits[0].id, ids[2]);
  assert.ok(hits[0].score > 0.9999);
  assert.equal(hits[0].vector.length, dims);
  hits = await store.query({ indexName: "mastra_docs", queryVector: embed(texts[2]), topK: 10, filter: { n: { $gte: 3 }, tags: { $contains: ["odd"] } } });
  assert.deepEqual(hits.map((h) => h.metadata.n).sort(), [3, 5]);
  await store.updateVector({ indexName: "mastra_docs", id: ids[2], update: { vector: embed("zzz"), metadata: { text: "changed", n: 2 } } });
  hits = await store.query({ indexName: "mastra_docs", queryVector: embed("zzz"), topK: 1 });
  assert.equal(hits[0].metadata.text, "changed");
  await store.upsert({ indexName: "mastra_docs", vectors: [embed(texts[0])], metadata: [{ text: "again", n: 0 }], ids: [ids[0]] });
  await store.deleteVector({ indexName: "mastra_docs", id: ids[1] });
  assert.equal((await store.describeIndex({ indexName: "mastra_docs" })).count, texts.length - 1);
  await assert.rejects(store.upsert({ indexName: "mastra_docs", vectors: [[1, 2, 3]] }), /dimension/i);
  await store.truncateIndex({ indexName: "mastra_docs" });
  assert.equal((await store.query({ indexName: "mastra_docs", queryVector: embed("a"), topK: 3 })).length, 0);
  await store.deleteIndex({ indexName: "mastra_docs" });
  assert.ok(!(await store.listIndexes()).includes("mastra_docs"));
  await store.close();
});

test("Mastra LibSQLStore", async () => {
  const store = new LibSQLStore({ id: "store", url: server.http });
  await store.init();
  await store.init(); // its migrations run once
  const memory = await store.getStore("memory");
  const at = new Date(1700000000000);
  await memory.saveThread({ thread: { id: "thread", resourceId: "user", title: "first", metadata: { a: 1 }, createdAt: at, updatedAt: at } });
  const messages = Array.from({ length: 5 }, (_, i) => ({
    id: `m${i}`, threadId: "thread", resourceId: "user", role: i % 2 ? "assistant" : "user", type: "v2",
    createdAt: new Date(at.getTime() + i * 1000), content: { format: 2, parts: [{ type: "text", text: texts[i] }] },
  }));
  await memory.saveMessages({ messages });
  const page = await memory.listMessages({ threadId: "thread", perPage: 3, page: 0 });
  assert.equal(page.messages.length, 3);
  assert.equal(page.total, 5);
  await memory.updateThread({ id: "thread", title: "second", metadata: { b: 2 } });
  assert.equal((await memory.getThreadById({ threadId: "thread" })).title, "second");
  await memory.deleteMessages(["m1"]);
  const workflows = await store.getStore("workflows");
  const run = { workflowName: "w", runId: "run" };
  await workflows.persistWorkflowSnapshot({ ...run, snapshot: { status: "running", context: {}, value: {}, activePaths: [], suspendedPaths: {}, runId: "run", timestamp: 1, serializedStepGraph: [] } });
  const result = (i) => ({ status: "success", output: i, payload: {}, startedAt: 1, endedAt: 2 });
  await Promise.all(Array.from({ length: 20 }, (_, i) => workflows.updateWorkflowResults({ ...run, stepId: `s${i}`, result: result(i), requestContext: {} })));
  assert.equal(Object.keys((await workflows.loadWorkflowSnapshot(run)).context).length, 20);
  await memory.deleteThread({ threadId: "thread" });
  await store.close();
});

const float32 = customType({
  dataType: ({ dimensions }) => `F32_BLOB(${dimensions})`,
  toDriver: (v) => sql`vector32(${JSON.stringify(v)})`,
  fromDriver: (v) => [...new Float32Array(new Uint8Array(v).buffer)], // a Buffer or an ArrayBuffer
});

test("Drizzle", async () => {
  const client = createClient({ url: server.http });
  const films = sqliteTable("films", {
    id: integer("id").primaryKey({ autoIncrement: true }),
    title: text("title").notNull(),
    embedding: float32("embedding", { dimensions: dims }),
  });
  const db = drizzle(client, { schema: { films } });
  const folder = mkdtempSync(join(tmpdir(), "nearlite-drizzle-"));
  mkdirSync(join(folder, "meta"));
  writeFileSync(
    join(folder, "0000_first.sql"),
    `CREATE TABLE films (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, embedding F32_BLOB(${dims}));\n--> statement-breakpoint\nCREATE INDEX films_vec ON films (libsql_vector_idx(embedding));`,
  );
  writeFileSync(join(folder, "meta", "_journal.json"), JSON.stringify({ version: "7", dialect: "sqlite", entries: [{ idx: 0, version: "6", when: 1700000000000, tag: "0000_first", breakpoints: true }] }));
  await migrate(db, { migrationsFolder: folder });
  await migrate(db, { migrationsFolder: folder }); // once is enough
  rmSync(folder, { recursive: true });
  const added = await db.insert(films).values(texts.map((t) => ({ title: t, embedding: embed(t) }))).returning({ id: films.id });
  assert.equal(added.length, texts.length);
  const q = JSON.stringify(embed(texts[4]));
  const top = await db
    .select({ id: films.id, title: films.title, distance: sql`vector_distance_cos(${films.embedding}, vector32(${q}))` })
    .from(sql`vector_top_k('films_vec', vector32(${q}), 3) AS r`)
    .leftJoin(films, sql`${films.id} = r.id`);
  assert.equal(top.length, 3);
  assert.equal(top[0].title, texts[4]);
  const [one] = await db.select().from(films).where(eq(films.title, texts[1]));
  assert.deepEqual(one.embedding, embed(texts[1]).map(Math.fround));
  await db.update(films).set({ embedding: embed("zzz") }).where(eq(films.id, one.id));
  await assert.rejects(
    db.transaction(async (tx) => {
      await tx.delete(films);
      throw new Error("undo");
    }),
    /undo/,
  );
  await db.transaction(async (tx) => {
    await tx.insert(films).values({ title: "tx", embedding: embed("tx") });
    await tx.transaction(async (inner) => {
      await inner.insert(films).values({ title: "inner", embedding: embed("inner") });
    });
  });
  assert.equal((await db.query.films.findMany()).length, texts.length + 2);
  const [a, b] = await db.batch([db.select().from(films), db.delete(films).where(eq(films.title, "tx"))]);
  assert.equal(a.length, texts.length + 2);
  assert.equal(b.rowsAffected, 1);
  client.close();
});

test("Drizzle relations", async () => {
  const client = createClient({ url: server.ws });
  const users = sqliteTable("users", { id: integer("id").primaryKey(), name: text("name").notNull(), at: integer("at", { mode: "timestamp_ms" }), meta: text("meta", { mode: "json" }) });
  const posts = sqliteTable("posts", { id: integer("id").primaryKey(), userId: integer("user_id").references(() => users.id), title: text("title") });
  const postsOf = relations(users, ({ many }) => ({ posts: many(posts) }));
  const userOf = relations(posts, ({ one }) => ({ user: one(users, { fields: [posts.userId], references: [users.id] }) }));
  const db = drizzle(client, { schema: { users, posts, postsOf, userOf } });
  await db.run(sql`CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL, at INTEGER, meta TEXT)`);
  await db.run(sql`CREATE TABLE posts(id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id), title TEXT)`);
  await db.insert(users).values([{ name: "a", at: new Date(5), meta: { x: [1] } }, { name: "b" }]);
  await db.insert(posts).values(texts.map((t, i) => ({ userId: 1 + (i % 2), title: t })));
  const [a] = await db.query.users.findMany({ where: eq(users.name, "a"), with: { posts: { columns: { title: true }, orderBy: (p, { desc }) => desc(p.id), limit: 2 } } });
  assert.deepEqual(a, { id: 1, name: "a", at: new Date(5), meta: { x: [1] }, posts: [{ title: texts[4] }, { title: texts[2] }] });
  assert.equal((await db.query.posts.findFirst({ with: { user: true }, where: eq(posts.id, 2) })).user.name, "b");
  await db.insert(users).values({ id: 1, name: "z" }).onConflictDoUpdate({ target: users.id, set: { name: "z" } });
  assert.equal(await db.$count(users), 2);
  await assert.rejects(db.insert(posts).values({ userId: 99 }), (e) => /FOREIGN KEY/.test(e.cause.message));
  client.close();
});

test("Kysely migrations", async () => {
  const db = new Kysely({ dialect: new LibsqlDialect({ url: server.ws }) });
  const first = {
    up: async (on) => {
      await on.schema.createTable("owners").addColumn("id", "integer", (c) => c.primaryKey().autoIncrement()).addColumn("name", "text", (c) => c.notNull().defaultTo("x")).execute();
      await on.schema.createIndex("owners_name").on("owners").column("name").execute();
    },
    down: (on) => on.schema.dropTable("owners").execute(),
  };
  const second = {
    up: (on) => on.schema.alterTable("owners").addColumn("age", "integer").execute(),
    down: (on) => on.schema.alterTable("owners").dropColumn("age").execute(),
  };
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ first, second }) } });
  for (const step of ["migrateToLatest", "migrateToLatest", "migrateDown", "migrateUp"]) assert.equal((await migrator[step]()).error, undefined, step);
  const owners = (await db.introspection.getTables()).find((t) => t.name === "owners");
  assert.deepEqual(owners.columns.map((c) => [c.name, c.isAutoIncrementing, c.isNullable]), [["id", true, true], ["name", false, false], ["age", false, true]]);
  await db.destroy();
});

test("Kysely", async () => {
  const db = new Kysely({ dialect: new LibsqlDialect({ url: server.http }) });
  await db.schema.createTable("pets").addColumn("id", "integer", (c) => c.primaryKey()).addColumn("name", "text", (c) => c.notNull().unique()).addColumn("e", ksql`F32_BLOB(${ksql.raw(String(dims))})`).execute();
  await ksql`CREATE INDEX pets_vec ON pets(libsql_vector_idx(e))`.execute(db);
  for (const t of texts) {
    const r = await db.insertInto("pets").values({ name: t, e: ksql`vector32(${JSON.stringify(embed(t))})` }).executeTakeFirstOrThrow();
    assert.equal(typeof r.insertId, "bigint");
  }
  const found = await ksql`SELECT p.name FROM vector_top_k('pets_vec', vector32(${JSON.stringify(embed(texts[3]))}), ${2}) v JOIN pets p ON p.rowid = v.id`.execute(db);
  assert.deepEqual(found.rows[0], { name: texts[3] });
  await assert.rejects(db.insertInto("pets").values({ name: texts[0] }).execute(), /UNIQUE constraint failed/);
  await assert.rejects(
    db.transaction().execute(async (trx) => {
      await trx.deleteFrom("pets").execute();
      throw new Error("undo");
    }),
    /undo/,
  );
  await db.transaction().execute((trx) => trx.updateTable("pets").set({ name: "renamed" }).where("name", "=", texts[5]).execute());
  const rows = await db.selectFrom("pets").select(["id", "name"]).orderBy("id").execute();
  assert.equal(rows.length, texts.length);
  assert.equal(rows.at(-1).name, "renamed");
  const tables = await db.introspection.getTables();
  assert.ok(tables.some((t) => t.name === "pets" && t.columns.length === 3));
  await db.destroy();
});
