package lexical

import (
	"encoding/binary"
	"math"
	"sort"
	"sync/atomic"
)

// Sizes of the stored form. A page with its checksum, its key and SQLite's own
// framing fills a database page of 4096 bytes without overflow.
const (
	pageBytes      = 4040
	dictBlockBytes = 1024
	docBlockDocs   = 512
)

// inlineBytes is the length up to which a stream lives in the segment's own row.
// Like the other limits that are variables, it is one for tests: they lower it to
// reach with small data what otherwise takes much.
var inlineBytes int64 = 3600

// segment is an immutable set of documents with their postings. Its bytes form
// one stream of three sections: posting lists in the order of their terms, the
// dictionary, the documents. The stream is in memory while the segment is fresh,
// and in pages that are read when needed after it was stored.
//
// A segment is shared by connections: all fields are constant but for the atomic
// pointers.
type segment struct {
	uid    uint64
	docs   uint32
	terms  int64
	tokens []int64 // per column, deleted documents included
	minRow int64
	maxRow int64

	postBytes, dictBytes, docBytes int64

	dict []dictBlock
	doc  []docBlockEntry

	isPatch bool // its documents are parts of documents, see patch.go

	number int64  // row key once stored, -1 before
	inline bool   // the stream lives, or is to live, in the segment's own row
	stream []byte // nil when the stream is in pages
	pages  []atomic.Pointer[page]
	blocks []atomic.Pointer[docBlock]
}

// dictBlock is the directory entry of a run of dictionary entries.
type dictBlock struct {
	first   string // its first term
	offset  int64  // in the dictionary section
	bytes   int64
	post    int64 // offset of the first term's postings
	entries int
}

// docBlockEntry is the directory entry of docBlockDocs documents.
type docBlockEntry struct {
	first  int64 // its first rowid
	offset int64 // in the document section
	bytes  int64
}

// page is one cached piece of a stream.
type page struct {
	data []byte
	used atomic.Bool // since the cache's hand last passed
}

// docBlock is a decoded run of documents.
type docBlock struct {
	rows    []int64
	lengths []uint32    // columns a document
	patches []patchHead // of a patch: one a document
}

// rowSource reads the rows of one index for one connection.
type rowSource struct {
	store    Store
	cache    *Cache
	identity uint64
	columns  int
	buf      []byte // of the last row read
}

func (s *segment) streamBytes() int64 { return s.postBytes + s.dictBytes + s.docBytes }

// read returns n bytes of the stream. They alias a page or scratch, which is
// returned possibly grown; the caller must not change them.
func (s *segment) read(src *rowSource, off, n int64, scratch []byte) (data, newScratch []byte, err error) {
	if off < 0 || n < 0 || off > s.streamBytes() || n > s.streamBytes()-off {
		return nil, scratch, corruptf("segment %d: bytes %d to %d lie outside its %d bytes", s.number, off, off+n, s.streamBytes())
	}
	if s.stream != nil || n == 0 {
		return s.stream[off : off+n], scratch, nil
	}
	first, last := off/pageBytes, (off+n-1)/pageBytes
	p, err := s.page(src, first)
	if err != nil {
		return nil, scratch, err
	}
	start := off - first*pageBytes
	if first == last {
		return p[start : start+n], scratch, nil
	}
	scratch = append(scratch[:0], p[start:]...)
	for i := first + 1; i <= last; i++ {
		if p, err = s.page(src, i); err != nil {
			return nil, scratch, err
		}
		if i == last {
			p = p[:off+n-last*pageBytes]
		}
		scratch = append(scratch, p...)
	}
	return scratch, scratch, nil
}

