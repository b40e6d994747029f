package lexical

import (
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
)

// maxTermBytes cuts words, when indexing and when searching alike: only the
// keyword analyzer makes words that long.
const maxTermBytes = 1024

// schema is what Params mean: the analyzers of the columns, and which columns
// can be searched together because they are analyzed alike.
type schema struct {
	params    Params
	analyzers []analysis.Analyzer         // per column, of texts
	queries   []analysis.Analyzer         // per column, of queries
	wordwise  []*analysis.DefaultAnalyzer // per column, nil where a memo of words is not right
	groups    []columnGroup
	boosts    []float64 // per column
}

// columnGroup is a set of columns with the same analyzer.
type columnGroup struct {
	analyzer analysis.Analyzer // of queries
	columns  uint64            // bit mask
}

func newSchema(p Params) (*schema, error) {
	s := &schema{params: p}
	at := map[string]int{}
	for i, c := range p.Columns {
		a, err := newAnalyzer(c.Analyzer)
		if err != nil {
			return nil, err
		}
		s.analyzers = append(s.analyzers, a.index)
		s.queries = append(s.queries, a.query)
		s.wordwise = append(s.wordwise, wordwise(a.index))
		s.boosts = append(s.boosts, c.Boost)
		g, ok := at[c.Analyzer]
		if !ok {
			g = len(s.groups)
			at[c.Analyzer] = g
			s.groups = append(s.groups, columnGroup{analyzer: a.query})
		}
		s.groups[g].columns |= 1 << i
	}
	return s, nil
}

// column finds a column by name, preferring the exact spelling; -1 if there is none.
func (s *schema) column(name string) int {
	for i, c := range s.params.Columns {
		if c.Name == name {
			return i
		}
	}
	for i, c := range s.params.Columns {
		if strings.EqualFold(c.Name, name) {
			return i
		}
	}
	return -1
}

func (s *schema) columnNames() string {
	names := make([]string, len(s.params.Columns))
	for i, c := range s.params.Columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// all is the mask of all columns.
func (s *schema) all() uint64 { return 1<<len(s.params.Columns) - 1 }

// cutTerm bounds the length of a word.
func cutTerm(term []byte) []byte {
	if len(term) > maxTermBytes {
		return term[:maxTermBytes]
	}
	return term
}
