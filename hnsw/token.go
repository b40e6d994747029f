package hnsw

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
)

// A token names a committed state: the first 16 bytes of a hash chain. The token of
// a commit is the hash of the token before it and of everything that the commit
// writes; that of a build, which replaces the contents, is the hash of the blocks
// and the rows' vectors alone. So equal tokens mean equal states, by induction, wherever they came about:
// in two copies of a file that have diverged, after a rollback, in two processes.
// And the same rows built in the same order give the same token. (A random token
// would do the first as well, but no two files would ever be equal.)
//
// The cache does not rely on that alone: see family.

// chain computes a token.
type chain struct {
	h   hash.Hash
	buf []byte
}

// The ways to make a state, which begin the hash.
const (
	chainCreate  = "nearlite hnsw create"
	chainEdits   = "nearlite hnsw edits"
	chainBlocks  = "nearlite hnsw blocks"
	chainBuild   = "nearlite hnsw build"
	chainVectors = "nearlite hnsw vectors"
	chainProbes  = "nearlite hnsw probes"
)

// newChain begins the hash of the state made in a certain way from another one.
func newChain(kind string, from token) *chain {
	c := &chain{h: sha256.New()}
	c.h.Write([]byte(kind))
	c.h.Write(from[:])
	return c
}

// row adds a row that is written.
func (c *chain) row(part Part, id int64, data []byte) {
	c.buf = append(c.buf[:0], byte(part))
	c.buf = binary.LittleEndian.AppendUint64(c.buf, uint64(id))
	c.buf = binary.LittleEndian.AppendUint64(c.buf, uint64(len(data)))
	c.h.Write(c.buf)
	c.h.Write(data)
}

// vector adds a row's vector.
func (c *chain) vector(rowid RowID, vec []float32) {
	c.buf = binary.LittleEndian.AppendUint64(c.buf[:0], uint64(rowid))
	for _, x := range vec {
		c.buf = binary.LittleEndian.AppendUint32(c.buf, math.Float32bits(x))
	}
	c.h.Write(c.buf)
}

// token ends the hash with what the newest log row will say of the state.
func (c *chain) token(lastLog int64, h *header) (t token) {
	c.buf = binary.LittleEndian.AppendUint64(c.buf[:0], uint64(lastLog))
	c.h.Write(h.appendCounts(c.buf))
	copy(t[:], c.h.Sum(nil))
	return t
}

// sum ends the hash of rows alone.
func (c *chain) sum() (t token) {
	copy(t[:], c.h.Sum(nil))
	return t
}
