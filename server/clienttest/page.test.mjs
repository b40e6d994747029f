// The page in headless Chromium: keyboard only, strict policy, no error on its console.
// Screenshots go to PAGE_SHOTS, if that is set. Skipped where there is no Chromium.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createClient } from "@libsql/client";
import puppeteer from "puppeteer-core";
import { dims, embed, startServer } from "./server.mjs";

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((p) => p && existsSync(p));
const skip = executablePath ? false : "no Chromium found; CHROMIUM names one";

let server, browser, page;
const complaints = [];
before(async () => {
  if (skip) return;
  server = await startServer();
  const db = createClient({ url: server.http });
  const words = ["train", "stone", "rain", "iron", "tree", "sea", "snow", "tea"];
  await db.batch([
    `CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, n INT, e F32_BLOB(${dims}))`,
    ...Array.from({ length: 300 }, (_, i) => {
      const title = `${words[i % 8]} and ${words[(i >> 3) % 8]} number ${i} <script>alert(1)</script>`;
      return { sql: "INSERT INTO docs(title, n, e) VALUES (?, ?, vector32(?))", args: [title, i, JSON.stringify(embed(title).map((x, j) => x + ((i * 7 + j) % 13) / 50))] };
    }),
    "CREATE INDEX docs_vec ON docs(libsql_vector_idx(e))",
    "CREATE VIRTUAL TABLE docs_text USING lexical(docs, title)",
  ]);
  db.close();
  browser = await puppeteer.launch({ executablePath, headless: true, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  page = await browser.newPage();
  page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(e.message));
  page.on("dialog", (d) => complaints.push(`dialog: ${d.message()}`));
  page.on("request", (r) => r.url().startsWith(server.http) || complaints.push(`request to ${r.url()}`));
  await page.goto(server.http + "/");
  await page.waitForFunction(() => document.getElementById("status").textContent.includes("2 indexes"), { timeout: 20_000 });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const text = (id) => page.$eval("#" + id, (e) => e.textContent);
async function shot(name) {
  if (!process.env.PAGE_SHOTS) return;
  mkdirSync(process.env.PAGE_SHOTS, { recursive: true });
  await page.screenshot({ path: join(process.env.PAGE_SHOTS, `${name}.png`), fullPage: true });
}

test("tables and indexes", { skip }, async () => {
  assert.match(await text("tables"), /docs300/);
  assert.match(await text("indexes"), /docs_vecvectormain\.docs300/);
  assert.match(await text("indexes"), /docs_textlexicalmain\.docs300/);
  await shot("tables");
});

test("search with the keyboard", { skip }, async () => {
  await page.focus("#text");
  await page.keyboard.type("iron tree");
  await page.keyboard.press("Tab");
  await page.keyboard.type("#12");
  await page.keyboard.press("Tab");
  await page.keyboard.type("n < 200");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#plan svg") && document.querySelector("#hits tbody tr"), { timeout: 20_000 });
  assert.equal(await page.$$eval("#hits tbody tr", (rows) => rows.length), 10);
  assert.ok((await page.$$eval("#hits mark", (m) => m.map((e) => e.textContent))).includes("iron"));
  assert.match(await text("plan"), /filter n < 200/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "hits");
  await shot("search");
});

test("a wrong filter shows the server's message", { skip }, async () => {
  await page.$eval("#filter", (e) => (e.value = "nope = 1"));
  await page.focus("#filter");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#hits .error", { timeout: 20_000 });
  assert.match(await text("hits"), /nope/);
});

test("recall and latency", { skip }, async () => {
  await page.focus("#queries");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#curve svg", { timeout: 30_000 });
  const recalls = await page.$$eval("#curve tbody tr td:nth-child(2)", (c) => c.map((e) => Number(e.textContent)));
  assert.equal(recalls.length, 9);
  assert.ok(recalls.at(-1) > 0.95 && recalls.every((r) => r >= 0 && r <= 1), `recalls ${recalls}`);
  await shot("curve");
});

test("SQL", { skip }, async () => {
  await page.$eval("#sql", (e) => (e.value = "SELECT id, title, e FROM docs WHERE id = 7"));
  await page.focus("#sql");
  await page.keyboard.down("Control");
  await page.keyboard.press("Enter");
  await page.keyboard.up("Control");
  await page.waitForSelector("#result tbody tr", { timeout: 20_000 });
  assert.match(await text("result"), /1 rows.*<script>alert\(1\)<\/script>.*blob, 32 bytes/s);
  await shot("sql");
});

test("nothing complained", { skip }, () => assert.deepEqual(complaints, []));
