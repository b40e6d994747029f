package output

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

const (
	// sampleRows is how many rows decide the widths of the columns. Later rows
	// are printed as they come, so that a long result needs little memory.
	sampleRows = 200
	// blobBytes and vectorElements are what a cell shows of a blob or a vector.
	blobBytes      = 12
	vectorElements = 4
)

// table prints aligned columns under a header.
type table struct {
	w     io.Writer
	limit int // widest cell; 0: no limit

	columns  []string
	isVector []bool
	numeric  []bool // right-aligned: every sampled value is a number or NULL
	widths   []int
	sample   [][]string
	started  bool // the header is out, widths are fixed
	sets     int
}

func (t *table) Begin(columns, declTypes []string) error {
	t.columns = make([]string, len(columns))
	t.isVector = make([]bool, len(columns))
	t.numeric = make([]bool, len(columns))
	t.widths = make([]int, len(columns))
	t.sample, t.started = nil, false
	for i, name := range columns {
		t.columns[i] = t.fit(printable(name))
		t.widths[i] = uniseg.StringWidth(t.columns[i])
		t.isVector[i] = isFloat32Type(declTypes[i])
		t.numeric[i] = true
	}
	if t.sets++; t.sets > 1 {
		if _, err := io.WriteString(t.w, "\n"); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) Row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = t.cell(i, v)
	}
	if t.started {
		return t.printRow(cells)
	}
	for i, cell := range cells {
		t.widths[i] = max(t.widths[i], uniseg.StringWidth(cell))
	}
	t.sample = append(t.sample, cells)
	if len(t.sample) == sampleRows {
		return t.start()
	}
	return nil
}

func (t *table) End() error {
	if t.started {
		return nil
	}
	return t.start()
}

// start prints the header and the sampled rows.
func (t *table) start() error {
	t.started = true
	rules := make([]string, len(t.columns))
	for i, width := range t.widths {
		rules[i] = strings.Repeat("-", width)
		t.numeric[i] = t.numeric[i] && len(t.sample) > 0
	}
	if err := t.printRow(t.columns); err != nil {
		return err
	}
	if err := t.printRow(rules); err != nil {
		return err
	}
	for _, cells := range t.sample {
		if err := t.printRow(cells); err != nil {
			return err
		}
	}
	t.sample = nil
	return nil
}

func (t *table) printRow(cells []string) error {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		pad := strings.Repeat(" ", max(0, t.widths[i]-uniseg.StringWidth(cell)))
		switch {
		case t.numeric[i]:
			b.WriteString(pad + cell)
		case i == len(cells)-1:
			b.WriteString(cell)
		default:
			b.WriteString(cell + pad)
		}
	}
	b.WriteByte('\n')
	_, err := io.WriteString(t.w, b.String())
	return err
}

func (t *table) cell(i int, v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return formatFloat(v)
	case nil:
		return "NULL"
	case []byte:
		t.numeric[i] = false
		if t.isVector[i] && len(v)%4 == 0 {
			return shortVector(v)
		}
		return shortBlob(v)
	case string:
		t.numeric[i] = false
		return t.fit(printable(v))
	}
	return fmt.Sprint(v)
}

// fit shortens text to the widest cell allowed.
func (t *table) fit(text string) string {
	if t.limit <= 0 || len(text) <= t.limit || uniseg.StringWidth(text) <= t.limit {
		return text
	}
	end, width := 0, 0
	for state, rest := -1, text; rest != ""; {
		var cluster string
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if width+w > t.limit-1 {
			break
		}
		end += len(cluster)
		width += w
	}
	return text[:end] + "…"
}

// isFloat32Type reports whether a declared column type is one of libSQL's names
// for vectors of float32, whose blobs are plain little-endian floats.
func isFloat32Type(declType string) bool {
	name, _, _ := strings.Cut(strings.ToUpper(declType), "(")
	name = strings.TrimSpace(name)
	return name == "F32_BLOB" || name == "FLOAT32"
}

func shortVector(blob []byte) string {
	dims := len(blob) / 4
	var b strings.Builder
	b.WriteByte('[')
	for i := range min(dims, vectorElements) {
		if i > 0 {
			b.WriteString(", ")
		}
		x := math.Float32frombits(binary.LittleEndian.Uint32(blob[4*i:]))
		b.WriteString(strconv.FormatFloat(float64(x), 'g', 4, 32))
	}
	if dims > vectorElements {
		fmt.Fprintf(&b, ", … %d dims", dims)
	}
	b.WriteByte(']')
	return b.String()
}

func shortBlob(blob []byte) string {
	if len(blob) <= blobBytes {
		return "x'" + hex.EncodeToString(blob) + "'"
	}
	return fmt.Sprintf("x'%s…' (%d bytes)", hex.EncodeToString(blob[:blobBytes]), len(blob))
}

// printable keeps a cell on one line and control sequences away from the terminal.
func printable(text string) string {
	clean := true
	for _, r := range text {
		if r == utf8.RuneError || unicode.IsControl(r) {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
