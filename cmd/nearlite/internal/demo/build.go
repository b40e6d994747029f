package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/nearlite/nearlite/examples/data/tiny"
	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// schema makes the tables. demo_about has the names of everything the demo made:
// File replaces a file only if it holds nothing else.
const schema = `
CREATE TABLE senses(id INTEGER PRIMARY KEY, sense TEXT UNIQUE, title TEXT, text TEXT, pos TEXT, lexname TEXT,
                    embedding F32_BLOB(512));
CREATE TABLE queries(id TEXT PRIMARY KEY, text TEXT, answer TEXT, embedding F32_BLOB(512));
CREATE TABLE demo_about(name TEXT PRIMARY KEY)`

// The indexes, as the tour shows them.
const (
	vectorIndex  = `CREATE VIRTUAL TABLE senses_vec USING hnsw(senses, embedding, metric=cosine)`
	lexicalIndex = `CREATE VIRTUAL TABLE senses_text USING lexical(senses, title, text, analyzer=en)`
)

// build makes tables, rows and indexes in one transaction: a run that is stopped
// leaves an empty file, never half a demonstration.
func (t *tour) build(ctx context.Context, path string) (err error) {
	if err := t.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// Closing the connection rolls back if this cannot.
			_ = t.exec(context.Background(), "ROLLBACK")
		}
	}()
	if err := t.exec(ctx, fmt.Sprintf("PRAGMA application_id = %d;", applicationID)+schema); err != nil {
		return err
	}
	begin := time.Now()
	docs, queries, err := t.insert(ctx)
	if err != nil {
		return err
	}
	t.say("%s has now the table senses with %d rows and the table queries with %d (%s).\n", path, docs, queries, since(begin))
	for _, index := range []string{vectorIndex, lexicalIndex} {
		begin = time.Now()
		if err := t.exec(ctx, index); err != nil {
			return err
		}
		t.say("    %s;   -- %s", index, since(begin))
	}
	t.say("\nThe first index finds vectors that are near, the second finds words. Both are rows of the same")
	t.say("file, and triggers keep them in step with the table, inside your own transactions.")
	if err := t.exec(ctx, "INSERT INTO demo_about SELECT name FROM sqlite_schema"); err != nil {
		return err
	}
	return t.exec(ctx, "COMMIT")
}

// insert fills both tables from the files that the program carries.
func (t *tour) insert(ctx context.Context) (docs, queries int, err error) {
	senses, err := tiny.Docs()
	if err != nil {
		return 0, 0, err
	}
	examples, err := tiny.Queries()
	if err != nil {
		return 0, 0, err
	}
	answers, err := tiny.Answers()
	if err != nil {
		return 0, 0, err
	}
	into, err := t.conn.PrepareContext(ctx, "INSERT INTO senses(sense, title, text, pos, lexname, embedding) VALUES (?, ?, ?, ?, ?, ?)")
	if err != nil {
		return 0, 0, err
	}
	defer into.Close()
	for _, d := range senses {
		if _, err := into.ExecContext(ctx, d.ID, d.Title, d.Text, d.Pos, d.Lexname, tiny.Blob(d.Embedding)); err != nil {
			return 0, 0, fmt.Errorf("sense %s: %s", d.ID, sqlite.ErrorText(err))
		}
	}
	ask, err := t.conn.PrepareContext(ctx, "INSERT INTO queries(id, text, answer, embedding) VALUES (?, ?, ?, ?)")
	if err != nil {
		return 0, 0, err
	}
	defer ask.Close()
	for _, q := range examples {
		if _, err := ask.ExecContext(ctx, q.ID, q.Text, answers[q.ID], tiny.Blob(q.Embedding)); err != nil {
			return 0, 0, fmt.Errorf("query %s: %s", q.ID, sqlite.ErrorText(err))
		}
	}
	return len(senses), len(examples), nil
}

func (t *tour) exec(ctx context.Context, text string) error {
	_, err := t.conn.ExecContext(ctx, text)
	return err
}

func since(begin time.Time) string { return time.Since(begin).Round(time.Millisecond).String() }
