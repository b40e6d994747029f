package lexical

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestWordwise holds the memo against the analyzers themselves: a segment built
// through it has the words that they yield, for texts in many scripts.
func TestWordwise(t *testing.T) {
	words := rapid.SampledFrom([]string{
		"Running", "running", "dogs'", "dog's", "the", "THE", "l'éléphant", "L’Avion", "Häuser", "größer", "ñandú", "города",
		"Города", "كتاب", "الكتاب", "किताब", "कुत्ते", "İstanbul'da", "kitapları", "2021", "3.14", "東京都", "東京", "x-ray", "a.b", "ﬁne",
		"\u200cمی", "naïve", "nai\u0308ve", "könyvek", "książki", "sjöarna", "husene", "talot",
	})
	separators := rapid.SampledFrom([]string{" ", "  ", ", ", "-", "'", ".", "\n", "/"})
	fast := 0
	for _, name := range append(Analyzers(), `{"token_filters":["to_lower",{"type":"synonyms","groups":[["running","dog's"]]}]}`) {
		t.Run(name, func(t *testing.T) {
			sc, err := newSchema(Params{Columns: []Column{{Name: "a", Analyzer: name}}}.Normalize())
			if err != nil {
				t.Fatal(err)
			}
			if wordwise(sc.analyzers[0]) != nil {
				fast++
			}
			rapid.Check(t, func(t *rapid.T) {
				text := ""
				for range rapid.IntRange(0, 12).Draw(t, "words") {
					text += words.Draw(t, "word") + separators.Draw(t, "separator")
				}
				var got, want []string
				var v inverter
				v.run(sc, []document{{rowid: 1, texts: []string{text}}, {rowid: 2, texts: []string{text}}}, 0)
				for _, o := range v.tokens {
					if o.at>>columnBits == 1 { // the second time, from the memo
						got = append(got, v.names[o.word])
						got = append(got, string(rune('0'+o.pos)))
					}
				}
				for _, token := range sc.analyzers[0].Analyze([]byte(text)) {
					if len(token.Term) > 0 {
						want = append(want, string(cutTerm(token.Term)), string(rune('0'+token.Position)))
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%q: got %q, want %q", text, got, want)
				}
			})
		})
	}
	if fast < 20 {
		t.Errorf("%d analyzers go through the memo, want 20 or more", fast)
	}
}
