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

// filled tells whether anything but zero bytes is in a file behind a place.
func filled(f io.ReaderAt, from, size int64) (bool, error) {
	buf, zeros := make([]byte, 256<<10), make([]byte, 256<<10)
	for off := from; off < size; {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if !bytes.Equal(buf[:n], zeros[:n]) {
			return true, nil
		}
		off += int64(n)
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			return false, errors.Join(err, io.ErrUnexpectedEOF)
		}
	}
	return false, nil
}

// errHole is what a hole in a log without a checkpoint is. A log has one from its first
// record on, so that somebody has removed it, and what stands behind the hole may have
// been durable.
var errHole = errors.New("a zero byte with more behind it, and no checkpoint that shows up to where the log was durable: put the checkpoint back; " +
	"or keep the directory as evidence, and when it is moved away, a new log begins")
