package lexical

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Versions, the first byte of the config, token, manifest and segment rows. An index
// made with formatPatches may hold patches; those rows of it that could not be read
// without knowing of them have that version, all others the first.
const (
	formatVersion = 1
	formatPatches = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// rowSum is the checksum of a row's bytes together with the place they belong to,
// so that a row that turns up under another key, or in another index, is noticed.
func rowSum(identity uint64, part Part, id int64, data []byte) uint32 {
	var key [17]byte
	binary.LittleEndian.PutUint64(key[:], identity)
	key[8] = byte(part)
	binary.LittleEndian.PutUint64(key[9:], uint64(id))
	return crc32.Update(crc32.Checksum(key[:], castagnoli), castagnoli, data)
}

// seal appends the checksum to data.
func seal(identity uint64, part Part, id int64, data []byte) []byte {
	return binary.LittleEndian.AppendUint32(data, rowSum(identity, part, id, data))
}

// unseal checks and removes the checksum.
func unseal(identity uint64, part Part, id int64, row []byte) ([]byte, error) {
	if row == nil {
		return nil, corruptf("row %d of %v is missing", id, part)
	}
	n := len(row) - 4
	if n < 0 {
		return nil, corruptf("row %d of %v has %d bytes, want 4 or more", id, part, len(row))
	}
	if got, want := rowSum(identity, part, id, row[:n]), binary.LittleEndian.Uint32(row[n:]); got != want {
		return nil, corruptf("row %d of %v: checksum is %08x, want %08x", id, part, got, want)
	}
	return row[:n], nil
}

// decoder reads fields from bytes that may be damaged: past the end, or after a
// malformed number, it yields zeros and remembers that it failed.
type decoder struct {
	data   []byte
	failed bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.data)
	if n <= 0 {
		d.failed, d.data = true, nil
		return 0
	}
	d.data = d.data[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.data)
	if n <= 0 {
		d.failed, d.data = true, nil
		return 0
	}
	d.data = d.data[n:]
	return v
}

// count reads a number that must not exceed limit.
func (d *decoder) count(limit uint64) int {
	v := d.uvarint()
	if v > limit {
		d.failed, d.data = true, nil
		return 0
	}
	return int(v)
}

// int63 reads a number that must fit an int64.
func (d *decoder) int63() int64 {
	v := d.uvarint()
	if v > math.MaxInt64 {
		d.failed, d.data = true, nil
		return 0
	}
	return int64(v)
}

func (d *decoder) byte() byte {
	if len(d.data) == 0 {
		d.failed = true
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return b
}

func (d *decoder) uint64() uint64 {
	if len(d.data) < 8 {
		d.failed, d.data = true, nil
		return 0
	}
	v := binary.LittleEndian.Uint64(d.data)
	d.data = d.data[8:]
	return v
}

// bytes reads n bytes; they alias the input.
func (d *decoder) bytes(n int) []byte {
	if n < 0 || n > len(d.data) {
		d.failed, d.data = true, nil
		return nil
	}
	b := d.data[:n:n]
	d.data = d.data[n:]
	return b
}

// done reports whether all bytes were read and none were missing.
func (d *decoder) done() bool { return !d.failed && len(d.data) == 0 }

// uvarintAt is binary.Uvarint for values below 2^32 with a short path for the one
// byte that most postings need. n is 0 when b ends early or the value is too big.
func uvarintAt(b []byte, i int) (v uint32, next int) {
	if i < len(b) && b[i] < 0x80 {
		return uint32(b[i]), i + 1
	}
	return uvarintSlow(b, i)
}

func uvarintSlow(b []byte, i int) (uint32, int) {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		if i >= len(b) {
			return 0, 0
		}
		c := b[i]
		i++
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v > 1<<32-1 {
				return 0, 0
			}
			return uint32(v), i
		}
	}
	return 0, 0
}
