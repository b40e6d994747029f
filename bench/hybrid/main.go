// Command hybrid measures text search and hybrid search through SQL, on files.
//
//	go run ./bench/hybrid [-speed wordnet] DATA...
//
// Each DATA is a directory as package judged reads it. The first table has nDCG@10 and
// recall@100 of the text index (analyzer=en), FTS5 (porter unicode61, the same words
// joined by OR), the exact and the approximate vector search, and of both legs joined by
// rrf, convex, the default, and what fusion_tune learns from the same queries, valued by
// cross-validation. The other tables have the speed on one of the collections, beside
// FTS5 in the same engine and bleve's own index (scorch), and the times of a hybrid
// search's parts.
package main

import (
	"database/sql"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/ext/fts5"

	"github.com/nearlite/nearlite/bench/judged"
	"github.com/nearlite/nearlite/sqlext/sqlite"
)

func main() {
	speedOn := flag.String("speed", "wordnet", "collection whose speed is measured; empty for none")
	limit := flag.Int("queries", 1000, "judged queries of each collection, at most")
	rounds := flag.Int("rounds", 3, "times each query is timed")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: hybrid [-speed name] [-queries n] [-rounds n] DATA...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 || *limit < 1 || *rounds < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Args(), *speedOn, *limit, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "hybrid:", err)
		os.Exit(1)
	}
}

func run(dirs []string, speedOn string, limit, rounds int) error {
	fmt.Println("nDCG@10 / recall@100")
	fmt.Println()
	fmt.Println("| collection | FTS5 | text | vector, exact | vector, hnsw | rrf | convex | default | default - best leg | tuned |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	var later []func() error
	for _, dir := range dirs {
		c, err := judged.Load(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(dir), err)
		}
		b, err := build(c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		defer b.close()
		if err := b.quality(limit); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		if c.Name == speedOn {
			later = append(later, func() error { return b.speed(rounds) })
		}
	}
	for _, f := range later {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// bench is a collection in two files: ours, and FTS5's.
type bench struct {
	c        *judged.Collection
	dir      string
	ours     *sql.DB
	fts      *sql.DB
	lexTime  float64 // seconds to build
	ftsTime  float64
	lexBytes int64
	ftsBytes int64
}

func (b *bench) close() {
	_ = b.ours.Close()
	_ = b.fts.Close()
	_ = os.RemoveAll(b.dir)
}

func build(c *judged.Collection) (b *bench, err error) {
	b = &bench{c: c}
	if b.dir, err = os.MkdirTemp("", "nearlite-hybrid"); err != nil {
		return nil, err
	}
	if b.ours, err = sqlite.Open("file:" + filepath.Join(b.dir, "ours.db")); err != nil {
		return nil, err
	}
	if b.fts, err = driver.Open("file:"+filepath.Join(b.dir, "fts.db"), fts5.Register); err != nil {
		return nil, err
	}
	b.ours.SetMaxOpenConns(1)
	b.fts.SetMaxOpenConns(1)
	if err := b.fill(b.ours, true); err != nil {
		return nil, err
	}
	if err := b.fill(b.fts, false); err != nil {
		return nil, err
	}
	if b.lexTime, b.lexBytes, err = b.timed(b.ours,
		"CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, text, analyzer=en)"); err != nil {
		return nil, err
	}
	if b.ftsTime, b.ftsBytes, err = b.timed(b.fts,
		"CREATE VIRTUAL TABLE docs_fts USING fts5(title, text, content='docs', content_rowid='id', tokenize='porter unicode61')",
		"INSERT INTO docs_fts(docs_fts) VALUES('rebuild')", "INSERT INTO docs_fts(docs_fts) VALUES('optimize')"); err != nil {
		return nil, err
	}
	_, err = b.ours.Exec("CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e)")
	return b, err
}

// fill inserts the collection; row i+1 is document i.
func (b *bench) fill(db *sql.DB, vectors bool) error {
	for _, q := range []string{"PRAGMA journal_mode=wal", fmt.Sprintf("CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, text TEXT, e F32_BLOB(%d))", b.c.Dims)} {
		if _, err := db.Exec(q); err != nil {
			return err
		}
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	st, err := tx.Prepare("INSERT INTO docs VALUES(?, ?, ?, ?)")
	if err != nil {
		return err
	}
	for i, d := range b.c.Docs {
		var e any
		if vectors {
			e = blob(b.c.DocVecs[i])
		}
		if _, err := st.Exec(i+1, d.Title, d.Text, e); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func blob(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, x := range v {
		u := math.Float32bits(x)
		out = append(out, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
	}
	return out
}

var word = regexp.MustCompile(`[\pL\pN_]+`)

// ftsQuery joins the words of a text by OR.
func ftsQuery(text string) string {
	words := word.FindAllString(strings.ToLower(text), -1)
	slices.Sort(words)
	words = slices.Compact(words)
	for i, w := range words {
		words[i] = `"` + w + `"`
	}
	return strings.Join(words, " OR ")
}
