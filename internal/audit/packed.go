package audit

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/durable"
)

// packedSuffix ends the name of a segment that somebody compressed with gzip, in a copy
// of a log that is only kept. Verify reads it; the writer never makes one, and nothing
// else looks at it.
const packedSuffix = ".gz"

var errDamaged = errors.New("the compressed segment is damaged, or not all of it is there")

// keptSegments lists the numbers of a copy's segments, ascending, compressed or not. One
// that is there both ways is a fault: a reader of the one does not see what the other says.
func keptSegments(dir string) ([]int, error) {
	all, err := segments(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, packed := strings.CutSuffix(e.Name(), packedSuffix)
		if n, ok := segmentNumber(name); packed && ok {
			if slices.Contains(all, n) {
				return nil, &Fault{Segment: e.Name(), What: "it is there compressed and not: take one of the two away"}
			}
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// openKept opens a segment as it is, or where there is none a compressed one.
func openKept(dir string, n int) (*scanner, error) {
	s, err := openScanner(dir, n, 0)
	if !isNotExist(err) {
		return s, err
	}
	name := segmentName(n) + packedSuffix
	f, err := durable.Open(filepath.Join(dir, name), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	in, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, &Fault{Segment: name, What: errDamaged.Error()}
	}
	return &scanner{file: f, in: bufio.NewReaderSize(unpacked{in}, maxLine), segment: n}, nil
}

// unpacked tells a damaged file from one that cannot be read.
type unpacked struct{ in *gzip.Reader }

// Read implements io.Reader.
func (u unpacked) Read(p []byte) (int, error) {
	n, err := u.in.Read(p)
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		return n, failed
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	return n, err
}
