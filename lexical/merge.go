package lexical

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
)

// mergeSegments writes the live documents of several segments into a new one, in
// memory, with the parts of them that are in patches. It returns nil if none is live.
// Patches among themselves become a patch.
func mergeSegments(ctx context.Context, src *rowSource, inputs, patches []*segmentState) (*segment, error) {
	uid, err := randomUint64()
	if err != nil {
		return nil, err
	}
	w := newSegmentWriter(src.columns, uid)
	w.seg.isPatch = inputs[0].seg.isPatch
	inputs = slices.Clone(inputs)
	slices.SortStableFunc(inputs, func(a, b *segmentState) int { return cmp.Compare(a.seg.minRow, b.seg.minRow) })

	remap, err := mergeDocuments(src, w, inputs)
	if err != nil || w.seg.docs == 0 {
		return nil, err
	}
	if inputs, remap, err = withPatches(src, inputs, patches, remap); err != nil {
		return nil, err
	}

	var h termHeap
	for i, in := range inputs {
		it := in.seg.seek(src, nil)
		if it.next() {
			h = append(h, termCursor{it, i})
		} else if it.err != nil {
			return nil, it.err
		}
	}
	heap.Init(&h)
	var list postingList
	var term, scratch []byte
	for n := 0; len(h) > 0; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		term = append(term[:0], h[0].it.term...)
		list.reset()
		for len(h) > 0 && string(h[0].it.term) == string(term) {
			it, in := h[0].it, h[0].input
			seg := inputs[in].seg
			var data []byte
			if data, scratch, err = seg.read(src, it.post.offset, it.post.bytes, scratch); err != nil {
				return nil, err
			}
			if !list.decode(data, it.post.docs, seg.docs, src.columns, remap[in], inputs[in]) {
				return nil, corruptf("segment %d: postings of %q do not decode", seg.number, term)
			}
			if it.next() {
				heap.Fix(&h, 0)
			} else if it.err != nil {
				return nil, it.err
			} else {
				heap.Pop(&h)
			}
		}
		if len(list.docs) > 0 {
			list.sort()
			w.add(term, &list)
		}
	}
	return w.finish()
}

// mergeDocuments writes the live documents in the order of their rowids and
// returns, for each input, the new number of each document.
func mergeDocuments(src *rowSource, w *segmentWriter, inputs []*segmentState) ([][]uint32, error) {
	type entry struct {
		rowid int64
		input int
		doc   uint32
	}
	var all []entry
	remap := make([][]uint32, len(inputs))
	for i, in := range inputs {
		remap[i] = make([]uint32, in.seg.docs)
		var doc uint32
		for b := range in.seg.doc {
			block, err := in.seg.docBlock(src, b)
			if err != nil {
				return nil, err
			}
			for _, rowid := range block.rows {
				remap[i][doc] = dropped
				if !in.isDeleted(doc) {
					all = append(all, entry{rowid, i, doc})
				}
				doc++
			}
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Compare(a.rowid, b.rowid) })
	for i, e := range all {
		if i > 0 && all[i-1].rowid == e.rowid {
			return nil, corruptf("rowid %d is live in segments %d and %d", e.rowid,
				inputs[all[i-1].input].seg.number, inputs[e.input].seg.number)
		}
		lengths, err := inputs[e.input].lengths(src, int(e.doc/docBlockDocs))
		if err != nil {
			return nil, err
		}
		var head *patchHead
		if w.seg.isPatch {
			h, err := inputs[e.input].seg.head(src, e.doc)
			if err != nil {
				return nil, err
			}
			head = &h
		}
		j := int(e.doc%docBlockDocs) * src.columns
		w.document(e.rowid, lengths[j:j+src.columns], head)
		remap[e.input][e.doc] = uint32(i)
	}
	return remap, nil
}

// withPatches appends patches to the inputs of a merge, and the new numbers of the
// documents whose parts they have; parts of documents elsewhere are left out.
func withPatches(src *rowSource, inputs, patches []*segmentState, remap [][]uint32) ([]*segmentState, [][]uint32, error) {
	place := map[int64]int{}
	for i, s := range inputs {
		place[s.seg.number] = i
	}
	for _, p := range patches {
		to := make([]uint32, p.seg.docs)
		for i := range to {
			to[i] = dropped
		}
		any := false
		err := p.eachPatch(src, func(doc uint32, rowid int64, h patchHead, _ []uint32) error {
			i, ok := place[h.segment]
			if !ok {
				return nil
			}
			if h.doc >= inputs[i].seg.docs || remap[i][h.doc] == dropped {
				return corruptf("patch %d: rowid %d is at home in document %d of segment %d, which is gone", p.seg.number, rowid, h.doc, h.segment)
			}
			to[doc], any = remap[i][h.doc], true
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		if any {
			inputs, remap = append(inputs, p), append(remap, to)
		}
	}
	return inputs, remap, nil
}

// termHeap orders cursors by term, equal terms by input.
type termHeap []termCursor

type termCursor struct {
	it    *dictIter
	input int
}

func (h termHeap) Len() int { return len(h) }
func (h termHeap) Less(i, j int) bool {
	if c := compareBytes(h[i].it.term, h[j].it.term); c != 0 {
		return c < 0
	}
	return h[i].input < h[j].input
}
func (h termHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *termHeap) Push(x any)   { *h = append(*h, x.(termCursor)) }
func (h *termHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

// Merge policy. Segments are grouped in tiers by size; a tier that has mergeFanIn
// segments becomes one segment of the next tier.
const (
	mergeFanIn     = 8
	tierBase       = 8 << 10
	minMergeBudget = 4 << 20
)

func tier(bytes int64) int {
	t := 0
	for b := int64(tierBase); bytes > b; b *= mergeFanIn {
		t++
	}
	return t
}

// planMerge picks the segments to merge next, nil if none. budget bounds the
// bytes read by the merge; patches are read with a segment that they have parts of.
func planMerge(segments []*segmentState, budget int64, patches []*segmentState) []*segmentState {
	tiers := map[int][]*segmentState{}
	for _, s := range patches {
		budget -= s.bytes
	}
	for _, s := range segments {
		if s.live() == 0 {
			continue // dropped without a merge
		}
		if d := int64(s.deleted()) + int64(s.patched); d > int64(s.seg.docs/2) && s.bytes <= budget {
			return []*segmentState{s}
		}
		t := tier(s.bytes)
		tiers[t] = append(tiers[t], s)
	}
	for t := 0; t < 24; t++ {
		if len(tiers[t]) < mergeFanIn {
			continue
		}
		var picked []*segmentState
		var sum int64
		for _, s := range tiers[t] {
			if sum+s.bytes > budget {
				break
			}
			sum += s.bytes
			picked = append(picked, s)
		}
		if len(picked) >= mergeFanIn {
			return picked
		}
	}
	return nil
}
