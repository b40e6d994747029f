package vector_test

import (
	"fmt"

	"github.com/nearlite/nearlite/vector"
)

// Text becomes a vector, a vector becomes a blob, and blobs are compared.
func Example() {
	a, err := vector.Parse([]byte("[3, 4, 0]"), vector.Float32)
	if err != nil {
		panic(err)
	}
	b, err := vector.Decode([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 63})
	if err != nil {
		panic(err)
	}
	d, _, err := vector.DistanceCos(a, b)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(vector.AppendText(nil, b)), d)
	// Output: [0,0,1] 1
}

// A batch kernel scores rows that lie anywhere in memory.
func ExampleDotBatch() {
	table := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}
	rows := []*float32{&table[0], &table[3], &table[6]}
	scores := make([]float32, len(rows))
	vector.DotBatch([]float32{1, 0, -1}, rows, scores)
	fmt.Println(scores)
	// Output: [-2 -2 -2]
}

// Int8 codes take a quarter of the memory; a few of the nearest are compared
// again with the vectors themselves.
func ExampleInt8() {
	z := vector.Int8{Metric: vector.Cosine, Dims: 3}
	code := make([]uint8, z.PaddedLen())
	row := z.Encode(code, []float32{3, 4, 0})
	q := make([]int8, z.PaddedLen())
	query := z.EncodeQuery(q, []float32{4, 3, 0})
	dots := make([]int32, 1)
	vector.DotU8S8Batch(q, []*uint8{&code[0]}, dots)
	fmt.Printf("%.2f\n", z.Distance(query, row, dots[0])) // 1 - 24/25
	// Output: 0.04
}
