// nearlite in libSQL's own SQLite (npm libsql): an index of libSQL's and one of nearlite's
// beside each other, and text search, which libSQL has not.
const path = require('node:path');
const Database = require('libsql');

const db = new Database(':memory:');
db.loadExtension(path.join(__dirname, '../../dist/nearlite.so'));
db.exec(`CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, lang TEXT, embedding F32_BLOB(3));
  CREATE INDEX notes_idx ON notes(libsql_vector_idx(embedding));
  CREATE VIRTUAL TABLE notes_vec USING hnsw(notes, embedding);
  CREATE VIRTUAL TABLE notes_text USING lexical(notes, body, analyzer=en);`);
const insert = db.prepare('INSERT INTO notes(body, lang, embedding) VALUES (?, ?, vector32(?))');
insert.run('apple pie', 'en', '[0.9, 0.1, 0]');
insert.run('trains at nine', 'en', '[0, 0.1, 0.9]');
insert.run('Apfelkuchen', 'de', '[0.8, 0.3, 0]');

const show = (title, sql, ...args) => {
  console.log(title + ':');
  for (const { body } of db.prepare(sql).all(args)) console.log('  ' + body);
};
show("libSQL's index", "SELECT body FROM vector_top_k('notes_idx', vector32(?), 2) JOIN notes USING (id)", '[1, 0, 0]');
show("nearlite's, with a filter", "SELECT body FROM vector_search('notes_vec', ?, 1, 'lang = ?1', '[\"de\"]') JOIN notes USING (id)", '[1, 0, 0]');
show('words and meaning', "SELECT body FROM hybrid_search('notes_vec', 'notes_text', ?, ?, 2) JOIN notes USING (id)", 'a train?', '[0, 0, 1]');
