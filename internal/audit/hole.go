package audit

import (
	"bytes"
	"errors"
	"io"
)

// hole finds the first zero byte of a segment; its size when there is none. No line has
// one, but a file has where the power went before the kernel had written a page of it:
// pages reach a disk in any order, so that whole records may stand behind the gap, and
// none of them was synced. Whoever holds the file's end against a checkpoint finds a gap
// that reaches into what was.
func hole(f io.ReaderAt, size int64) (int64, error) {
	buf := make([]byte, 256<<10)
	for off := int64(0); off < size; {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if at := bytes.IndexByte(buf[:n], 0); at >= 0 {
			return off + int64(at), nil
		}
		off += int64(n)
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			return 0, errors.Join(err, io.ErrUnexpectedEOF)
		}
	}
	return size, nil
}
