package sqlext_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// The statements that clients of libSQL send, unchanged, through the Go driver.

func TestClientLangChain(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE vectors (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		content TEXT,
		metadata TEXT,
		embedding F32_BLOB(4)
	)`)
	d.exec(`CREATE INDEX idx_vectors_embedding ON vectors(libsql_vector_idx(embedding))`)
	add := func(content, embedding string) string {
		t.Helper()
		return d.rows(`INSERT INTO vectors (content, metadata, embedding) VALUES (:content, :metadata, vector(:embedding)) RETURNING vectors.rowid AS id`,
			sql.Named("content", content), sql.Named("metadata", `{"source":"test"}`), sql.Named("embedding", embedding))
	}
	for i, e := range []string{"[1,0,0,0]", "[0,1,0,0]", "[0.9,0.1,0,0]"} {
		if got, want := add(fmt.Sprintf("text %d", i+1), e), fmt.Sprint(i+1); got != want {
			t.Errorf("RETURNING gives %s, want %s", got, want)
		}
	}
	const search = `SELECT vectors.rowid as id, vectors.content, vectors.metadata, vector_distance_cos(vectors.embedding, vector(:queryVector)) AS distance
      FROM vector_top_k('idx_vectors_embedding', vector(:queryVector), CAST(:k AS INTEGER)) as top_k
      JOIN vectors ON top_k.rowid = vectors.rowid`
	args := []any{sql.Named("queryVector", "[1,0,0,0]"), sql.Named("k", 2.0)} // JavaScript numbers are REAL
	d.wants("1|text 1|{\"source\":\"test\"}|0\n3|text 3|{\"source\":\"test\"}|0.006116", search, args...)
	d.exec(`DELETE FROM vectors WHERE rowid = :id`, sql.Named("id", "1"))
	d.wants("3|text 3|{\"source\":\"test\"}|0.006116\n2|text 2|{\"source\":\"test\"}|1", search, args...)
	d.exec(`DELETE FROM vectors`)
	d.wants("", search, args...)
}

func TestClientMastra(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`PRAGMA journal_mode=WAL;`)
	d.exec(`PRAGMA busy_timeout = 10000;`)
	create := func() {
		t.Helper()
		d.exec(`
          CREATE TABLE IF NOT EXISTS "docs" (
            id SERIAL PRIMARY KEY,
            vector_id TEXT UNIQUE NOT NULL,
            embedding F32_BLOB(3),
            metadata TEXT DEFAULT '{}'
          );
        `)
		d.exec(`
          CREATE INDEX IF NOT EXISTS "docs_vector_idx"
          ON "docs" (libsql_vector_idx(embedding))
        `)
	}
	create()
	create()
	upsert := func(id, vec, meta string) (err error) {
		tx, err := d.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		_, err = tx.ExecContext(t.Context(), `
            INSERT INTO "docs" (vector_id, embedding, metadata)
            VALUES (?, vector32(?), ?)
            ON CONFLICT(vector_id) DO UPDATE SET
              embedding = vector32(?),
              metadata = ?
          `, id, vec, meta, vec, meta)
		if err != nil {
			return err
		}
		return tx.Commit()
	}
	for _, r := range [][3]string{{"a", "[1,0,0]", `{"c":1}`}, {"b", "[0,1,0]", `{"c":2}`}, {"a", "[0,0,1]", `{"c":3}`}} {
		if err := upsert(r[0], r[1], r[2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := upsert("z", "[1,2]", "{}"); err == nil || !strings.Contains(err.Error(), "dimensions are different: 2 != 3") {
		t.Errorf("upsert of two dimensions: %v", err)
	}
	d.wants(`a|0.7071|{"c":3}`+"\n"+`b|0.7071|{"c":2}`, `
      WITH vector_scores AS (
        SELECT
          vector_id as id,
          (1-vector_distance_cos(embedding, '[0,1,1]')) as score,
          metadata
        FROM "docs"
      )
      SELECT *
      FROM vector_scores
      WHERE score > ?
      ORDER BY score DESC, id
      LIMIT ?`, 0.1, 10)
	// What it lists must be its own table and index only.
	d.wants("docs", `SELECT name FROM sqlite_master WHERE type='table' AND sql LIKE '%F32_BLOB%';`)
	d.wants("docs_vector_idx", `SELECT name FROM sqlite_master WHERE name LIKE '%_vector_idx'`)
	d.wants("2", `SELECT COUNT(*) as count FROM "docs"`)
	d.exec(`UPDATE "docs" SET embedding = vector32(?), metadata = ? WHERE vector_id = ?;`, "[0,1,0.1]", "{}", "a")
	d.wants("b\na", `SELECT d.vector_id FROM vector_top_k('docs_vector_idx', vector32('[0,1,0]'), 5) v JOIN "docs" d ON d.rowid = v.id`)
	d.exec(`DELETE FROM "docs" WHERE vector_id = ?`, "b")
	d.exec(`DELETE FROM "docs"`)
	d.exec(`DROP TABLE IF EXISTS "docs"`)
	d.wants("libsql_vector_meta_shadow", `SELECT name FROM sqlite_master`)
}

func TestClientDrizzle(t *testing.T) {
	d, _ := openTemp(t)
	// drizzle-kit puts a whole migration into one text.
	d.exec("CREATE TABLE `source_documents` (\n\t`id` text PRIMARY KEY NOT NULL,\n\t`embedding` F32_BLOB(3) NOT NULL,\n\t`title` text\n);\n" +
		"--> statement-breakpoint\nDROP INDEX IF EXISTS `source_documents_embedding_idx`;--> statement-breakpoint\n" +
		"CREATE INDEX `source_documents_embedding_idx` ON `source_documents` (libsql_vector_idx(\"embedding\", 'metric=cosine', 'max_neighbors=256', 'compress_neighbors=float8', 'search_l=100'));\n")
	for i, e := range []string{"[1,0,0]", "[0,1,0]", "[0,0,1]"} {
		d.exec("insert into \"source_documents\" (\"id\", \"embedding\", \"title\") values (?, vector32(?), ?) on conflict (\"source_documents\".\"id\") do nothing returning \"id\"",
			fmt.Sprintf("doc-%d", i), e, fmt.Sprintf("title %d", i))
	}
	d.wants("doc-1|title 1|0\ndoc-0|title 0|1", "select \"source_documents\".\"id\", \"source_documents\".\"title\", vector_distance_cos(\"source_documents\".\"embedding\",vector32(?)) as \"distance\" "+
		"from vector_top_k('source_documents_embedding_idx',vector32(?),?) as \"top_k\" inner join \"source_documents\" on \"source_documents\".\"rowid\" = \"top_k\".\"id\" "+
		"where \"source_documents\".\"title\" <> ? order by vector_distance_cos(\"source_documents\".\"embedding\",vector32(?))", "[0,1,0]", "[0,1,0]", 3, "title 2", "[0,1,0]")
	// What drizzle-kit's introspection sees of internal tables: nothing, because it
	// leaves out what begins with libsql_.
	d.wants("source_documents", `SELECT m.name FROM sqlite_master AS m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND m.name NOT LIKE 'libsql\_%' ESCAPE '\'`)
	d.exec("ALTER TABLE `source_documents` RENAME TO `__old_source_documents`;\n--> statement-breakpoint\nALTER TABLE `__old_source_documents` ADD `lang` text;")
	d.wants("doc-2", `SELECT t.id FROM vector_top_k('source_documents_embedding_idx', '[0,0,1]', 1) v JOIN __old_source_documents t ON t.rowid = v.id`)
}

