// Package tiny carries a small set of real texts and embeddings: 500 senses of
// WordNet 3.0 and 40 queries with their judged answers. README.md says where it
// comes from, LICENSE under which terms it may be passed on.
package tiny

import (
	"bytes"
	"embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
)

// Dims is the number of dimensions of every embedding.
const Dims = 512

// FS holds the files as they lie in the folder.
//
//go:embed LICENSE README.md *.jsonl *.f32 qrels.tsv expected.json meta.json
var FS embed.FS

// Doc is one word sense.
type Doc struct {
	ID      string `json:"id"`      // WordNet's synset: part of speech and offset
	Title   string `json:"title"`   // the words
	Text    string `json:"text"`    // the definition
	Pos     string `json:"pos"`     // noun, verb, adj or adv
	Lexname string `json:"lexname"` // topic, such as noun.animal

	Embedding []float32 `json:"-"` // Dims values, unit length
}

// Query is a usage example; the sense it illustrates is its right answer.
type Query struct {
	ID   string `json:"id"`
	Text string `json:"text"`

	Embedding []float32 `json:"-"`
}

// Docs returns the senses in the order of the file.
func Docs() ([]Doc, error) {
	docs, err := readLines[Doc]("docs.jsonl")
	if err != nil {
		return nil, err
	}
	vectors, err := readVectors("docs.f32", len(docs))
	if err != nil {
		return nil, err
	}
	for i := range docs {
		docs[i].Embedding = vectors[i]
	}
	return docs, nil
}

// Queries returns the queries in the order of the file.
func Queries() ([]Query, error) {
	queries, err := readLines[Query]("queries.jsonl")
	if err != nil {
		return nil, err
	}
	vectors, err := readVectors("queries.f32", len(queries))
	if err != nil {
		return nil, err
	}
	for i := range queries {
		queries[i].Embedding = vectors[i]
	}
	return queries, nil
}

// Answers returns for each query's ID the ID of the sense that it illustrates.
func Answers() (map[string]string, error) {
	data, err := FS.ReadFile("qrels.tsv")
	if err != nil {
		return nil, err
	}
	answers := map[string]string{}
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		cells := strings.Split(line, "\t")
		if len(cells) != 3 {
			return nil, fmt.Errorf("qrels.tsv: line %d: got %d cells, want 3", i+1, len(cells))
		}
		if i > 0 { // a header comes first
			answers[cells[0]] = cells[1]
		}
	}
	return answers, nil
}

// Blob encodes a vector as SQL stores it in an F32_BLOB column: float32,
// little-endian.
func Blob(vector []float32) []byte {
	blob := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		blob = binary.LittleEndian.AppendUint32(blob, math.Float32bits(x))
	}
	return blob
}

func readLines[T any](name string) ([]T, error) {
	data, err := FS.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var rows []T
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var row T
		if err := dec.Decode(&row); err == io.EOF {
			return rows, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", name, len(rows)+1, err)
		}
		rows = append(rows, row)
	}
}

func readVectors(name string, rows int) ([][]float32, error) {
	data, err := FS.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if want := rows * Dims * 4; len(data) != want {
		return nil, fmt.Errorf("%s: got %d bytes, want %d (%d rows of %d float32)", name, len(data), want, rows, Dims)
	}
	all := make([]float32, rows*Dims)
	for i := range all {
		all[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	vectors := make([][]float32, rows)
	for i := range vectors {
		vectors[i] = all[i*Dims : (i+1)*Dims : (i+1)*Dims]
	}
	return vectors, nil
}
