package anchor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"doorward/internal/durable"
)

// maxTail is how much of a file's end is read: the newest checkpoints of all logs that
// share it.
const maxTail = 1 << 20

// file keeps checkpoints one after the other, an empty line after each.
type file struct{ path string }

// NewFile makes a place that appends to a file: made with 0600 when missing, and
// never a link.
func NewFile(path string) (Place, error) {
	if path == "" {
		return nil, errors.New("anchor: a path is required")
	}
	return &file{path}, nil
}

// Take implements Place: it appends the note whole or not at all, and syncs it.
func (f *file) Take(_ context.Context, c Checkpoint) error {
	_, err := os.Lstat(f.path)
	fresh := errors.Is(err, fs.ErrNotExist)
	out, err := f.open(os.O_RDWR | os.O_CREATE | os.O_APPEND)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := exclusive(out); err != nil {
		return fmt.Errorf("opening %s: %w", f.path, err)
	}
	end, err := mend(out, c.Origin)
	if err != nil {
		return fmt.Errorf("opening %s: %w", f.path, err)
	}
	if _, err = out.WriteString(c.Note + "\n"); err == nil {
		err = out.Sync()
	}
	if err == nil && fresh {
		err = durable.SyncDir(filepath.Dir(f.path))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", f.path, errors.Join(err, out.Truncate(end)))
	}
	return nil
}

// Last implements Place.
func (f *file) Last(_ context.Context, origin string) (string, error) {
	in, err := f.open(os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer in.Close()
	_, tail, err := tailOf(in)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", f.path, err)
	}
	return lastOf(tail, origin), nil
}

func (f *file) open(flag int) (*os.File, error) {
	return durable.Open(f.path, flag)
}

// tailOf is the end of a file, and where it begins.
func tailOf(f *os.File) (from int64, tail string, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, "", err
	}
	from = max(0, info.Size()-maxTail)
	end := make([]byte, info.Size()-from)
	_, err = io.ReadFull(io.NewSectionReader(f, from, int64(len(end))), end)
	return from, string(end), err
}

const dash = "\u2014 " // begins a line that signs

// lastOf is the last whole note of a log among those of many.
func lastOf(text, origin string) string {
	blocks := strings.Split(text, "\n\n")
	for i := len(blocks) - 2; i > 0; i-- { // behind the last empty line nothing is whole
		if strings.HasPrefix(blocks[i], dash) && strings.HasPrefix(blocks[i-1], origin+"\n") {
			return blocks[i-1] + "\n\n" + blocks[i] + "\n"
		}
	}
	return ""
}

// mend cuts off what a crash left of a checkpoint of this log at the end of a file, and
// tells where its end is. What does not look like one is left, and an error.
func mend(f *os.File, origin string) (end int64, err error) {
	from, tail, err := tailOf(f)
	if err != nil {
		return 0, err
	}
	whole := 0
	for at := 0; ; {
		i := strings.Index(tail[at:], "\n\n")
		if i < 0 {
			break
		}
		if at == 0 && from > 0 || strings.HasPrefix(tail[at:], dash) {
			whole = at + i + 2
		}
		at += i + 2
	}
	rest := tail[whole:]
	switch {
	case rest == "":
		return from + int64(len(tail)), nil
	case whole == 0 && from > 0, !strings.HasPrefix(rest, origin+"\n") && !strings.HasPrefix(origin+"\n", rest):
		return 0, errors.New("it does not end with a checkpoint: name another file")
	}
	end = from + int64(whole)
	return end, f.Truncate(end)
}
