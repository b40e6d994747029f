package sqlext

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/lexical"
	plans "github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/sqlext/host"
)

// searchOptions is the options object of a planned search.
type searchOptions struct {
	efSearch    int     // 0: the index's
	recall      float64 // in its place; 0: the index's
	oversample  int
	exact       bool
	plan        plans.Plan // "": the planner decides
	maxDistance float64    // +Inf: no bound
	syntax      lexical.Syntax
	fuse        plans.FuseOptions
	fusionGiven bool    // fuse is the user's in some part
	depth       int     // 0: chosen by k
	mmr         float64 // lambda; NaN: off
	groupBy     string
	groupLimit  int
	after       *cursor
	explain     bool // return the record and no row
}

// Options by function.
var (
	vectorSearchOptions  = []string{"ef_search", "recall", "oversample", "exact", "max_distance", "group_by", "group_limit", "mmr", "after", "explain", "plan"}
	lexicalSearchOptions = []string{"syntax", "exact", "group_by", "group_limit", "after", "explain"}
	hybridSearchOptions  = []string{
		"fusion", "weight", "rank_constant", "normalize", "depth", "syntax",
		"ef_search", "recall", "oversample", "exact", "max_distance", "group_by", "group_limit", "mmr", "explain",
	}
)

// fusionOptions are those that replace what fusion_tune learned.
var fusionOptions = []string{"fusion", "weight", "rank_constant", "normalize"}

// maxDepth bounds what one search may be asked to keep in memory.
const maxDepth = 1_000_000

// searchOptions is parseSearchOptions with a memory: the options of a statement hardly
// ever change.
func (s *searcher) searchOptions(fn, text string, known []string) (*searchOptions, error) {
	key := fn + "\x00" + text
	if o := s.options[key]; o != nil {
		c := *o
		return &c, nil
	}
	o, err := parseSearchOptions(fn, text, known)
	if err == nil && len(text) <= 1000 {
		if len(s.options) >= maxFilters {
			clear(s.options)
		}
		c := *o
		s.options[key] = &c
	}
	return o, err
}

// parseSearchOptions reads the options of function fn. Unknown names, wrong types
// and values out of range are errors that name the option, what was given and what
// is expected.
func parseSearchOptions(fn, text string, known []string) (*searchOptions, error) {
	o := &searchOptions{maxDistance: math.Inf(1), mmr: math.NaN()}
	if strings.TrimSpace(text) == "" {
		return o, nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var raw map[string]any
	if err := dec.Decode(&raw); err != nil || raw == nil {
		return nil, errorf("%s: options is %s, want a JSON object such as {\"ef_search\": 100}", fn, quoteShort(text))
	}
	if dec.More() {
		return nil, errorf("%s: options has text after the JSON object: %s", fn, quoteShort(text))
	}
	names := make([]string, 0, len(raw))
	for name := range raw {
		names = append(names, name)
	}
	slices.Sort(names) // errors do not depend on the map's order
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, errorf("%s: unknown option %q, want one of %s", fn, name, strings.Join(known, ", "))
		}
		if raw[name] == nil {
			continue // null: the default
		}
		if err := o.set(optionArg{fn, name, raw[name]}); err != nil {
			return nil, err
		}
		o.fusionGiven = o.fusionGiven || slices.Contains(fusionOptions, name)
	}
	if o.efSearch > 0 && o.recall > 0 {
		return nil, errorf("%s: options \"ef_search\" and \"recall\" are both given, want one of them", fn)
	}
	if o.after != nil && (o.groupBy != "" || !math.IsNaN(o.mmr)) {
		return nil, errorf("%s: option \"after\" is given with \"group_by\" or \"mmr\", want one of them: what they leave out depends on the page", fn)
	}
	if o.groupLimit == 0 {
		o.groupLimit = 1
	} else if o.groupBy == "" {
		return nil, errorf("%s: option \"group_limit\" is given without \"group_by\", want both", fn)
	}
	return o, nil
}

