-- skip: go
-- include: schema.inc
CREATE VIRTUAL TABLE f USING fts5(body);
INSERT INTO f VALUES ('an apple pie with apples');
SELECT highlight(f, 0, '<', '>'), snippet(f, 0, '<', '>', '...', 3) FROM f WHERE f MATCH 'apple';
SELECT highlight(docs_text, 0, '<', '>') FROM docs_text WHERE docs_text MATCH 'pie';
