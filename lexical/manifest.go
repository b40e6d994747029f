package lexical

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Ids of the config part's rows.
const (
	configOptions  = 0
	configToken    = 1
	configManifest = 2
	configNote     = 3 // of the caller's; see SetNote
)

// token names one committed state. The counter orders states of one history; the
// random half tells apart histories that forked at a rollback or a restored file.
type token struct {
	counter uint64
	random  uint64
}

// config is the row written by Create and never changed.
type config struct {
	version  byte
	identity uint64
	params   Params
}

func randomUint64() (uint64, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("random identity: %w", err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

func (c config) encode() ([]byte, error) {
	text, err := json.Marshal(c.params)
	if err != nil {
		return nil, err
	}
	b := append([]byte{c.version}, make([]byte, 8)...)
	binary.LittleEndian.PutUint64(b[1:], c.identity)
	b = append(b, text...)
	return seal(0, PartConfig, configOptions, b), nil
}

func decodeConfig(row []byte) (config, error) {
	var c config
	b, err := unseal(0, PartConfig, configOptions, row)
	if err != nil {
		return c, err
	}
	if len(b) < 9 {
		return c, corruptf("row %d of %v has %d bytes, want 9 or more", configOptions, PartConfig, len(b))
	}
	if c.version = b[0]; c.version != formatVersion && c.version != formatPatches {
		return c, &markedError{
			text: fmt.Sprintf("format version is %d, want %d or %d: the index was written by another release", b[0], formatVersion, formatPatches),
			mark: ErrVersion,
		}
	}
	c.identity = binary.LittleEndian.Uint64(b[1:])
	if err := json.Unmarshal(b[9:], &c.params); err != nil {
		return c, corruptf("row %d of %v: options do not parse: %v", configOptions, PartConfig, err)
	}
	return c, nil
}

func (t token) encode(identity uint64) []byte {
	b := make([]byte, 17, 21)
	b[0] = formatVersion
	binary.LittleEndian.PutUint64(b[1:], t.counter)
	binary.LittleEndian.PutUint64(b[9:], t.random)
	return seal(identity, PartConfig, configToken, b)
}

func decodeToken(identity uint64, row []byte) (token, error) {
	b, err := unseal(identity, PartConfig, configToken, row)
	if err != nil {
		return token{}, err
	}
	if len(b) != 17 || b[0] != formatVersion {
		return token{}, corruptf("row %d of %v is no token", configToken, PartConfig)
	}
	return token{binary.LittleEndian.Uint64(b[1:]), binary.LittleEndian.Uint64(b[9:])}, nil
}

// manifest lists all that belongs to one committed state.
type manifest struct {
	token    token
	next     int64 // the next segment's number
	rows     int64 // live documents
	tokens   []int64
	segments []segmentEntry
}

// segmentEntry is a segment as the manifest knows it.
type segmentEntry struct {
	number  int64
	uid     uint64 // random, never used twice: the key of caches
	docs    uint32
	deleted uint32
	// deletes identifies the content of the delete bitmap: it changes with every
	// commit that changes the bitmap.
	deletes        uint64
	bytes          int64 // stored bytes: the tier of the segment
	pages          uint32
	isPatch        bool
	minRow, maxRow int64
}

const (
	maxSegments      = 1 << 16
	maxSegmentNumber = 1 << 38
	maxSegmentDocs   = 1<<31 - 1
	maxSegmentPages  = 1 << 24
)

func (m *manifest) encode(identity uint64) []byte {
	version := byte(formatVersion)
	for _, s := range m.segments {
		if s.isPatch {
			version = formatPatches
		}
	}
	b := []byte{version}
	b = binary.LittleEndian.AppendUint64(b, m.token.counter)
	b = binary.LittleEndian.AppendUint64(b, m.token.random)
	b = binary.AppendUvarint(b, uint64(m.next))
	b = binary.AppendUvarint(b, uint64(m.rows))
	b = binary.AppendUvarint(b, uint64(len(m.tokens)))
	for _, n := range m.tokens {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = binary.AppendUvarint(b, uint64(len(m.segments)))
	for _, s := range m.segments {
		b = binary.AppendUvarint(b, uint64(s.number))
		b = binary.LittleEndian.AppendUint64(b, s.uid)
		b = binary.AppendUvarint(b, uint64(s.docs))
		b = binary.AppendUvarint(b, uint64(s.deleted))
		if s.deleted > 0 {
			b = binary.LittleEndian.AppendUint64(b, s.deletes)
		}
		b = binary.AppendUvarint(b, uint64(s.bytes))
		b = binary.AppendUvarint(b, uint64(s.pages))
		b = binary.AppendVarint(b, s.minRow)
		b = binary.AppendVarint(b, s.maxRow)
		if version == formatPatches {
			isPatch := byte(0)
			if s.isPatch {
				isPatch = 1
			}
			b = append(b, isPatch)
		}
	}
	return seal(identity, PartConfig, configManifest, b)
}

func decodeManifest(identity uint64, columns int, row []byte) (*manifest, error) {
	b, err := unseal(identity, PartConfig, configManifest, row)
	if err != nil {
		return nil, err
	}
	d := decoder{data: b}
	version := d.byte()
	if version != formatVersion && version != formatPatches {
		return nil, corruptf("manifest has version %d, want %d or %d", version, formatVersion, formatPatches)
	}
	m := &manifest{}
	m.token.counter = d.uint64()
	m.token.random = d.uint64()
	m.next = d.int63()
	m.rows = d.int63()
	if m.next > maxSegmentNumber {
		return nil, corruptf("manifest: next segment is %d, want at most %d", m.next, int64(maxSegmentNumber))
	}
	if n := d.count(MaxColumns); n != columns && !d.failed {
		return nil, corruptf("manifest counts tokens of %d columns, want %d", n, columns)
	}
	m.tokens = make([]int64, columns)
	for i := range m.tokens {
		m.tokens[i] = d.int63()
	}
	n := d.count(maxSegments)
	var live int64
	last := int64(-1)
	for i := 0; i < n && !d.failed; i++ {
		s := segmentEntry{number: d.int63(), uid: d.uint64()}
		s.docs = uint32(d.count(maxSegmentDocs))
		s.deleted = uint32(d.count(uint64(s.docs)))
		if s.deleted > 0 {
			s.deletes = d.uint64()
		}
		s.bytes = d.int63()
		s.pages = uint32(d.count(maxSegmentPages))
		s.minRow, s.maxRow = d.varint(), d.varint()
		if version == formatPatches {
			s.isPatch = d.count(1) == 1
		}
		if s.number <= last || s.number >= m.next || s.docs == 0 || s.minRow > s.maxRow {
			return nil, corruptf("manifest: entry %d, segment %d, is out of order or range", i, s.number)
		}
		last = s.number
		if !s.isPatch {
			live += int64(s.docs) - int64(s.deleted)
		}
		m.segments = append(m.segments, s)
	}
	if !d.done() {
		return nil, corruptf("manifest does not decode")
	}
	if live != m.rows {
		return nil, corruptf("manifest counts %d rows, its segments hold %d", m.rows, live)
	}
	return m, nil
}
