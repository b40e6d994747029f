package sqlext

import (
	"errors"
	"strings"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/sqlext/host"
)

// attrPlan is what the included columns can decide of a filter with certain
// arguments.
type attrPlan struct {
	filter *hnsw.AttrFilter
	// covered: the included columns decide for every row whose values are known.
	covered bool
	// partition: the filter asks for one value of the partition's column.
	partition bool
}

// maxAttrPlans bounds the filters kept for an index; attrPlanBytes what they may
// remember of its nodes.
const (
	maxAttrPlans  = 64
	attrPlanBytes = 16 << 20
)

// attrPlan compiles a filter for the index's included columns; nil when they decide
// nothing about it. The filter has been compiled by SQLite: it is known to be an
// expression over the table.
func (t *vectorTable) attrPlan(expr string, args []host.Value) (*attrPlan, error) {
	if t.included() == 0 {
		return nil, nil
	}
	cols, err := t.attrColumns()
	if err != nil || cols == nil {
		return nil, err
	}
	key := expr + "\x00" + argsKey(args)
	if p, ok := t.attrPlans[key]; ok {
		return p, nil
	}
	rows, err := t.index.Rows()
	if err != nil {
		return nil, t.wrap(err)
	}
	if most := max(2, min(maxAttrPlans, attrPlanBytes/(1+rows/3))); int64(len(t.attrPlans)) >= most {
		clear(t.attrPlans)
	}
	p := compileAttrs(t.base, cols, t.partition, expr, args)
	t.attrPlans[key] = p
	return p, nil
}

// attrParser reads a filter and finds what it says about included columns: terms
// column op constant, joined by AND, OR, NOT and parentheses. Whatever else stands
// between AND and OR is a term of unknown truth, and leaves the decision to SQLite.
type attrParser struct {
	base      *baseTable
	cols      []attrColumn
	partition int
	args      []host.Value
	tokens    []exprToken
	at        int

	opaque bool // something was not understood
	parted bool
	known  int         // terms that were
	equal  map[int]int // columns that must be equal to one of so many constants; nil: not asked for
}

// errOpaque ends the reading of a term.
var errOpaque = errors.New("not a comparison of an included column")

// compileAttrs returns nil when the included columns decide nothing.
func compileAttrs(b *baseTable, cols []attrColumn, partition int, expr string, args []host.Value) *attrPlan {
	p := &attrParser{base: b, cols: cols, partition: partition, args: args}
	var ok bool
	if p.tokens, ok = lexExpr(expr); !ok {
		return nil
	}
	e := p.disjunction(true)
	if p.tokens[p.at].kind != exprEnd || p.known == 0 {
		return nil
	}
	return &attrPlan{filter: hnsw.NewAttrFilter(e), covered: !p.opaque, partition: p.parted}
}

func (p *attrParser) peek() exprToken { return p.tokens[p.at] }

// keyword takes the next token if it is that keyword or operator.
func (p *attrParser) keyword(s string) bool {
	if p.peek().is(s) {
		p.at++
		return true
	}
	return false
}

// disjunction reads terms joined by OR. top: it is the whole filter so far, so that
// what one of its only terms demands is demanded of every row.
func (p *attrParser) disjunction(top bool) *hnsw.AttrExpr {
	parted := p.parted
	args := []*hnsw.AttrExpr{p.conjunction(top)}
	for p.keyword("OR") {
		args = append(args, p.conjunction(false))
	}
	if len(args) == 1 {
		return args[0]
	}
	p.parted = parted
	return &hnsw.AttrExpr{Op: hnsw.AttrOr, Args: args}
}

func (p *attrParser) conjunction(top bool) *hnsw.AttrExpr {
	args := []*hnsw.AttrExpr{p.term(top)}
	for p.keyword("AND") {
		args = append(args, p.term(top))
	}
	if len(args) == 1 {
		return args[0]
	}
	return &hnsw.AttrExpr{Op: hnsw.AttrAnd, Args: args}
}

