-- include: schema.inc
SELECT rowid FROM docs_vec WHERE vector MATCH '[1,0]' AND k = 3;
INSERT INTO docs(id, embedding) VALUES (9, vector32('[1,2]'));
SELECT count(*) FROM docs;
SELECT * FROM vector_search('nope', '[1,0,0]', 3);
SELECT * FROM vector_search('docs_vec', '[1,0,0]', 3, 'no_such_column = 1');
CREATE VIRTUAL TABLE bad USING hnsw(docs, embedding, metric=euclid);
CREATE VIRTUAL TABLE bad USING hnsw(docs, nope);
CREATE VIRTUAL TABLE bad USING lexical(docs, title, analyzer=klingon);
SELECT rowid FROM docs_text WHERE docs_text MATCH 'title:"open' LIMIT 3;
INSERT INTO docs_vec(docs_vec) VALUES ('frobnicate');
SELECT vector_distance_cos('[1,2]', '[1,2,3]');
SELECT count(*) FROM docs_vec;
