// Uses the installed package nearlite in both modules.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const nearlite = require('nearlite');
const { version } = require('nearlite/package.json');

assert.ok(fs.statSync(nearlite.getLoadablePath()).isFile());
assert.deepEqual(nearlite.serializeFloat32([1, 2.5]), Buffer.from(new Float32Array([1, 2.5]).buffer));
assert.deepEqual(nearlite.serializeFloat32(new Float32Array([0.1])), Buffer.from(new Float32Array([0.1]).buffer));
assert.deepEqual(nearlite.serializeFloat32(new Set([3])), Buffer.from(new Float32Array([3]).buffer));
assert.throws(() => nearlite.serializeFloat32('[1]'), /got string, want an array of numbers/);
assert.throws(() => nearlite.serializeFloat32([1, '2']), /element 1 is a string, want a number/);
assert.throws(() => nearlite.load(null), /got null, want an open database/);
assert.throws(() => nearlite.load({}), /got Object, want an open database/);

for (const module_ of ['better-sqlite3', 'libsql']) {
  const Database = require(module_);
  const db = new Database(':memory:');
  assert.equal(nearlite.load(db), db);
  nearlite.load(db);
  assert.equal(db.prepare('SELECT nearlite_version() AS v').get().v, version);
  db.exec(`CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(3));
    CREATE VIRTUAL TABLE notes_vec USING hnsw(notes, embedding);
    CREATE VIRTUAL TABLE notes_text USING lexical(notes, body)`);
  const insert = db.prepare('INSERT INTO notes(body, embedding) VALUES (?, ?)');
  insert.run('apple pie', nearlite.serializeFloat32([0.9, 0.1, 0]));
  insert.run('train at nine', nearlite.serializeFloat32([0, 0.1, 0.9]));
  const near = db.prepare("SELECT body FROM vector_search('notes_vec', ?, 1) JOIN notes USING (id)");
  assert.deepEqual(near.raw().all([nearlite.serializeFloat32([1, 0, 0])]), [['apple pie']]);
  const both = db.prepare("SELECT body FROM hybrid_search('notes_vec', 'notes_text', 'train', ?, 1) JOIN notes USING (id)");
  assert.deepEqual(both.raw().all([nearlite.serializeFloat32([0, 0, 1])]), [['train at nine']]);
  db.close();
  console.log(`npm: nearlite ${version} in ${module_}, Node ${process.versions.node}: ok`);
}

// A platform that the package has no library for.
Object.defineProperty(process, 'arch', { value: 'mips' });
assert.throws(() => nearlite.getLoadablePath(), /no library for \w+-mips, want one of .*linux-/);
