package lexical

import "fmt"

// maxNote bounds the bytes of a note.
const maxNote = 1 << 16

// Note returns the bytes that SetNote stored with the index, or nil.
func (ix *Index) Note() ([]byte, error) {
	row, err := ix.src.store.Get(PartConfig, configNote, nil)
	if err != nil || row == nil {
		return nil, err
	}
	return unseal(ix.src.identity, PartConfig, configNote, row)
}

// SetNote stores bytes of the caller's with the index, up to 64 KiB; nil removes them.
// They are written at once, and belong to the Store's transaction rather than to the
// one between Begin and Commit. Create removes them.
func (ix *Index) SetNote(data []byte) error {
	if data == nil {
		return ix.src.store.Delete(PartConfig, configNote)
	}
	if len(data) > maxNote {
		return fmt.Errorf("note has %d bytes, want at most %d", len(data), maxNote)
	}
	return ix.src.store.Put(PartConfig, configNote, seal(ix.src.identity, PartConfig, configNote, append([]byte(nil), data...)))
}
