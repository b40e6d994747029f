package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// explainSQL asks a filtered hybrid search to explain itself.
const explainSQL = `SELECT explain
FROM hybrid_search('senses_vec', 'senses_text', 'small bird', (SELECT embedding FROM queries WHERE id = 'q901'),
                   10, 'pos = ?1', '["noun"]')
LIMIT 1`

// explanation is what the tour reads out of the column explain.
type explanation struct {
	Filter struct {
		Access      string `json:"access"`
		Selectivity struct {
			Estimated float64  `json:"estimated"`
			Actual    *float64 `json:"actual"`
		} `json:"selectivity"`
	} `json:"filter"`
	Legs []struct {
		Leg      string  `json:"leg"`
		Plan     string  `json:"plan"`
		Cost     float64 `json:"cost_ns"`
		TimeUS   float64 `json:"time_us"`
		Rejected []struct {
			Plan   string  `json:"plan"`
			Cost   float64 `json:"cost_ns"`
			Reason string  `json:"reason"`
		} `json:"rejected"`
	} `json:"legs"`
	Fusion struct {
		Method string  `json:"method"`
		Weight float64 `json:"weight"`
	} `json:"fusion"`
}

// plan shows which plan a search chose and why, in words.
func (t *tour) plan(ctx context.Context) error {
	t.head("Why: the plan that was chosen")
	t.say("Every search can explain itself. This one looks for nouns only, by both:\n")
	t.say("%s;\n", indent(explainSQL, "    "))
	var text string
	if err := t.conn.QueryRowContext(ctx, explainSQL).Scan(&text); err != nil {
		return fmt.Errorf("explain: %s", sqlite.ErrorText(err))
	}
	var e explanation
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	t.say("The answer is JSON of %d bytes. It says:", len(text))
	share := e.Filter.Selectivity.Estimated
	how := "estimated"
	if actual := e.Filter.Selectivity.Actual; actual != nil {
		share, how = *actual, "counted"
	}
	t.say("  - the filter lets %.0f %% of the rows through (%s)", 100*share, how)
	for _, leg := range e.Legs {
		line := fmt.Sprintf("  - %s: %s, expected to take %.0f µs, took %.0f µs", leg.Leg, leg.Plan, leg.Cost/1000, leg.TimeUS)
		var rejected []string
		for _, r := range leg.Rejected {
			why := r.Reason
			if why == "" {
				why = fmt.Sprintf("%.0f µs", r.Cost/1000)
			}
			rejected = append(rejected, r.Plan+" ("+why+")")
		}
		if len(rejected) > 0 {
			line += "; it was weighed against " + strings.Join(rejected, " and ")
		}
		t.say("%s", line)
	}
	t.say("  - the answers were joined by %s fusion, meaning having a weight of %g", e.Fusion.Method, e.Fusion.Weight)
	return nil
}
