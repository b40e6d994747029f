// workers.js EXTENSION: four worker threads of better-sqlite3 search and insert in one file.
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Worker, isMainThread, workerData } = require('node:worker_threads');
const Database = require('better-sqlite3');

const WORKERS = 4;
const ROUNDS = 1000;

function open(file, extension) {
  const db = new Database(file, { timeout: 60000 });
  db.loadExtension(extension);
  return db;
}

if (isMainThread) {
  const extension = path.resolve(process.argv[2]);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'nearlite-workers-'));
  const file = path.join(dir, 'test.db');
  const db = open(file, extension);
  db.pragma('journal_mode = wal');
  db.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, e F32_BLOB(4)); CREATE VIRTUAL TABLE tv USING hnsw(t, e);');
  let running = WORKERS;
  let failed = 0;
  for (let n = 0; n < WORKERS; n++) {
    const w = new Worker(__filename, { workerData: { n, file, extension } });
    w.on('error', (e) => { failed++; console.error(`worker ${n}: ${e.message}`); });
    w.on('exit', () => {
      if (--running > 0) return;
      const rows = db.prepare('SELECT count(*) FROM tv').pluck().get();
      db.close();
      fs.rmSync(dir, { recursive: true });
      console.log(`${WORKERS} worker threads, ${ROUNDS} searches and inserts each: ${rows} rows, ${failed} errors`);
      process.exitCode = failed || rows !== WORKERS * ROUNDS ? 1 : 0;
    });
  }
} else {
  const { n, file, extension } = workerData;
  const db = open(file, extension);
  db.pragma('synchronous = off');
  const insert = db.prepare('INSERT INTO t VALUES (?, vector32(?))');
  const search = db.prepare("SELECT id FROM vector_search('tv', ?, 5)");
  for (let i = 0; i < ROUNDS; i++) {
    const v = JSON.stringify([i % 7, i % 11, i % 13, n]);
    insert.run(n * ROUNDS + i + 1, v);
    if (search.all(v).length === 0) throw new Error(`round ${i}: no rows`);
  }
  db.close();
}