// page returns a page of the stream, from the cache or the store.
func (s *segment) page(src *rowSource, i int64) ([]byte, error) {
	if p := s.pages[i].Load(); p != nil {
		if !p.used.Load() {
			p.used.Store(true)
		}
		return p.data, nil
	}
	id := pageID(s.number, i)
	row, err := src.store.Get(PartPages, id, nil)
	if err != nil {
		return nil, err
	}
	data, err := unseal(src.identity, PartPages, id, row)
	if err != nil {
		return nil, err
	}
	want := min(pageBytes, s.streamBytes()-i*pageBytes)
	if int64(len(data)) != want {
		return nil, corruptf("row %d of %v has %d bytes, want %d", id, PartPages, len(data), want)
	}
	src.cache.addPage(&s.pages[i], data)
	return data, nil
}

func pageID(segment, page int64) int64 { return segment<<24 | page }

// term finds a term's postings.
func (s *segment) term(src *rowSource, term []byte) (posting, bool, error) {
	i := sort.Search(len(s.dict), func(i int) bool { return s.dict[i].first > string(term) }) - 1
	if i < 0 {
		return posting{}, false, nil
	}
	it := dictIter{seg: s, src: src}
	if err := it.openBlock(i); err != nil {
		return posting{}, false, err
	}
	for it.next() {
		switch compareBytes(it.term, term) {
		case 0:
			return it.post, true, nil
		case 1:
			return posting{}, false, nil
		}
		if it.left == 0 { // do not run on into the next block
			break
		}
	}
	return posting{}, false, it.err
}

func compareBytes(a, b []byte) int {
	switch {
	case string(a) < string(b):
		return -1
	case string(a) > string(b):
		return 1
	}
	return 0
}

// posting says where a term's posting list is.
type posting struct {
	docs   uint32 // documents in the list, deleted ones included
	offset int64
	bytes  int64
}

// dictIter walks dictionary entries in order.
type dictIter struct {
	seg   *segment
	src   *rowSource
	block int // index of the block being read
	left  int // entries left in it
	data  []byte
	at    int64 // offset of the next posting list
	ready bool  // the current entry has not been handed out yet

	term    []byte
	post    posting
	err     error
	scratch []byte
}

// seek returns an iterator whose first term is the least one not below from.
func (s *segment) seek(src *rowSource, from []byte) *dictIter {
	it := &dictIter{seg: s, src: src, block: -1}
	i := sort.Search(len(s.dict), func(i int) bool { return s.dict[i].first > string(from) }) - 1
	if i < 0 {
		return it
	}
	it.err = it.openBlock(i)
	for it.next() {
		if string(it.term) >= string(from) {
			it.ready = true
			break
		}
	}
	return it
}

func (it *dictIter) openBlock(i int) error {
	b := it.seg.dict[i]
	data, scratch, err := it.seg.read(it.src, it.seg.postBytes+b.offset, b.bytes, it.scratch)
	if err != nil {
		return err
	}
	it.block, it.left, it.data, it.at, it.scratch = i, b.entries, data, b.post, scratch
	it.term = it.term[:0]
	return nil
}

// next advances; false at the end or after an error, which err holds.
func (it *dictIter) next() bool {
	if it.err != nil {
		return false
	}
	if it.ready {
		it.ready = false
		return true
	}
	for it.left == 0 {
		if it.block+1 >= len(it.seg.dict) {
			return false
		}
		if it.err = it.openBlock(it.block + 1); it.err != nil {
			return false
		}
	}
	d := decoder{data: it.data}
	shared := d.count(uint64(len(it.term)))
	suffix := d.bytes(d.count(uint64(len(d.data))))
	docs := d.count(uint64(it.seg.docs))
	bytes := d.count(uint64(it.seg.postBytes - it.at))
	if d.failed || docs == 0 || bytes == 0 {
		it.err = corruptf("segment %d: dictionary block %d does not decode", it.seg.number, it.block)
		return false
	}
	it.data = d.data
	it.left--
	it.term = append(it.term[:shared], suffix...)
	it.post = posting{docs: uint32(docs), offset: it.at, bytes: int64(bytes)}
	it.at += int64(bytes)
	return true
}

