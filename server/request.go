package server

import (
	"encoding/json"
	"fmt"
)

// pipelineRequest is the body of POST /v2/pipeline and /v3/pipeline.
type pipelineRequest struct {
	Baton    *string         `json:"baton"`
	Requests []streamRequest `json:"requests"`
}

// cursorRequest is the body of POST /v3/cursor.
type cursorRequest struct {
	Baton *string `json:"baton"`
	Batch *batch  `json:"batch"`
}

// streamRequest is one request of any type; the fields that its type does not have
// are ignored.
type streamRequest struct {
	Type  string     `json:"type"`
	Stmt  *statement `json:"stmt"`
	Batch *batch     `json:"batch"`
	SQL   *string    `json:"sql"`
	SQLID *int32     `json:"sql_id"`
}

// statement is one SQL statement with its arguments.
type statement struct {
	SQL       *string    `json:"sql"`
	SQLID     *int32     `json:"sql_id"`
	Args      []value    `json:"args"`
	NamedArgs []namedArg `json:"named_args"`
	WantRows  *bool      `json:"want_rows"`
}

type namedArg struct {
	Name  *string `json:"name"`
	Value *value  `json:"value"`
}

type batch struct {
	Steps            []batchStep `json:"steps"`
	ReplicationIndex *string     `json:"replication_index"`
}

type batchStep struct {
	Condition *condition `json:"condition"`
	Stmt      *statement `json:"stmt"`
}

type condition struct {
	Type  string      `json:"type"`
	Step  *int64      `json:"step"`
	Cond  *condition  `json:"cond"`
	Conds []condition `json:"conds"`
}

// decode reads a JSON body into a request and checks its shape.
func decode[T interface{ check(v3 bool) error }](data []byte, req T, v3 bool) error {
	if err := json.Unmarshal(data, req); err != nil {
		return fmt.Errorf("the body is not a valid request: %w", err)
	}
	return req.check(v3)
}

func (r *pipelineRequest) check(v3 bool) error {
	if r.Requests == nil {
		return fmt.Errorf("the body is not a valid request: requests is missing")
	}
	for i := range r.Requests {
		if err := r.Requests[i].check(v3); err != nil {
			return fmt.Errorf("requests[%d]: %w", i, err)
		}
	}
	return nil
}

func (r *cursorRequest) check(v3 bool) error {
	if r.Batch == nil {
		return fmt.Errorf("the body is not a valid request: batch is missing")
	}
	return r.Batch.check(v3)
}

func (r *streamRequest) check(v3 bool) error {
	switch r.Type {
	case "execute":
		if r.Stmt == nil {
			return fmt.Errorf("execute: stmt is missing")
		}
		return r.Stmt.check()
	case "batch":
		if r.Batch == nil {
			return fmt.Errorf("batch: batch is missing")
		}
		return r.Batch.check(v3)
	case "sequence", "describe", "close":
		return nil
	case "store_sql":
		if r.SQL == nil || r.SQLID == nil {
			return fmt.Errorf("store_sql: sql or sql_id is missing")
		}
		return nil
	case "close_sql":
		if r.SQLID == nil {
			return fmt.Errorf("close_sql: sql_id is missing")
		}
		return nil
	case "get_autocommit":
		if v3 {
			return nil
		}
	}
	return fmt.Errorf("there is no request of type %q in this version of the protocol", clip([]byte(r.Type)))
}

func (s *statement) check() error {
	for i := range s.Args {
		if err := s.Args[i].check(); err != nil {
			return fmt.Errorf("args[%d]: %w", i, err)
		}
	}
	for i := range s.NamedArgs {
		if s.NamedArgs[i].Name == nil || s.NamedArgs[i].Value == nil {
			return fmt.Errorf("named_args[%d]: name or value is missing", i)
		}
		if err := s.NamedArgs[i].Value.check(); err != nil {
			return fmt.Errorf("named_args[%d]: %w", i, err)
		}
	}
	return nil
}

func (b *batch) check(v3 bool) error {
	if b.Steps == nil {
		return fmt.Errorf("batch: steps is missing")
	}
	for i := range b.Steps {
		step := &b.Steps[i]
		if step.Stmt == nil {
			return fmt.Errorf("batch: steps[%d]: stmt is missing", i)
		}
		if err := step.Stmt.check(); err != nil {
			return fmt.Errorf("batch: steps[%d]: %w", i, err)
		}
		if step.Condition != nil {
			if err := step.Condition.check(v3); err != nil {
				return fmt.Errorf("batch: steps[%d]: %w", i, err)
			}
		}
	}
	return nil
}

func (c *condition) check(v3 bool) error {
	switch c.Type {
	case "ok", "error":
		if c.Step == nil {
			return fmt.Errorf("condition %s: step is missing", c.Type)
		}
		return nil
	case "not":
		if c.Cond == nil {
			return fmt.Errorf("condition not: cond is missing")
		}
		return c.Cond.check(v3)
	case "and", "or":
		for i := range c.Conds {
			if err := c.Conds[i].check(v3); err != nil {
				return err
			}
		}
		return nil
	case "is_autocommit":
		if v3 {
			return nil
		}
	}
	return fmt.Errorf("there is no condition of type %q in this version of the protocol", clip([]byte(c.Type)))
}
