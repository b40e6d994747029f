// Package demo is the guided tour of `nearlite demo`: it makes a database file from
// real texts and embeddings, builds both indexes, and searches them in each of
// the ways there are, saying in words what happens.
package demo

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/output"
	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// tour is one run of the demonstration.
type tour struct {
	conn *sql.Conn
	out  io.Writer
	err  error // the first error of printing
}

// Run builds the database behind conn, unless built says that it is there, and
// shows the searches on out. path is the file's name for the commands it prints.
func Run(ctx context.Context, conn *sql.Conn, path string, built bool, out io.Writer) error {
	t := &tour{conn: conn, out: out}
	begin := time.Now()
	t.say("nearlite finds rows of an SQLite database by meaning, by words, or by both.")
	t.say("This tour uses 500 word senses of WordNet: the words, their definition, and an")
	t.say("embedding: 512 numbers from a language model that say what the definition is about.")
	if built {
		t.head("The database of an earlier run")
		t.say("%s has the rows and the indexes already.", path)
	} else {
		t.head("A database file, its rows and two indexes")
		if err := t.build(ctx, path); err != nil {
			return err
		}
	}
	for _, s := range searches {
		if err := t.show(ctx, s); err != nil {
			return err
		}
	}
	if err := t.plan(ctx); err != nil {
		return err
	}
	if err := t.measure(ctx); err != nil {
		return err
	}
	t.next(path, time.Since(begin))
	return t.err
}

// say prints a line of the tour.
func (t *tour) say(format string, args ...any) {
	if _, err := fmt.Fprintf(t.out, format+"\n", args...); t.err == nil {
		t.err = err
	}
}

func (t *tour) head(title string) { t.say("\n== %s ==", title) }

// search is a stop of the tour: words for a newcomer, SQL, and its rows.
type search struct {
	title string
	words string
	sql   string
}

var searches = []search{
	{
		title: "By meaning: nearest neighbors",
		words: `The question is "The huts can be mounded over to form shelters"; its embedding is in the
table queries. The vector index compares it with the senses and returns the nearest:
distance 0 is the same direction, 1 is unrelated. Few words need to be shared.`,
		sql: `SELECT senses.title, senses.text, round(distance, 3) AS distance
FROM vector_search('senses_vec', (SELECT embedding FROM queries WHERE id = 'q28'), 5) AS hit
JOIN senses ON senses.id = hit.id
ORDER BY hit.distance`,
	},
	{
		title: "The same with a filter",
		words: `Any SQL condition over the table's columns filters inside the search, so that five rows come
back as long as five verbs exist, not whatever is left of the five nearest.`,
		sql: `SELECT senses.title, senses.text, senses.pos, round(distance, 3) AS distance
FROM vector_search('senses_vec', (SELECT embedding FROM queries WHERE id = 'q28'), 5,
                   'pos = ?1', '["verb"]') AS hit
JOIN senses ON senses.id = hit.id
ORDER BY hit.distance`,
	},
	{
		title: "By words",
		words: `The lexical index ranks by BM25: rare words count more. A plus asks for a word, a minus
forbids one; words match in all their forms. snippet() cuts out the place that matched.`,
		sql: `SELECT title, snippet(senses_text, -1, '[', ']', '…', 12) AS snippet, round(score, 2) AS score
FROM senses_text
WHERE senses_text MATCH '+shelters tents building -temporary'
ORDER BY score DESC LIMIT 5`,
	},
	{
		title: "By both",
		words: `"A rash erupted on her arms after she had touched the exotic plant": a hybrid search asks both
indexes and joins the answers by their scores. The ranks say which index found what; NULL is
an answer that only the other one has.`,
		sql: `SELECT senses.title, senses.text, round(score, 3) AS score, vector_rank, lexical_rank
FROM hybrid_search('senses_vec', 'senses_text',
                   (SELECT text FROM queries WHERE id = 'q100'),
                   (SELECT embedding FROM queries WHERE id = 'q100'), 5) AS hit
JOIN senses ON senses.id = hit.id
ORDER BY hit.score DESC`,
	},
}

// show prints a search and its rows.
func (t *tour) show(ctx context.Context, s search) error {
	t.head(s.title)
	t.say("%s\n", s.words)
	t.say("%s;\n", indent(s.sql, "    "))
	if err := t.print(ctx, s.sql); err != nil {
		return fmt.Errorf("%s: %s", s.title, sqlite.ErrorText(err))
	}
	return nil
}

// print runs SQL and prints the rows as a table.
func (t *tour) print(ctx context.Context, text string) error {
	w, err := output.New("table", t.out, 48)
	if err != nil {
		return err
	}
	return sqlite.RunScript(ctx, t.conn, text, func(s *sqlite.Statement) error {
		columns := s.Columns()
		if err := w.Begin(columns, s.DeclTypes()); err != nil {
			return err
		}
		values := make([]any, len(columns))
		for s.Next() {
			for i := range values {
				values[i] = s.Value(i)
			}
			if err := w.Row(values); err != nil {
				return err
			}
		}
		return w.End()
	})
}

// next says what to try now.
func (t *tour) next(path string, took time.Duration) {
	t.head("Now you")
	t.say("The tour took %.1f s. The database stays in %s; try:\n", took.Seconds(), path)
	quoted := shellQuote(path)
	for _, text := range []string{
		`SELECT id, text FROM queries`,
		`SELECT title, text FROM senses_text WHERE senses_text MATCH 'bird -baby' ORDER BY score DESC LIMIT 5`,
		`SELECT s.title, v.distance FROM vector_search('senses_vec', (SELECT embedding FROM queries WHERE id = 'q901'), 5) v JOIN senses s ON s.id = v.id`,
		`INSERT INTO senses(sense, title, text, pos) VALUES ('mine', 'bluebird', 'a small songbird, blue', 'noun')`,
		`PRAGMA integrity_check`,
	} {
		t.say("    nearlite sql --db %s \"%s\"", quoted, text)
	}
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(text, "\n", "\n"+by)
}

// shellQuote quotes a file name for a shell where it needs that.
func shellQuote(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == "" {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