func TestClientTursoDocumentation(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE movies (
  title     TEXT,
  year      INT,
  embedding F32_BLOB(4) -- 4-dimensional f32 vector
)`)
	d.exec(`INSERT INTO movies (title, year, embedding)
VALUES
  ('Napoleon', 2023, vector32('[0.800, 0.579, 0.481, 0.229]')),
  ('Black Hawk Down', 2001, vector32('[0.406, 0.027, 0.378, 0.056]')),
  ('Gladiator', 2000, vector32('[0.698, 0.140, 0.073, 0.125]')),
  ('Blade Runner', 1982, vector32('[0.379, 0.637, 0.011, 0.647]'));`)
	d.wants("Blade Runner|[0.379,0.637,0.011,0.647]|0.1987", `SELECT title, vector_extract(embedding), vector_distance_cos(embedding, vector32('[0.064, 0.777, 0.661, 0.687]')) AS distance
FROM movies ORDER BY distance ASC LIMIT 1`)
	d.exec(`CREATE INDEX movies_idx ON movies (libsql_vector_idx(embedding));`)
	d.wants("Napoleon|2023\nBlack Hawk Down|2001", `SELECT title, year
FROM vector_top_k('movies_idx', vector32('[0.8,0.5,0.9,0.1]'), 3)
JOIN movies ON movies.rowid = id
WHERE year >= 2001`)
	d.exec(`CREATE INDEX IF NOT EXISTS movies_idx_l2 ON movies (libsql_vector_idx(embedding, 'metric=l2', 'compress_neighbors=float8'))`)
	d.exec(`DELETE FROM movies WHERE title = 'Napoleon'`)
	d.exec(`CREATE INDEX recent ON movies(libsql_vector_idx(embedding)) WHERE year > 2000`)
	d.wants("Black Hawk Down", `SELECT title FROM vector_top_k('recent', '[0,0,0,1]', 5) JOIN movies ON movies.rowid = id`)
	d.exec(`DROP INDEX movies_idx`)
	d.exec(`REINDEX movies_idx_l2`)
	d.wants("3", `SELECT count(*) FROM vector_top_k('movies_idx_l2', '[0,0,0,1]', 5)`)
}