// docBlock returns the decoded block of documents with index i.
func (s *segment) docBlock(src *rowSource, i int) (*docBlock, error) {
	if b := s.blocks[i].Load(); b != nil {
		return b, nil
	}
	e := s.doc[i]
	data, _, err := s.read(src, s.postBytes+s.dictBytes+e.offset, e.bytes, nil)
	if err != nil {
		return nil, err
	}
	n := min(docBlockDocs, int(s.docs)-i*docBlockDocs)
	b := &docBlock{rows: make([]int64, n), lengths: make([]uint32, n*src.columns)}
	if s.isPatch {
		b.patches = make([]patchHead, n)
	}
	d := decoder{data: data}
	row := e.first
	for j := range b.rows {
		if j > 0 {
			next := int64(uint64(row) + d.uvarint() + 1)
			if next <= row { // it wrapped around
				d.failed = true
			}
			row = next
		}
		b.rows[j] = row
		columns := ^uint64(0)
		if s.isPatch {
			b.patches[j] = decodePatchHead(&d, src.columns)
			columns = b.patches[j].columns
		}
		for c := 0; c < src.columns; c++ {
			if columns>>c&1 == 0 {
				continue
			}
			b.lengths[j*src.columns+c] = uint32(d.count(math.MaxUint32))
		}
	}
	if !d.done() {
		return nil, corruptf("segment %d: document block %d does not decode", s.number, i)
	}
	if s.blocks[i].CompareAndSwap(nil, b) {
		src.cache.addBlock(&s.blocks[i], b)
	}
	return b, nil
}

// rowid returns a document's rowid.
func (s *segment) rowid(src *rowSource, doc uint32) (int64, error) {
	b, err := s.docBlock(src, int(doc/docBlockDocs))
	if err != nil {
		return 0, err
	}
	return b.rows[doc%docBlockDocs], nil
}

// find returns the document number of rowid.
func (s *segment) find(src *rowSource, rowid int64) (doc uint32, ok bool, err error) {
	if rowid < s.minRow || rowid > s.maxRow {
		return 0, false, nil
	}
	i := sort.Search(len(s.doc), func(i int) bool { return s.doc[i].first > rowid }) - 1
	if i < 0 {
		return 0, false, nil
	}
	b, err := s.docBlock(src, i)
	if err != nil {
		return 0, false, err
	}
	j := sort.Search(len(b.rows), func(j int) bool { return b.rows[j] >= rowid })
	if j == len(b.rows) || b.rows[j] != rowid {
		return 0, false, nil
	}
	return uint32(i*docBlockDocs + j), true, nil
}

