// host.js MODULE DATABASE SCRIPT EXTENSION: one SQL script in better-sqlite3 or libsql.
const fs = require('node:fs');
const [, , module_, file, script, extension] = process.argv;
const Database = require(module_);
const db = new Database(file);
db.loadExtension(extension);
for (const sql of fs.readFileSync(script, 'utf8').split(';\n')) {
  if (!sql.trim()) continue;
  try {
    const st = db.prepare(sql);
    if (!st.reader) { st.run(); continue; }
    for (const row of st.raw().all()) console.log(row.map((v) => (v === null ? '' : String(v))).join('|'));
  } catch (e) {
    console.log('ERROR ' + e.message.replace(/^SQLite error: /, ''));
  }
}
db.close();
