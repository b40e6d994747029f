package lexical

import (
	"encoding/binary"

	"github.com/RoaringBitmap/roaring/v2"
)

// snapshot is one committed state. It is immutable and shared by connections.
type snapshot struct {
	token    token
	next     int64
	rows     int64
	tokens   []int64
	segments []*segmentState
	patches  []*segmentState
}

// segmentState is a segment with the documents deleted from it. It is immutable
// once a snapshot or a savepoint holds it; a transaction changes only those of
// its present epoch.
type segmentState struct {
	seg     *segment
	del     *roaring.Bitmap // nil: none
	deletes uint64          // identifies the stored content of del
	dirty   map[uint32]bool // groups of 65536 documents whose stored row is stale
	bytes   int64           // stored
	epoch   int

	// Documents of which patches have parts: how many, and a patched for each block of
	// documents that has any; nil: none.
	patched int
	blocks  []*patchedBlock
	id      uint64 // of the blocks' owner, 0 once a snapshot holds the state
}

func (s *segmentState) deleted() uint32 {
	if s.del == nil {
		return 0
	}
	return uint32(s.del.GetCardinality())
}

func (s *segmentState) live() uint32 { return s.seg.docs - s.deleted() }

// isDeleted reports whether a document is gone.
func (s *segmentState) isDeleted(doc uint32) bool { return s.del != nil && s.del.Contains(doc) }

// loadSnapshot reads the state that the store shows, sharing with the cache what
// the cache has.
func loadSnapshot(src *rowSource, t token) (*snapshot, error) {
	row, err := src.store.Get(PartConfig, configManifest, nil)
	if err != nil {
		return nil, err
	}
	m, err := decodeManifest(src.identity, src.columns, row)
	if err != nil {
		return nil, err
	}
	if m.token != t {
		return nil, corruptf("the manifest belongs to generation %d, the token to %d", m.token.counter, t.counter)
	}
	s := &snapshot{token: t, next: m.next, rows: m.rows, tokens: m.tokens}
	for _, e := range m.segments {
		seg, state := src.cache.segment(src.identity, e.uid, e.deletes)
		if state == nil {
			if seg == nil {
				if seg, err = loadSegment(src, e); err != nil {
					return nil, err
				}
			}
			state = &segmentState{seg: seg, deletes: e.deletes, bytes: e.bytes}
			if e.deleted > 0 {
				if state.del, err = loadDeletes(src, e); err != nil {
					return nil, err
				}
			}
		}
		if e.isPatch {
			s.patches = append(s.patches, state)
			continue
		}
		if state.blocks != nil {
			state = &segmentState{seg: state.seg, del: state.del, deletes: state.deletes, bytes: state.bytes}
		}
		s.segments = append(s.segments, state)
	}
	return s, applyPatches(src, s)
}

func loadSegment(src *rowSource, e segmentEntry) (*segment, error) {
	row, err := src.store.Get(PartSegments, e.number, nil)
	if err != nil {
		return nil, err
	}
	b, err := unseal(src.identity, PartSegments, e.number, row)
	if err != nil {
		return nil, err
	}
	return decodeSegmentRow(b, e, src.columns)
}

// A delete row holds the deleted documents of one group of 65536: a byte for the
// kind, then either the low 16 bits as differences (uvarints, 1 or more, from -1
// on), or 8192 bytes of bits, whichever is shorter.
const (
	deletesList = 1
	deletesBits = 2
	groupShift  = 16
	groupDocs   = 1 << groupShift
)

func deletesID(segment int64, group uint32) int64 { return segment<<16 | int64(group) }

func groups(docs uint32) uint32 { return (docs + groupDocs - 1) >> groupShift }

func encodeDeletes(del *roaring.Bitmap, group uint32) []byte {
	b := []byte{deletesList}
	bits := make([]byte, 1+groupDocs/8)
	bits[0] = deletesBits
	prev := int64(-1)
	it := del.Iterator()
	it.AdvanceIfNeeded(group << groupShift)
	for it.HasNext() {
		d := it.Next()
		if d>>groupShift != group {
			break
		}
		low := int64(d & (groupDocs - 1))
		b = binary.AppendUvarint(b, uint64(low-prev))
		prev = low
		bits[1+low>>3] |= 1 << (low & 7)
	}
	if len(b) <= len(bits) {
		return b
	}
	return bits
}

func loadDeletes(src *rowSource, e segmentEntry) (*roaring.Bitmap, error) {
	del := roaring.New()
	from, to := deletesID(e.number, 0), deletesID(e.number+1, 0)
	err := src.store.Scan(PartDeletes, from, func(id int64, row []byte) (bool, error) {
		if id >= to {
			return false, nil
		}
		b, err := unseal(src.identity, PartDeletes, id, row)
		if err != nil {
			return false, err
		}
		if !decodeDeletes(del, b, uint32(id-from)<<groupShift, e.docs) {
			return false, corruptf("row %d of %v does not decode", id, PartDeletes)
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if n := del.GetCardinality(); n != uint64(e.deleted) {
		return nil, corruptf("segment %d has %d deleted documents, the manifest says %d", e.number, n, e.deleted)
	}
	return del, nil
}

func decodeDeletes(del *roaring.Bitmap, b []byte, base, docs uint32) bool {
	d := decoder{data: b}
	switch d.byte() {
	case deletesList:
		for at := int64(-1); len(d.data) > 0; {
			step := d.count(groupDocs)
			at += int64(step)
			if d.failed || step == 0 || at >= groupDocs || int64(base)+at >= int64(docs) {
				return false
			}
			del.Add(base + uint32(at))
		}
		return true
	case deletesBits:
		if len(d.data) != groupDocs/8 {
			return false
		}
		for i, v := range d.data {
			for j := 0; v != 0; j, v = j+1, v>>1 {
				if v&1 == 0 {
					continue
				}
				doc := int64(base) + int64(i*8+j)
				if doc >= int64(docs) {
					return false
				}
				del.Add(uint32(doc))
			}
		}
		return true
	}
	return false
}
