-- only: libsql
CREATE TABLE t(id INTEGER PRIMARY KEY, e F32_BLOB(3));
INSERT INTO t VALUES (1, vector32('[1,0,0]')), (2, vector32('[0,1,0]'));
CREATE INDEX t_i ON t(libsql_vector_idx(e));
SELECT id FROM vector_top_k('t_i', '[1,0,0]', 2);
SELECT nearlite_reconcile();
SELECT id FROM vector_search('t_i', '[1,0,0]', 2);
SELECT id FROM vector_search('main.t_i', '[1,0,0]', 2);
SELECT hnsw_stats('t_i');
CREATE VIRTUAL TABLE t_vec USING hnsw(t, e);
INSERT INTO t VALUES (3, vector32('[0.9,0.1,0]'));
SELECT id FROM vector_top_k('t_i', '[1,0,0]', 2);
SELECT id FROM vector_search('t_vec', '[1,0,0]', 2);
SELECT count(*) FROM sqlite_schema WHERE name LIKE 'libsql_vector_t_i%';
PRAGMA integrity_check;
