package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"doorward/internal/durable"
)

// The files of a log's directory.
const (
	lockName       = "lock"
	checkpointName = "checkpoint"
	segmentPrefix  = "audit-"
	segmentSuffix  = ".jsonl"
)

// maxTorn is the longest incomplete tail that Open repairs: one batch. What is
// longer was not left by a crash of this log.
const maxTorn = maxBatch + maxLine

// segmentFile is what the log needs of a segment; tests make it fail.
type segmentFile interface {
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error // content and size
	Stat() (fs.FileInfo, error)
}

type diskFile struct{ *os.File }

func (f diskFile) Sync() error { return datasync(f.File) }

func segmentName(n int) string { return fmt.Sprintf("%s%08d%s", segmentPrefix, n, segmentSuffix) }

func segmentNumber(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, segmentPrefix)
	if !ok {
		return 0, false
	}
	digits, ok = strings.CutSuffix(digits, segmentSuffix)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0 && segmentName(n) == name
}

// segments lists the numbers of a directory's segments, ascending.
func segments(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []int
	for _, e := range entries {
		if n, ok := segmentNumber(e.Name()); ok {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// openSegment opens a segment to write; create makes a new one and makes its
// name durable. The log writes at offsets of its own, never appends blindly.
func openSegment(dir string, n int, create bool) (segmentFile, error) {
	path := filepath.Join(dir, segmentName(n))
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := durable.Open(path, flags)
	if err != nil {
		return nil, err
	}
	if create {
		if err := durable.SyncDir(dir); err != nil {
			f.Close()
			return nil, errors.Join(err, os.Remove(path))
		}
	}
	return diskFile{f}, nil
}

// readSegment opens a segment to read.
func readSegment(dir string, n int) (*os.File, error) {
	return durable.Open(filepath.Join(dir, segmentName(n)), os.O_RDONLY)
}

// tail is what the end of a segment says.
type tail struct {
	whole int64 // bytes up to and with the last newline
	torn  int64 // bytes after it, or from the first line on that a loss of power left incomplete
	last  Record
	head  [32]byte // SHA-256 of the last line; meaningless when whole is 0
	// hole: what is torn has a zero byte, and behind that something else.
	hole bool
}

// readTail reads the end of a segment, whatever its size. What has a zero byte in it,
// and all that follows, is no part of it: see hole.
func readTail(dir string, n int) (tail, error) {
	f, err := readSegment(dir, n)
	if err != nil {
		return tail{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return tail{}, err
	}
	size, err := hole(f, info.Size())
	if err != nil {
		return tail{}, err
	}
	from := max(0, size-maxTorn-maxLine)
	end := make([]byte, size-from)
	if _, err := io.ReadFull(io.NewSectionReader(f, from, int64(len(end))), end); err != nil {
		return tail{}, err
	}
	stop := bytes.LastIndexByte(end, '\n')
	if stop < 0 && from > 0 {
		return tail{}, fmt.Errorf("%s: no end of a record in its last %d bytes", segmentName(n), len(end))
	}
	t := tail{whole: from + int64(stop) + 1}
	if t.hole, err = filled(f, size, info.Size()); err != nil {
		return tail{}, err
	}
	t.torn = info.Size() - t.whole
	if t.torn > maxTorn && size == info.Size() {
		return tail{}, fmt.Errorf("%s: %d bytes after the last record are no crash's doing", segmentName(n), t.torn)
	}
	if t.whole == 0 {
		return t, nil
	}
	line := end[:stop]
	line = line[bytes.LastIndexByte(line, '\n')+1:]
	var d decoder
	if err := d.decode(line, &t.last); err != nil {
		return tail{}, fmt.Errorf("%s: last record: %w", segmentName(n), err)
	}
	t.head = sha256.Sum256(line)
	return t, nil
}
