-- include: schema.inc
SELECT id, printf('%.4f', distance) FROM vector_search('docs_vec', '[1,0,0]', 2);
SELECT id FROM vector_search('docs_vec', vector32('[1,0,0]'), 5, 'lang = ?1 AND year < ?2', '["en", 2020]');
SELECT id FROM vector_search('docs_vec', '[1,0,0]', 5, 'lang = ''fr''');
SELECT id, vector_rank, lexical_rank FROM hybrid_search('docs_vec', 'docs_text', 'apple pie?', '[1,0,0]', 3);
SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'apple', '[1,0,0]', 3, 'lang = ?1', '["en"]', '{"fusion": "rrf"}');
SELECT d.title FROM vector_search('docs_vec', '[0,0,1]', 2) s JOIN docs d ON d.id = s.id WHERE d.lang = 'en';
SELECT json_valid(explain) FROM vector_search('docs_vec', '[0,0,1]', 1, 'year > 2000');
SELECT d.id, (SELECT group_concat(id) FROM vector_search('docs_vec', d.embedding, 2)) FROM docs d WHERE d.embedding IS NOT NULL ORDER BY d.id;
