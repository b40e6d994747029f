package sqlext_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// Readers beside a writer: whatever state a reader's transaction sees in the table, it
// sees in both indexes, too.
func TestReadersBesideWriter(t *testing.T) {
	const readers, rows, generations = 3, 24, 40
	d, path := openTemp(t)
	d.exec(`PRAGMA journal_mode = wal`)
	d.exec(`CREATE TABLE state(gen INT)`)
	d.exec(`INSERT INTO state VALUES(0)`)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(2))`)
	d.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?1) INSERT INTO docs SELECT i, 'gen0', '[0,' || i || ']' FROM n`, rows)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2)`)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, body)`)

	var done atomic.Bool
	var wg sync.WaitGroup
	errs := make(chan error, readers+1)
	for range readers {
		r := openFile(t, "file:"+path)
		wg.Go(func() {
			for n := 0; !done.Load() || n < 3; n++ {
				if err := readOnce(t.Context(), r); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	for gen := 1; gen <= generations && len(errs) == 0; gen++ {
		d.exec(`BEGIN IMMEDIATE`)
		d.exec(`UPDATE state SET gen = ?1`, gen)
		d.exec(`UPDATE docs SET body = 'gen' || ?1, embedding = '[' || (?1 * 1000) || ',' || id || ']'`, gen)
		if gen%5 == 0 {
			d.exec(`ROLLBACK`)
			continue
		}
		d.exec(`COMMIT`)
	}
	done.Store(true)
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}

// readOnce compares table and indexes in one read transaction.
func readOnce(ctx context.Context, r *testDB) error {
	tx, err := r.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var gen int
	if err := tx.QueryRowContext(ctx, `SELECT gen FROM state`).Scan(&gen); err != nil {
		return err
	}
	var words, near int
	var distance float64
	err = tx.QueryRowContext(ctx, `SELECT count(*) FROM docs_text WHERE docs_text MATCH 'gen' || ?1`, gen).Scan(&words)
	if err != nil {
		return fmt.Errorf("lexical search: %w", err)
	}
	err = tx.QueryRowContext(ctx, `SELECT count(*), max(distance) FROM docs_vec WHERE vector MATCH '[' || (?1 * 1000) || ',1]' AND k = 100`, gen).Scan(&near, &distance)
	if err != nil {
		return fmt.Errorf("vector search: %w", err)
	}
	if words != 24 || near != 24 || distance != 23 {
		return fmt.Errorf("generation %d: %d rows by word, %d by vector, the farthest at %v; want 24, 24, 23", gen, words, near, distance)
	}
	return nil
}
