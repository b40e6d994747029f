package importer

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// input is an open file, decompressed if its name ends in .gz.
type input struct {
	*bufio.Reader
	name string // as given
	ext  string // in lower case, without .gz
	size int64  // bytes the Reader will deliver; -1: not known
	disk int64  // bytes of the file; -1: not known
	read *atomic.Int64
	file *os.File
}

// openInput opens a file, or standard input for "-".
func openInput(name string, stdin io.Reader) (*input, error) {
	in := &input{name: name, size: -1, disk: -1, read: new(atomic.Int64)}
	if name == "-" {
		in.name = "standard input"
		in.Reader = bufio.NewReader(&countingReader{stdin, in.read})
		return in, in.skipBOM()
	}
	f, err := os.Open(name)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, fmt.Errorf("%s: there is no such file", name)
		}
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s: is a folder, want a file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	in.file = f
	if info.Mode().IsRegular() {
		in.size, in.disk = info.Size(), info.Size()
	}
	counted := bufio.NewReaderSize(&countingReader{f, in.read}, 1<<16)
	base := strings.ToLower(filepath.Base(name))
	in.Reader = counted
	if strings.HasSuffix(base, ".gz") {
		base = strings.TrimSuffix(base, ".gz")
		gz, err := gzip.NewReader(counted)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
		}
		in.Reader = bufio.NewReaderSize(gz, 1<<16)
		in.size = -1
	}
	in.ext = filepath.Ext(base)
	return in, in.skipBOM()
}

// skipBOM drops the byte order mark some programs put before UTF-8 text. No binary
// format read here begins with these bytes by right.
func (in *input) skipBOM() error {
	if head, err := in.Peek(3); err == nil && string(head) == "\uFEFF" {
		if _, err := in.Discard(3); err != nil {
			return fmt.Errorf("%s: %w", in.name, err)
		}
	}
	return nil
}

func (in *input) Close() error {
	if in.file == nil {
		return nil
	}
	return in.file.Close()
}

// countingReader counts the bytes of the file itself, compressed or not: they
// tell how far an import is.
type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// maxLine is the longest line that is read, in bytes.
const maxLine = 64 << 20

// readLine returns the next line without its end; io.EOF after the last one. A
// line beyond maxLine is passed over and reported as errLineTooLong.
func readLine(r *bufio.Reader, buf []byte) ([]byte, error) {
	buf = buf[:0]
	tooLong := false
	for {
		part, err := r.ReadSlice('\n')
		if len(buf)+len(part) > maxLine {
			tooLong, buf = true, buf[:0]
		}
		if !tooLong {
			buf = append(buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(buf) == 0 && !tooLong:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case tooLong:
			return nil, errLineTooLong
		}
		if n := len(buf); n > 0 && buf[n-1] == '\n' {
			buf = buf[:n-1]
		}
		if n := len(buf); n > 0 && buf[n-1] == '\r' {
			buf = buf[:n-1]
		}
		return buf, nil
	}
}

var errLineTooLong = fmt.Errorf("longer than %d bytes", maxLine)
