package sqlext_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// The samples of sqlite_stat4 are a histogram.
func TestStatisticsOfSamples(t *testing.T) {
	d, _ := openTemp(t)
	q := floats(d.senses(4)[0].Embedding)
	d.exec(`ANALYZE`)
	total, err := strconv.ParseFloat(d.rows(`SELECT count(*) FROM senses`), 64)
	if err != nil {
		t.Fatal(err)
	}
	for filter, within := range map[string]float64{
		`topic = 'noun.animal'`:        1.01,
		`topic = 'noun.plant'`:         1.01,
		`year < 1950`:                  1.3,
		`year >= 1990`:                 1.3,
		`year BETWEEN 1930 AND 1975`:   1.3,
		`year > 1960 AND year <= 1990`: 1.3,
		`year IS NULL`:                 1.01,
	} {
		f := d.explain(`vector_search('senses_vec', ?, 10, ?)`, q, filter).Filter
		want := 0.0
		if _, err := fmt.Sscan(d.rows(`SELECT count(*) FROM senses WHERE `+filter), &want); err != nil {
			t.Fatal(err)
		}
		want /= total
		if got := f.Selectivity.Estimated; f.Source != "sqlite_stat4" || f.Sampled != 0 || got < want/within || got > want*within {
			t.Errorf("%s: %+v, want a share of %.4f", filter, f, want)
		}
	}
	for _, filter := range []string{`topic = 'nothing'`, `topic = 'noun.plant' AND year < 1950`, `topic LIKE 'noun.%'`} {
		if f := d.explain(`vector_search('senses_vec', ?, 10, ?, NULL, '{"explain":true}')`, q, filter).Filter; f.Source == "sqlite_stat4" {
			t.Errorf("%s: %+v, the samples do not tell", filter, f)
		}
	}
	// Samples that are no records are not looked at.
	for _, bad := range []string{`x''`, `x'02'`, `x'0309'`, `x'7f02'`, `'text'`, `x'0a06ffff'`, `x'ffffffffffffffffff01'`, `NULL`} {
		d.exec(`UPDATE sqlite_stat4 SET sample = ` + bad)
		d.exec(`CREATE TABLE again(x); DROP TABLE again`) // the filter is compiled anew
		if got := d.line(`SELECT id FROM vector_search('senses_vec', ?, 10, 'year < 1950')`, q); len(strings.Fields(got)) != 10 {
			t.Errorf("with the sample %s: %s", bad, got)
		}
	}
}
