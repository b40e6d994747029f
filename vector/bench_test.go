package vector_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/nearlite/nearlite/vector"
)

func benchText(dims int) []byte {
	r := rand.New(rand.NewPCG(1, 1))
	v := make([]float32, dims)
	for i := range v {
		v[i] = float32(r.NormFloat64()) / 20
	}
	return vector.AppendJSON(nil, vector.Float32s(v))
}

// BenchmarkParse reads the text of a vector of shortest float32 numbers.
func BenchmarkParse(b *testing.B) {
	for _, typ := range []vector.Type{vector.Float32, vector.Float64, vector.Float16, vector.Float8, vector.Bit} {
		b.Run(fmt.Sprintf("type=%v/dims=1536", typ), func(b *testing.B) {
			text := benchText(1536)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := vector.Parse(text, typ); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	v, err := vector.Parse(benchText(1536), vector.Float32)
	if err != nil {
		b.Fatal(err)
	}
	blob := v.AppendBlob(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vector.Decode(blob); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDistanceCos is the SQL function without SQL.
func BenchmarkDistanceCos(b *testing.B) {
	v, err := vector.Parse(benchText(512), vector.Float32)
	if err != nil {
		b.Fatal(err)
	}
	for _, typ := range allTypes {
		b.Run(fmt.Sprintf("type=%v/dims=512", typ), func(b *testing.B) {
			x := vector.Convert(v, typ)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := vector.DistanceCos(x, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	v, err := vector.Parse(benchText(1536), vector.Float32)
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.Run("extract/dims=1536", func(b *testing.B) {
		for b.Loop() {
			buf = vector.AppendText(buf[:0], v)
		}
	})
	b.Run("json/dims=1536", func(b *testing.B) {
		for b.Loop() {
			buf = vector.AppendJSON(buf[:0], v)
		}
	})
}

func BenchmarkQuantize(b *testing.B) {
	const dims = 768
	r := rand.New(rand.NewPCG(1, 1))
	v := make([]float32, dims)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	b.Run("int8/dims=768", func(b *testing.B) {
		z := vector.Int8{Metric: vector.Cosine, Dims: dims}
		code := make([]uint8, z.PaddedLen())
		b.ReportAllocs()
		for b.Loop() {
			z.Encode(code, v)
		}
	})
	b.Run("float16/dims=768", func(b *testing.B) {
		code := make([]uint16, dims)
		b.ReportAllocs()
		for b.Loop() {
			vector.EncodeFloat16(code, v)
		}
	})
	b.Run("bit/dims=768", func(b *testing.B) {
		z := vector.NewBitQuantizer(vector.Cosine, dims, nil, 1)
		code, scratch := make([]byte, z.CodeLen()), make([]float32, z.ScratchLen())
		b.ReportAllocs()
		for b.Loop() {
			z.Encode(code, v, scratch)
		}
	})
}

// BenchmarkKernels runs the hot kernels of each tier on eight rows that stay
// in the first-level cache; `go run ./bench/kernels` has the whole picture.
func BenchmarkKernels(b *testing.B) {
	const dims, count = 768, 8
	block := make([]byte, 4*dims*(count+1)+64)
	block = block[-uintptr(unsafe.Pointer(&block[0]))&63:]
	q := unsafe.Slice((*float32)(unsafe.Pointer(&block[4*dims*count])), dims)
	q8 := unsafe.Slice((*int8)(unsafe.Pointer(&q[0])), dims)
	rows, rows8 := make([]*float32, count), make([]*uint8, count)
	for i := range rows {
		rows[i] = (*float32)(unsafe.Pointer(&block[4*dims*i]))
		rows8[i] = &block[dims*i]
	}
	dst, dst8 := make([]float32, count), make([]int32, count)
	restoreKernels(b)
	for _, name := range vector.KernelTiers() {
		if err := vector.SetKernels(name); err != nil {
			b.Fatal(err)
		}
		for _, k := range []struct {
			name string
			run  func()
		}{
			{"dot/batch=1", func() {
				for i, p := range rows {
					dst[i] = vector.Dot(q, unsafe.Slice(p, dims))
				}
			}},
			{"dot/batch=8", func() { vector.DotBatch(q, rows, dst) }},
			{"int8/batch=8", func() { vector.DotU8S8Batch(q8, rows8, dst8) }},
		} {
			b.Run(fmt.Sprintf("kernel=%s/dims=%d/impl=%s", k.name, dims, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					k.run()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/row")
			})
		}
	}
}
