-- skip: libsql
CREATE TABLE t(id INTEGER PRIMARY KEY, e F32_BLOB(3));
INSERT INTO t VALUES (1, vector32('[1,0,0]')), (2, vector32('[0,1,0]'));
CREATE INDEX t_i ON t(libsql_vector_idx(e, 'metric=cosine'));
SELECT id FROM vector_top_k('t_i', '[1,0,0]', 2);
INSERT INTO t VALUES (3, vector32('[0.9,0.1,0]'));
SELECT id FROM vector_top_k('t_i', vector32('[1,0,0]'), 2);
DELETE FROM t WHERE id = 1;
SELECT t.id FROM vector_top_k('t_i', '[1,0,0]', 2) v JOIN t ON t.rowid = v.id;
PRAGMA integrity_check;
DROP INDEX t_i;
SELECT count(*) FROM sqlite_schema WHERE type = 'index';
SELECT id FROM vector_top_k('t_i', '[1,0,0]', 2);
