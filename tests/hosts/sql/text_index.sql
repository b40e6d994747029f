-- include: schema.inc
SELECT rowid, printf('%.4f', score) FROM docs_text WHERE docs_text MATCH 'apple' ORDER BY score DESC LIMIT 10;
SELECT rowid, highlight(docs_text, 0, '<', '>') FROM docs_text WHERE docs_text MATCH 'title:apple' ORDER BY score DESC LIMIT 10;
SELECT rowid FROM docs_text WHERE docs_text MATCH '+apple -pie' ORDER BY score DESC LIMIT 10;
SELECT rowid FROM docs_text WHERE docs_text MATCH '"ripe bananas"' ORDER BY score DESC LIMIT 10;
SELECT rowid FROM docs_text WHERE docs_text MATCH 'chery~1' ORDER BY score DESC LIMIT 10;
UPDATE docs SET body = 'walnuts' WHERE id = 1;
SELECT rowid FROM docs_text WHERE docs_text MATCH 'walnut' ORDER BY score DESC LIMIT 10;
DELETE FROM docs WHERE id = 2;
SELECT rowid FROM docs_text WHERE docs_text MATCH 'banana' ORDER BY score DESC LIMIT 10;
SELECT id FROM lexical_search('docs_text', 'what''s in a (cherry) tart?', 5);
