package main

import (
	"bufio"
	"compress/gzip"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/nearlite/nearlite/vector"
)

// load makes the table and its index unless they are there.
func load(db *sql.DB, dir string) error {
	var there int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE name = 'docs_vec'`).Scan(&there); err != nil || there > 0 {
		return err
	}
	start := time.Now()
	dims, err := readDims(dir)
	if err != nil {
		return err
	}
	vectors, err := readHalfs(filepath.Join(dir, "docs.f16.gz"), dims)
	if err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.Exec(fmt.Sprintf(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, text TEXT, pos TEXT, lexname TEXT, year INT, e F32_BLOB(%d))`, dims))
	if err != nil {
		return err
	}
	st, err := tx.Prepare(`INSERT INTO docs(title, text, pos, lexname, year, e) VALUES(?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer st.Close()
	err = eachLine(filepath.Join(dir, "docs.jsonl.gz"), func(i int, line []byte) error {
		var d struct {
			Title, Text, Pos, Lexname string
			Year                      *int
		}
		if err := json.Unmarshal(line, &d); err != nil {
			return err
		}
		if i >= len(vectors) {
			return fmt.Errorf("line %d has no vector", i+1)
		}
		_, err := st.Exec(d.Title, d.Text, d.Pos, d.Lexname, d.Year, vectors[i])
		return err
	})
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	rows := time.Since(start)
	if _, err := db.Exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e)`); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d rows in %.1f s, index in %.1f s\n", len(vectors), rows.Seconds(), (time.Since(start) - rows).Seconds())
	return nil
}

func readDims(dir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "meta.json"))
	if err != nil {
		return 0, err
	}
	var meta struct{ Dims int }
	if err := json.Unmarshal(b, &meta); err != nil || meta.Dims < 1 {
		return 0, fmt.Errorf("meta.json: dims is %d, want at least 1 (%w)", meta.Dims, err)
	}
	return meta.Dims, nil
}

func readQueries(dir string) ([][]byte, error) {
	dims, err := readDims(dir)
	if err != nil {
		return nil, err
	}
	return readHalfs(filepath.Join(dir, "queries.f16.gz"), dims)
}

// readHalfs reads rows of float16 and returns them as float32 blobs.
func readHalfs(file string, dims int) ([][]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(b)/(2*dims))
	for i := range out {
		row := make([]byte, 0, 4*dims)
		for j := range dims {
			h := binary.LittleEndian.Uint16(b[2*(i*dims+j):])
			row = binary.LittleEndian.AppendUint32(row, math.Float32bits(vector.Float16ToFloat32(h)))
		}
		out[i] = row
	}
	return out, nil
}

func eachLine(file string, fn func(i int, line []byte) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 1<<24)
	for i := 0; sc.Scan(); i++ {
		if err := fn(i, sc.Bytes()); err != nil {
			return fmt.Errorf("%s, line %d: %w", filepath.Base(file), i+1, err)
		}
	}
	return sc.Err()
}
