// Searches a table by meaning, from better-sqlite3.
const path = require('node:path');
const Database = require('better-sqlite3');

const db = new Database(':memory:');
db.loadExtension(path.join(__dirname, '../../dist/nearlite.so'));
db.exec(`CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(3));
  CREATE VIRTUAL TABLE notes_vec USING hnsw(notes, embedding);`);
const insert = db.prepare('INSERT INTO notes(body, embedding) VALUES (?, vector32(?))');
insert.run('apple pie', '[0.9, 0.1, 0]');
insert.run('train at nine', '[0, 0.1, 0.9]');
insert.run('apple cake', '[0.8, 0.3, 0]');

const query = db.prepare("SELECT body, distance FROM vector_search('notes_vec', ?, 2) JOIN notes USING (id)");
for (const { body, distance } of query.all('[1, 0, 0]')) console.log(distance.toFixed(3), '', body);
