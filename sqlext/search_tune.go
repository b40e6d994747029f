package sqlext

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strings"

	"github.com/nearlite/nearlite/lexical"
	plans "github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/sqlext/host"
)

// tunings are the fusions that fusion_tune chose, by vector index. They are a note of
// the lexical index, so that they are copied, rolled back and dropped with it.
type tunings struct {
	raw    []byte
	chosen map[string]tunedFusion
}

// tunedFusion is the stored form of plans.FuseOptions.
type tunedFusion struct {
	Fusion    string   `json:"fusion"`
	Weight    *float64 `json:"weight,omitempty"`
	Normalize string   `json:"normalize,omitempty"`
	NDCG      float64  `json:"ndcg_at_10"`
}

func (f tunedFusion) options() plans.FuseOptions {
	o := plans.FuseOptions{Method: plans.Method(f.Fusion), Normalize: plans.Normalization(f.Normalize)}
	if f.Weight != nil {
		o.Weight, o.HasWeight = *f.Weight, true
	}
	return o
}

func describeFusion(o plans.FuseOptions, ndcg float64) tunedFusion {
	f := tunedFusion{Fusion: string(o.Method), Normalize: string(o.Normalize), NDCG: math.Round(ndcg*1e4) / 1e4}
	if o.Method == "" {
		f.Fusion = string(plans.Auto)
	}
	if o.HasWeight {
		f.Weight = &o.Weight
	}
	return f
}

// tunings reads the note, and decodes it when it is another than last time.
func (t *lexicalTable) tunings() (map[string]tunedFusion, error) {
	raw, err := t.index.Note()
	if err != nil {
		return nil, t.wrap(err)
	}
	if t.tuning.chosen == nil || !bytes.Equal(raw, t.tuning.raw) {
		chosen := map[string]tunedFusion{}
		if raw != nil {
			if err := json.Unmarshal(raw, &chosen); err != nil {
				return nil, errorf("%s: what fusion_tune stored cannot be read: %v; call fusion_tune again, with NULL for the judgements to forget it", t.label(), err)
			}
		}
		t.tuning = tunings{raw, chosen}
	}
	return t.tuning.chosen, nil
}

// tunedFusion is the fusion for this index and a vector index.
func (t *lexicalTable) tunedFusion(v *vectorTable) (o plans.FuseOptions, tuned bool, err error) {
	chosen, err := t.tunings()
	if err != nil {
		return o, false, err
	}
	f, tuned := chosen[foldName(v.name)]
	return f.options(), tuned, nil
}

// storeTuning replaces the fusion for a vector index; nil forgets it.
func (t *lexicalTable) storeTuning(v *vectorTable, f *tunedFusion) error {
	chosen, err := t.tunings()
	if err != nil {
		chosen = nil // unreadable: replaced
	}
	next := map[string]tunedFusion{}
	for name, c := range chosen {
		next[name] = c
	}
	delete(next, foldName(v.name))
	if f != nil {
		next[foldName(v.name)] = *f
	}
	var raw []byte
	if len(next) > 0 {
		if raw, err = json.Marshal(next); err != nil {
			return err
		}
	}
	t.tuning = tunings{}
	return t.wrap(t.index.SetNote(raw))
}

// tuneReport is what fusion_tune returns, as JSON.
type tuneReport struct {
	VectorIndex  string `json:"vector_index"`
	LexicalIndex string `json:"lexical_index"`
	Queries      int    `json:"queries"`
	Judgements   int    `json:"judgements"`
	Folds        int    `json:"folds"`
	Tried        int    `json:"tried"`
	// Before is the fusion that was in force, After the one in force from now on, whose
	// nDCG@10 is that of the cross-validation.
	Before tunedFusion `json:"before"`
	After  tunedFusion `json:"after"`
	// Fitted is After's nDCG@10 on the queries it was chosen by.
	Fitted float64 `json:"fitted_ndcg_at_10"`
}

// judgement is the judgements of one query.
type judgement struct {
	text   string
	vector []float32
	grades map[int64]float64
}

// maxJudged bounds the queries of fusion_tune: their lists are kept in memory.
const maxJudged = 10_000

// fusionTune is fusion_tune(vector_index, lexical_index, judgements_table): it learns
// how to fuse the two indexes from judged queries, and stores it with the lexical
// index, where hybrid_search finds it. NULL for the table forgets what was learned.
func (s *searcher) fusionTune(ctx host.Context, args []host.Value) {
	report, err := s.tune(args)
	if err == nil && report != nil {
		var text []byte
		if text, err = json.Marshal(report); err == nil {
			ctx.ResultValue(host.Value{Kind: host.Text, Bytes: text})
		}
	}
	if err != nil {
		ctx.ResultError(err)
	}
}