func (o *searchOptions) set(a optionArg) (err error) {
	switch a.name {
	case "ef_search":
		o.efSearch, err = a.integer(hnsw.MinEfSearch, hnsw.MaxEfSearch)
	case "recall":
		if o.recall, err = a.number(0, 1); err != nil || hnsw.CheckRecall(o.recall) != nil {
			err = a.want("a number between 0 and 1, such as 0.95")
		}
	case "oversample":
		o.oversample, err = a.integer(1, maxDepth)
	case "exact":
		o.exact, err = a.boolean()
	case "plan":
		var s string
		s, err = a.oneOf(string(plans.ExactScan), string(plans.Traversal), string(plans.FilteredTraversal), string(plans.TraverseThenFilter), string(plans.CodeScan))
		o.plan = plans.Plan(s)
	case "max_distance":
		o.maxDistance, err = a.number(-math.MaxFloat64, math.MaxFloat64)
	case "syntax":
		var s string
		if s, err = a.oneOf("match", "query_string", "json"); err == nil {
			o.syntax, err = lexical.ParseSyntax(s)
		}
	case "fusion":
		var s string
		s, err = a.oneOf("auto", "rrf", "convex", "dbsf")
		o.fuse.Method = plans.Method(s)
	case "normalize":
		var s string
		s, err = a.oneOf(string(plans.MinMax), string(plans.TheoreticalMin))
		o.fuse.Normalize = plans.Normalization(s)
	case "weight":
		o.fuse.Weight, err = a.number(0, 1)
		o.fuse.HasWeight = true
	case "rank_constant":
		o.fuse.RankConstant, err = a.number(1, maxDepth)
	case "depth":
		o.depth, err = a.integer(1, maxDepth)
	case "mmr":
		o.mmr, err = a.number(0, 1)
	case "group_by":
		if o.groupBy, err = a.text(); err == nil && strings.TrimSpace(o.groupBy) == "" {
			err = a.want("an expression over the table's columns")
		}
	case "after":
		o.after, err = a.cursor()
	case "explain":
		o.explain, err = a.boolean()
	case "group_limit":
		o.groupLimit, err = a.integer(1, maxDepth)
	default:
		err = errorf("%s: internal error: option %q is known but not read", a.fn, a.name)
	}
	return err
}

// optionArg is one member of the options object.
type optionArg struct {
	fn, name string
	value    any
}

func (a optionArg) want(what string) error {
	return errorf("%s: option %q is %s, want %s", a.fn, a.name, describeJSON(a.value), what)
}

func (a optionArg) integer(low, high int) (int, error) {
	what := fmt.Sprintf("a whole number from %d to %d", low, high)
	n, ok := a.value.(json.Number)
	if !ok {
		return 0, a.want(what)
	}
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) || f < float64(low) || f > float64(high) {
		return 0, a.want(what)
	}
	return int(f), nil
}

func (a optionArg) number(low, high float64) (float64, error) {
	what := "a number"
	if high < math.MaxFloat64 {
		what = fmt.Sprintf("a number from %g to %g", low, high)
	}
	n, ok := a.value.(json.Number)
	if !ok {
		return 0, a.want(what)
	}
	f, err := n.Float64()
	if err != nil || !(f >= low && f <= high) {
		return 0, a.want(what)
	}
	return f, nil
}

func (a optionArg) boolean() (bool, error) {
	if n, ok := a.value.(json.Number); ok && (n == "0" || n == "1") {
		return n == "1", nil // SQL has no booleans: json_object('exact', 1)
	}
	b, ok := a.value.(bool)
	if !ok {
		return false, a.want("true or false")
	}
	return b, nil
}

func (a optionArg) text() (string, error) {
	s, ok := a.value.(string)
	if !ok {
		return "", a.want("text")
	}
	return s, nil
}

func (a optionArg) oneOf(values ...string) (string, error) {
	s, ok := a.value.(string)
	if !ok || !slices.Contains(values, s) {
		return "", a.want("one of " + strings.Join(values, ", "))
	}
	return s, nil
}

func describeJSON(v any) string {
	switch v := v.(type) {
	case string:
		return "the text " + quoteShort(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "a JSON array"
	case map[string]any:
		return "a JSON object"
	}
	return "null"
}

// parseFilterArgs reads the values of a filter's placeholders from a JSON array:
// null, numbers, text; true and false are 1 and 0; arrays and objects are bound as
// their JSON text, which json_each reads.
func parseFilterArgs(fn, text string) ([]host.Value, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil || raw == nil {
		return nil, errorf("%s: filter_args is %s, want a JSON array of values", fn, quoteShort(text))
	}
	out := make([]host.Value, len(raw))
	for i, r := range raw {
		v, err := jsonValue(bytes.TrimSpace(r))
		if err != nil {
			return nil, errorf("%s: filter_args: value %d: %v", fn, i+1, err)
		}
		out[i] = v
	}
	return out, nil
}

func jsonValue(raw []byte) (host.Value, error) {
	switch raw[0] {
	case 'n':
		return host.Value{}, nil
	case 't':
		return host.IntValue(1), nil
	case 'f':
		return host.IntValue(0), nil
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return host.TextValue(s), err
	case '[', '{':
		return host.TextValue(string(raw)), nil
	}
	if i, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return host.IntValue(i), nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return host.Value{}, fmt.Errorf("%s is out of range", raw)
	}
	return host.FloatValue(f), nil
}
