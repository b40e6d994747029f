.load ../../dist/nearlite
.mode box
CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, lang TEXT, embedding F32_BLOB(3));
CREATE VIRTUAL TABLE notes_vec USING hnsw(notes, embedding);
CREATE VIRTUAL TABLE notes_text USING lexical(notes, body, analyzer=en);
INSERT INTO notes VALUES
  (1, 'Bake the apple pie for an hour', 'en', vector32('[0.9, 0.1, 0.0]')),
  (2, 'Apfelkuchen mit Zimt',           'de', vector32('[0.8, 0.2, 0.1]')),
  (3, 'The train leaves at nine',       'en', vector32('[0.0, 0.1, 0.9]')),
  (4, 'Pies need good flour',           'en', vector32('[0.7, 0.4, 0.0]'));

SELECT id, printf('%.3f', distance) AS distance FROM vector_search('notes_vec', '[1, 0, 0]', 2);
SELECT rowid, highlight(notes_text, 0, '<', '>') AS body FROM notes_text WHERE notes_text MATCH 'pie' ORDER BY score DESC LIMIT 5;
SELECT s.id, n.body FROM hybrid_search('notes_vec', 'notes_text', 'pie?', '[1, 0, 0]', 3, 'lang = ?1', '["en"]') s
  JOIN notes n ON n.id = s.id;
