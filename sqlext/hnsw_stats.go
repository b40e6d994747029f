package sqlext

import (
	"encoding/json"
	"math"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/sqlext/host"
)

// hnswFunctions are the functions about vector indexes.
func (cat *catalog) hnswFunctions() []host.Function {
	out := []host.Function{{Name: "hnsw_stats", NArg: 1, Volatile: true, Call: cat.hnswStats}}
	for n := 1; n <= 3; n++ {
		out = append(out, host.Function{Name: "nearlite_recall", NArg: n, Volatile: true, Call: cat.measureRecall})
	}
	return out
}

// vectorStats is what hnsw_stats returns, as JSON.
type vectorStats struct {
	Index      string           `json:"index"`
	Table      string           `json:"table"`
	Column     string           `json:"column"`
	Rows       int64            `json:"rows"`
	Nodes      int64            `json:"nodes"`
	FreeNodes  int64            `json:"free_nodes"`
	Levels     []int64          `json:"levels"` // nodes in each layer
	Bytes      int64            `json:"bytes"`
	Parts      map[string]int64 `json:"bytes_by_part"`
	LogRows    int64            `json:"log_rows"`
	LogBytes   int64            `json:"log_bytes"`
	CacheBytes int64            `json:"cache_bytes"`

	// EstimatedRecall is NULL where it cannot be measured, BuildMS where this process
	// has not built the index: a file does not keep times.
	EstimatedRecall *float64      `json:"estimated_recall"`
	Probes          int           `json:"probes"`
	Churn           int64         `json:"changed_since_probes"`
	BuildMS         *float64      `json:"build_ms"`
	Options         vectorOptions `json:"options"`
}

type vectorOptions struct {
	Dims           int      `json:"dims"`
	Metric         string   `json:"metric"`
	M              int      `json:"m"`
	EfConstruction int      `json:"ef_construction"`
	EfSearch       int      `json:"ef_search"`
	Recall         *float64 `json:"recall,omitempty"`
	Quantize       string   `json:"quantize"`
	Where          string   `json:"where,omitempty"`
	Include        []string `json:"include,omitempty"`
	PartitionBy    string   `json:"partition_by,omitempty"`
}

// hnswStats is hnsw_stats(index).
func (cat *catalog) hnswStats(ctx host.Context, args []host.Value) {
	statsJSON(ctx, "hnsw_stats", args[0], cat.vectorIndex, func(t *vectorTable) (any, error) {
		s, err := t.index.Stats()
		if err != nil {
			return nil, t.wrap(err)
		}
		return t.describe(s), nil
	})
}

// statsJSON answers what an index says of itself.
func statsJSON[T interface {
	enter()
	leave()
}](ctx host.Context, fn string, name host.Value, find func(string) (T, error), stats func(T) (any, error)) {
	if name.Kind != host.Text {
		ctx.ResultError(mismatchf("%s: the index is %s, want its name", fn, name.KindName()))
		return
	}
	t, err := find(name.String())
	if err != nil {
		ctx.ResultError(err)
		return
	}
	t.enter()
	defer t.leave()
	s, err := stats(t)
	if err != nil {
		ctx.ResultError(err)
		return
	}
	text, err := json.Marshal(s)
	if err != nil {
		ctx.ResultError(err)
		return
	}
	ctx.ResultValue(host.Value{Kind: host.Text, Bytes: text})
}

func (t *vectorTable) describe(s hnsw.Stats) vectorStats {
	p := t.params
	out := vectorStats{
		Index: t.label(), Table: t.base.label(), Column: t.base.columns[0],
		Rows: s.Rows, Nodes: s.Nodes, FreeNodes: s.FreeNodes, Levels: s.LevelNodes,
		LogRows: s.LogRows, LogBytes: s.LogBytes, CacheBytes: s.CacheBytes,
		Probes: s.Probes, Churn: s.Churn,
		Parts: map[string]int64{},
		Options: vectorOptions{
			Dims: p.Dims, Metric: p.Metric.String(), M: p.M, EfConstruction: p.EfConstruction,
			EfSearch: s.EfSearch, Quantize: p.Quantize.String(), Where: t.base.where,
		},
	}
	out.Options.Include = t.base.columns[1:]
	if t.partition >= 0 {
		out.Options.PartitionBy = t.base.columns[1+t.partition]
	}
	if s.Recall > 0 {
		out.Options.Recall = &s.Recall
	}
	if !math.IsNaN(s.EstimatedRecall) {
		r := math.Round(s.EstimatedRecall*1e4) / 1e4
		out.EstimatedRecall = &r
	}
	if s.Built > 0 {
		ms := math.Round(s.Built.Seconds()*1e4) / 10
		out.BuildMS = &ms
	}
	for part, n := range s.Bytes {
		out.Parts[part.String()] = n
		out.Bytes += n
	}
	if out.Levels == nil {
		out.Levels = []int64{}
	}
	return out
}