func (s *searcher) tune(args []host.Value) (*tuneReport, error) {
	const fn = "fusion_tune"
	c := &searchCall{fn: fn, names: []string{"vector_index", "lexical_index", "judgements_table"}, args: args, given: []bool{true, true, true}}
	vectorName := c.text(0, "the name of a vector index")
	lexicalName := c.text(1, "the name of a lexical index")
	table := ""
	if !args[2].IsNull() {
		table = c.text(2, "the name of a table with the columns query, vector, row, grade, or NULL to forget what was learned")
	}
	if c.err != nil {
		return nil, c.err
	}
	vt, lt, leave, err := s.indexPair(fn, vectorName, lexicalName)
	if err != nil {
		return nil, err
	}
	defer leave()
	if args[2].IsNull() {
		return nil, lt.storeTuning(vt, nil)
	}
	judgements, n, err := s.readJudgements(table, vt)
	if err != nil {
		return nil, err
	}
	now, _, err := lt.tunedFusion(vt)
	if err != nil {
		now = plans.FuseOptions{}
	}
	if now.Method == "" {
		now.Method = plans.Auto
	}
	judged := make([]plans.Judged, len(judgements))
	for i, j := range judgements {
		if judged[i], err = s.judge(s.interrupt(), vt, lt, j); err != nil {
			return nil, err
		}
	}
	t, err := plans.Tune(s.interrupt(), judged, now)
	if err != nil {
		return nil, vt.wrap(err)
	}
	r := &tuneReport{
		VectorIndex: vt.label(), LexicalIndex: lt.label(), Queries: len(judged), Judgements: n, Folds: t.Folds, Tried: t.Tried,
		Before: describeFusion(now, t.Before), After: describeFusion(t.Options, t.After), Fitted: math.Round(t.Fitted*1e4) / 1e4,
	}
	return r, lt.storeTuning(vt, &r.After)
}

// readJudgements reads the judged queries in the order of the table.
func (s *searcher) readJudgements(name string, vt *vectorTable) (list []*judgement, n int, err error) {
	const fn = "fusion_tune"
	schema, table, ok := parseName(name)
	if !ok {
		return nil, 0, errorf("%s: the judgements table is %s, want its name", fn, quoteShort(name))
	}
	from := quoteName(table)
	if schema != "" {
		from = quoteName(schema) + "." + from
	}
	st, err := s.cat.conn.Prepare(`SELECT j."query", j."vector", j."row", j."grade" FROM ` + from + ` j`)
	if err != nil {
		return nil, 0, errorf("%s: judgements table %s: %v, want a table with the columns query, vector, row, grade", fn, name, plainMessage(err))
	}
	defer func() { _ = st.Close() }()
	byQuery := map[string]*judgement{}
	for {
		ok, err := st.Step()
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			break
		}
		n++
		bad := func(column, want string, v host.Value) error {
			return mismatchf("%s: %s, row %d: %s is %s, want %s", fn, name, n, column, describeValue(v), want)
		}
		text, cell := st.Value(0), st.Value(1)
		if text.Kind != host.Text || indexText(text) == "" {
			return nil, 0, bad("query", "text to search for", text)
		}
		row, isRow := asRowID(st.Value(2))
		if !isRow {
			return nil, 0, bad("row", "a rowid of "+vt.base.label(), st.Value(2))
		}
		grade, isNumber := number(st.Value(3))
		if !isNumber || !(grade >= 0) || math.IsInf(grade, 0) {
			return nil, 0, bad("grade", "a number from 0 up", st.Value(3))
		}
		key := text.String() + "\x00" + string(cell.Bytes)
		j := byQuery[key]
		if j == nil {
			q, err := queryVector(vt.label(), cell, vt.params.Dims)
			if err != nil {
				return nil, 0, errorf("%s: %s, row %d: %s", fn, name, n, strings.TrimPrefix(err.Error(), "nearlite: "))
			}
			j = &judgement{text: text.String(), vector: q, grades: map[int64]float64{}}
			byQuery[key] = j
			list = append(list, j)
			if len(list) > maxJudged {
				return nil, 0, errorf("%s: %s has more than %d queries", fn, name, maxJudged)
			}
		}
		if grade > 0 {
			j.grades[row] = grade
		}
	}
	kept := list[:0]
	for _, j := range list {
		if len(j.grades) > 0 {
			kept = append(kept, j) // a query without any good row cannot be won or lost
		}
	}
	if len(kept) < plans.MinJudged {
		return nil, 0, errorf("%s: %s has %s distinct queries with a row of a grade above 0, want at least %d", fn, name, itoa(len(kept)), plans.MinJudged)
	}
	return kept, n, nil
}

// judge runs both legs of a query as hybrid_search does.
func (s *searcher) judge(ctx context.Context, vt *vectorTable, lt *lexicalTable, j *judgement) (out plans.Judged, err error) {
	opt := &searchOptions{maxDistance: math.Inf(1), mmr: math.NaN(), syntax: lexical.Match}
	h := &hybrid{s: s, opt: opt, hybridMemory: &hybridMemory{}} // the lists are kept
	if h.vec, err = s.newVectorLeg(vt, j.vector, opt, nil); err != nil {
		return out, err
	}
	if h.lex, err = s.newLexicalLeg(lt, j.text, opt, nil); err != nil {
		return out, err
	}
	near, err := h.vec.run(ctx, minDepth)
	if err != nil {
		return out, err
	}
	said, err := h.lex.run(ctx, minDepth)
	if err != nil {
		return out, err
	}
	out.Grades = j.grades
	out.Lexical, out.Vector, _, err = h.legs(ctx, minDepth, near, said, true, false)
	return out, err
}