// term reads one operand of AND. One that is not understood is skipped.
func (p *attrParser) term(top bool) *hnsw.AttrExpr {
	from, parted, known, opaque := p.at, p.parted, p.known, p.opaque
	e, err := p.negation(top)
	if err == nil && p.ends() {
		return e
	}
	p.at, p.parted, p.known, p.opaque = from, parted, known, opaque
	p.skip()
	p.opaque = true
	return &hnsw.AttrExpr{}
}

// ends reports whether a term may end here.
func (p *attrParser) ends() bool {
	t := p.peek()
	return t.kind == exprEnd || t.is("AND") || t.is("OR") || t.is(")")
}

// skip goes to the end of a term that is not understood.
func (p *attrParser) skip() {
	depth, between, cases := 0, 0, 0
	for ; p.peek().kind != exprEnd; p.at++ {
		t := p.peek()
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			if depth == 0 {
				return
			}
			depth--
		case depth > 0:
		case t.is("CASE"):
			cases++
		case t.is("END") && cases > 0:
			cases--
		case cases > 0:
		case t.is("BETWEEN"):
			between++
		case t.is("AND"):
			if between == 0 {
				return
			}
			between-- // of BETWEEN
		case t.is("OR"):
			return
		}
	}
}

func (p *attrParser) negation(top bool) (*hnsw.AttrExpr, error) {
	if p.keyword("NOT") {
		parted := p.parted
		e, err := p.negation(false)
		p.parted = parted
		return &hnsw.AttrExpr{Op: hnsw.AttrNot, Args: []*hnsw.AttrExpr{e}}, err
	}
	if p.keyword("(") {
		e := p.disjunction(top)
		if !p.keyword(")") {
			return nil, errOpaque
		}
		return e, nil
	}
	return p.comparison(top)
}