// encodeRow is the row of PartSegments, without its checksum.
func (s *segment) encodeRow() []byte {
	b := []byte{formatVersion}
	if s.isPatch {
		b[0] = formatPatches
	}
	b = binary.LittleEndian.AppendUint64(b, s.uid)
	b = binary.AppendUvarint(b, uint64(s.docs))
	b = binary.AppendUvarint(b, uint64(s.terms))
	b = binary.AppendUvarint(b, uint64(len(s.tokens)))
	for _, n := range s.tokens {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = binary.AppendUvarint(b, uint64(s.postBytes))
	b = binary.AppendUvarint(b, uint64(s.dictBytes))
	b = binary.AppendUvarint(b, uint64(s.docBytes))
	b = binary.AppendUvarint(b, uint64(len(s.dict)))
	last := ""
	for i, e := range s.dict {
		shared := commonPrefix(last, e.first)
		b = binary.AppendUvarint(b, uint64(shared))
		b = binary.AppendUvarint(b, uint64(len(e.first)-shared))
		b = append(b, e.first[shared:]...)
		b = binary.AppendUvarint(b, uint64(e.bytes))
		b = binary.AppendUvarint(b, uint64(e.entries))
		end := s.postBytes
		if i+1 < len(s.dict) {
			end = s.dict[i+1].post
		}
		b = binary.AppendUvarint(b, uint64(end-e.post))
		last = e.first
	}
	for _, e := range s.doc {
		b = binary.AppendVarint(b, e.first)
		b = binary.AppendUvarint(b, uint64(e.bytes))
	}
	b = binary.AppendVarint(b, s.maxRow)
	if s.inline {
		b = append(b, s.stream...)
	}
	return b
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func (s *segment) pageCount() int64 {
	if s.inline {
		return 0
	}
	return (s.streamBytes() + pageBytes - 1) / pageBytes
}

// decodeSegmentRow reads what encodeRow wrote. e is the manifest's view of it.
func decodeSegmentRow(b []byte, e segmentEntry, columns int) (*segment, error) {
	bad := func(what string) (*segment, error) {
		return nil, corruptf("segment %d: its row does not decode: %s", e.number, what)
	}
	d := decoder{data: b}
	want := byte(formatVersion)
	if e.isPatch {
		want = formatPatches
	}
	if v := d.byte(); v != want {
		return bad("version")
	}
	s := &segment{uid: d.uint64(), number: e.number, inline: e.pages == 0, isPatch: e.isPatch}
	s.docs = uint32(d.count(maxSegmentDocs))
	s.terms = d.int63()
	if s.uid != e.uid || s.docs != e.docs {
		return bad("it is another segment than the manifest's")
	}
	if n := d.count(MaxColumns); n != columns {
		return bad("columns")
	}
	s.tokens = make([]int64, columns)
	for i := range s.tokens {
		s.tokens[i] = d.int63()
	}
	const maxStream = int64(maxSegmentPages) * pageBytes
	s.postBytes, s.dictBytes, s.docBytes = d.int63(), d.int63(), d.int63()
	if s.postBytes > maxStream || s.dictBytes > maxStream || s.docBytes > maxStream || s.streamBytes() > maxStream {
		return bad("section sizes")
	}
	n := d.count(uint64(len(d.data)) / 4)
	s.dict = make([]dictBlock, n)
	last := []byte{}
	var off, post, entries int64
	for i := range s.dict {
		shared := d.count(uint64(len(last)))
		suffix := d.bytes(d.count(uint64(len(d.data))))
		last = append(last[:shared], suffix...)
		blk := dictBlock{first: string(last), offset: off, post: post}
		blk.bytes = d.int63()
		blk.entries = d.count(uint64(blk.bytes))
		posts := d.int63()
		if d.failed || blk.entries == 0 || blk.bytes > s.dictBytes-off || posts > s.postBytes-post {
			return bad("dictionary directory")
		}
		if i > 0 && blk.first <= s.dict[i-1].first {
			return bad("order of the dictionary directory")
		}
		off += blk.bytes
		post += posts
		entries += int64(blk.entries)
		s.dict[i] = blk
	}
	if d.failed || off != s.dictBytes || post != s.postBytes || entries != s.terms {
		return bad("dictionary sums")
	}
	blocks := (int(s.docs) + docBlockDocs - 1) / docBlockDocs
	if blocks > len(d.data) {
		return bad("document directory")
	}
	s.doc = make([]docBlockEntry, blocks)
	off = 0
	for i := range s.doc {
		blk := docBlockEntry{first: d.varint(), offset: off}
		blk.bytes = d.int63()
		if d.failed || blk.bytes > s.docBytes-off || i > 0 && blk.first <= s.doc[i-1].first {
			return bad("document directory")
		}
		off += blk.bytes
		s.doc[i] = blk
	}
	s.maxRow = d.varint()
	if d.failed || off != s.docBytes || len(s.doc) == 0 {
		return bad("document sums")
	}
	s.minRow = s.doc[0].first
	if s.minRow != e.minRow || s.maxRow != e.maxRow {
		return bad("row range differs from the manifest's")
	}
	if s.inline {
		s.stream = append([]byte{}, d.bytes(int(s.streamBytes()))...)
	}
	if !d.done() {
		return bad("length")
	}
	if s.pageCount() != int64(e.pages) {
		return bad("page count differs from the manifest's")
	}
	s.initCaches()
	return s, nil
}

func (s *segment) initCaches() {
	s.blocks = make([]atomic.Pointer[docBlock], len(s.doc))
	s.pages = make([]atomic.Pointer[page], s.pageCount())
}
