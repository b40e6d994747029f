-- include: schema.inc
PRAGMA integrity_check;
INSERT INTO docs_vec(docs_vec) VALUES ('integrity-check');
INSERT INTO docs_text(docs_text) VALUES ('integrity-check');
INSERT INTO docs_vec(docs_vec) VALUES ('optimize');
INSERT INTO docs_vec(docs_vec) VALUES ('rebuild');
INSERT INTO docs_text(docs_text) VALUES ('rebuild');
SELECT rowid FROM docs_vec WHERE vector MATCH '[1,0,0]' AND k = 2;
INSERT INTO docs_vec(docs_vec) VALUES ('ef_search=100');
VACUUM;
PRAGMA integrity_check;
INSERT INTO docs_vec(docs_vec) VALUES ('integrity-check');