// comparisons are the operators, and those with the operands exchanged.
var comparisons = map[string]string{"=": "=", "==": "=", "<>": "<>", "!=": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// comparison reads column op constant, constant op column, column [NOT] IN (...),
// column [NOT] BETWEEN ... AND ..., and the tests for NULL.
func (p *attrParser) comparison(top bool) (*hnsw.AttrExpr, error) {
	if col, ok := p.column(); ok {
		return p.ofColumn(col, top)
	}
	v, err := p.constant()
	if err != nil {
		return nil, err
	}
	flipped, ok := comparisons[p.peek().text]
	if !ok || p.peek().kind != exprOp {
		return nil, errOpaque
	}
	p.at++
	col, ok := p.column()
	if !ok {
		return nil, errOpaque
	}
	return p.compare(col, flipped, v, top)
}

func (p *attrParser) ofColumn(col int, top bool) (*hnsw.AttrExpr, error) {
	t := p.peek()
	if flipped, ok := comparisons[t.text]; ok && t.kind == exprOp {
		p.at++
		v, err := p.constant()
		if err != nil {
			return nil, err
		}
		op := t.text
		if flipped == "=" || flipped == "<>" {
			op = flipped
		}
		return p.compare(col, op, v, top)
	}
	null := func(is bool) (*hnsw.AttrExpr, error) {
		p.known++
		return &hnsw.AttrExpr{Col: col, Point: is, Test: func(a hnsw.Attr) hnsw.Truth { return truthOf((a.Kind == hnsw.AttrNull) == is) }}, nil
	}
	switch {
	case p.keyword("ISNULL"):
		return null(true)
	case p.keyword("NOTNULL"):
		return null(false)
	case p.keyword("IS"):
		not := p.keyword("NOT")
		if !p.keyword("NULL") {
			return nil, errOpaque
		}
		return null(!not)
	}
	not := p.keyword("NOT")
	if not && p.keyword("NULL") {
		return null(false)
	}
	var e *hnsw.AttrExpr
	var err error
	switch {
	case p.keyword("IN"):
		e, err = p.in(col, top && !not)
	case p.keyword("BETWEEN"):
		e, err = p.between(col)
	default:
		err = errOpaque
	}
	if not && err == nil {
		e = &hnsw.AttrExpr{Op: hnsw.AttrNot, Args: []*hnsw.AttrExpr{e}}
	}
	return e, err
}

// in reads the list of IN.
func (p *attrParser) in(col int, top bool) (*hnsw.AttrExpr, error) {
	if !p.keyword("(") {
		return nil, errOpaque
	}
	var tests []*hnsw.AttrExpr
	for {
		v, err := p.constant()
		if err != nil {
			return nil, err
		}
		e, err := p.compare(col, "=", v, false)
		if err != nil {
			return nil, err
		}
		tests = append(tests, e)
		if p.keyword(")") {
			break
		}
		if !p.keyword(",") {
			return nil, errOpaque
		}
	}
	if len(tests) == 1 {
		p.parted = p.parted || top && col == p.partition
	}
	if top && p.equal != nil {
		p.equal[col] = len(tests)
	}
	if len(tests) == 1 {
		return tests[0], nil
	}
	return &hnsw.AttrExpr{Op: hnsw.AttrOr, Args: tests}, nil
}

func (p *attrParser) between(col int) (*hnsw.AttrExpr, error) {
	low, err := p.constant()
	if err != nil || !p.keyword("AND") {
		return nil, errOpaque
	}
	high, err := p.constant()
	if err != nil {
		return nil, err
	}
	from, err := p.compare(col, ">=", low, false)
	if err != nil {
		return nil, err
	}
	to, err := p.compare(col, "<=", high, false)
	return &hnsw.AttrExpr{Op: hnsw.AttrAnd, Args: []*hnsw.AttrExpr{from, to}}, err
}

// column takes the name of an included column.
func (p *attrParser) column() (int, bool) {
	start := p.at
	var names []string
	for p.peek().kind == exprName {
		names = append(names, p.peek().text)
		p.at++
		if !p.peek().is(".") {
			break
		}
		p.at++
	}
	n := len(names)
	ok := n == 1 || n == 2 && foldName(names[0]) == foldName(p.base.table) ||
		n == 3 && foldName(names[0]) == foldName(p.base.schema) && foldName(names[1]) == foldName(p.base.table)
	if ok {
		for i, c := range p.cols {
			if foldName(c.name) == foldName(names[n-1]) {
				return i, true
			}
		}
	}
	p.at = start
	return 0, false
}

// constant reads a literal or a parameter.
func (p *attrParser) constant() (hnsw.Attr, error) {
	sign := ""
	if t := p.peek(); t.is("-") || t.is("+") {
		sign = strings.TrimPrefix(t.text, "+")
		p.at++
		if p.peek().kind != exprNumber {
			return hnsw.Attr{}, errOpaque
		}
	}
	t := p.peek()
	p.at++
	switch {
	case t.kind == exprNumber:
		return numberAttr(sign + t.text)
	case t.kind == exprString:
		return hnsw.Attr{Kind: hnsw.AttrText, Bytes: t.text}, nil
	case t.kind == exprBlob:
		return hnsw.Attr{Kind: hnsw.AttrBlob, Bytes: t.text}, nil
	case t.is("NULL"):
		return hnsw.Attr{Kind: hnsw.AttrNull}, nil
	case t.kind == exprParam && t.param <= len(p.args):
		v := p.args[t.param-1]
		if v.Kind == host.Text || v.Kind == host.BlobKind {
			kind := hnsw.AttrText
			if v.Kind == host.BlobKind {
				kind = hnsw.AttrBlob
			}
			return hnsw.Attr{Kind: kind, Bytes: string(v.Bytes)}, nil
		}
		return attrValue(v), nil
	}
	return hnsw.Attr{}, errOpaque
}
