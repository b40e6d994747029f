package server

import (
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// indexMetrics shows what nearlite's searches did in this process, and the indexes of
// the databases that are open.
type indexMetrics struct{ srv *Server }

var (
	planDesc = prometheus.NewDesc("nearlite_search_plans_total",
		"Searches by leg (vector, lexical) and the plan that was chosen.", []string{"leg", "plan"}, nil)
	hitDesc = prometheus.NewDesc("nearlite_cache_hits_total",
		"Vectors, and blocks of vector indexes, that searches found in memory.", []string{"what"}, nil)
	missDesc = prometheus.NewDesc("nearlite_cache_misses_total",
		"Vectors, and blocks of vector indexes, that searches had to read.", []string{"what"}, nil)
	heldDesc = prometheus.NewDesc("nearlite_cache_bytes",
		"Bytes in memory: blocks of vector indexes, vectors, pages of text indexes.", []string{"what"}, nil)
	rowsDesc = prometheus.NewDesc("nearlite_index_rows",
		"Rows of an index of an open database, as of its last change.", []string{"database", "index", "kind"}, nil)
	bytesDesc = prometheus.NewDesc("nearlite_index_bytes",
		"About how many bytes an index takes in its database.", []string{"database", "index", "kind"}, nil)
)

// Describe implements prometheus.Collector.
func (m indexMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{planDesc, hitDesc, missDesc, heldDesc, rowsDesc, bytesDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m indexMetrics) Collect(ch chan<- prometheus.Metric) {
	c := sqlite.ReadCounters()
	counter := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	for key, n := range c.Plans {
		counter(planDesc, n, key[0], key[1])
	}
	counter(hitDesc, c.VectorHits, "vector")
	counter(hitDesc, c.BlockHits, "block")
	counter(missDesc, c.VectorMisses, "vector")
	counter(missDesc, c.BlockMisses, "block")
	gauge(heldDesc, c.BlockBytes, "block")
	gauge(heldDesc, c.VectorBytes, "vector")
	gauge(heldDesc, c.LexicalBytes, "lexical")
	open := m.srv.databases.files()
	for _, ix := range sqlite.IndexSizes() {
		if name, ok := open[ix.File]; ok {
			gauge(rowsDesc, ix.Rows, name, ix.Index, ix.Kind)
			gauge(bytesDesc, ix.Bytes, name, ix.Index, ix.Kind)
		}
	}
}

// files are the names of the open databases, by SQLite's name of the file.
func (ds *databases) files() map[string]string {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	out := make(map[string]string, len(ds.open))
	for name, d := range ds.open {
		path := d.path
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		out[path] = name
	}
	return out
}
