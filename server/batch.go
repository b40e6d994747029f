package server

import "slices"

// stepState is what became of a step of a batch.
type stepState uint8

const (
	stepSkipped stepState = iota
	stepOK
	stepFailed
)

// batch runs the steps whose condition holds and appends a BatchResult. The error is
// of the batch itself; those of its steps are in the result.
func (r *runner) batch(dst []byte, b *batch) ([]byte, error) {
	from := len(dst)
	states := make([]stepState, len(b.Steps))
	errs := make([]error, len(b.Steps))
	dst = append(dst, `{"step_results":[`...)
	for i := range b.Steps {
		if i > 0 {
			dst = append(dst, ',')
		}
		run, err := r.holds(b.Steps[i].Condition, states[:i])
		if err != nil {
			return dst[:from], err
		}
		if run {
			if dst, errs[i] = r.execute(dst, b.Steps[i].Stmt); errs[i] == nil {
				states[i] = stepOK
				continue
			}
			states[i] = stepFailed
		}
		dst = append(dst, "null"...)
	}
	dst = append(dst, `],"step_errors":[`...)
	for i, err := range errs {
		if i > 0 {
			dst = append(dst, ',')
		}
		if err == nil {
			dst = append(dst, "null"...)
		} else {
			dst = appendError(dst, err)
		}
	}
	return append(dst, `],"replication_index":null}`...), nil
}

// holds evaluates a condition over the steps before it.
func (r *runner) holds(c *condition, done []stepState) (bool, error) {
	if c == nil {
		return true, nil
	}
	switch c.Type {
	case "ok", "error":
		if *c.Step < 0 || *c.Step >= int64(len(done)) {
			return false, hranaErrorf("BATCH_COND_BAD_STEP", "the condition of step %d asks for step %d, want one before it", len(done), *c.Step)
		}
		want := stepOK
		if c.Type == "error" {
			want = stepFailed
		}
		return done[*c.Step] == want, nil
	case "not":
		ok, err := r.holds(c.Cond, done)
		return !ok, err
	case "and", "or":
		results := make([]bool, len(c.Conds))
		for i := range c.Conds {
			ok, err := r.holds(&c.Conds[i], done)
			if err != nil {
				return false, err
			}
			results[i] = ok
		}
		if c.Type == "and" {
			return !slices.Contains(results, false), nil
		}
		return slices.Contains(results, true), nil
	}
	return r.link.session.Autocommit(), nil // is_autocommit
}
