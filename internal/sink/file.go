package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"doorward/internal/durable"
	"doorward/internal/sink/form"
)

// maxTail is the longest incomplete line that is cut off a file: one of the log.
const maxTail = 512 << 10

// fileReceiver appends lines to a file, and syncs it.
type fileReceiver struct {
	path string
	file *os.File
}

// NewFile makes a receiver that appends the log's lines to a file. A file that was
// moved away is begun anew; a link in its place is refused.
func NewFile(path string) (Receiver, error) {
	if path == "" {
		return nil, errors.New("sink: a path is required")
	}
	return &fileReceiver{path: path}, nil
}

// Deliver writes the batch whole or not at all, unless the machine stops.
func (f *fileReceiver) Deliver(_ context.Context, batch []form.Record) error {
	if err := f.open(); err != nil {
		return err
	}
	info, err := f.file.Stat()
	if err != nil {
		return f.broken(err)
	}
	var b []byte
	for i := range batch {
		b = append(append(b, batch[i].Line...), '\n')
	}
	if _, err = f.file.Write(b); err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		return f.broken(errors.Join(err, f.file.Truncate(info.Size())))
	}
	return nil
}

// broken lets go of the file, so that the next try opens it again.
func (f *fileReceiver) broken(err error) error {
	err = fmt.Errorf("writing %s: %w", f.path, errors.Join(err, f.file.Close()))
	f.file = nil
	return err
}

// open opens the file where it is not open, or is another one by now.
func (f *fileReceiver) open() error {
	named, err := os.Lstat(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f.file != nil {
		ours, statErr := f.file.Stat()
		if err == nil && statErr == nil && os.SameFile(named, ours) {
			return nil
		}
		f.file.Close()
		f.file = nil
	}
	if err == nil && !named.Mode().IsRegular() {
		return fmt.Errorf("%s is a link or no regular file", f.path)
	}
	file, err := durable.Open(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return err
	}
	if err = exclusive(file); err == nil {
		err = mend(file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("opening %s: %w", f.path, err), file.Close())
	}
	f.file = file
	return nil
}

// mend cuts off an incomplete line at the end: one that a crash left is delivered
// again. What does not look like one is left, and an error.
func mend(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	from := max(0, info.Size()-maxTail-1)
	end := make([]byte, info.Size()-from)
	if _, err := io.ReadFull(io.NewSectionReader(f, from, int64(len(end))), end); err != nil {
		return err
	}
	stop := bytes.LastIndexByte(end, '\n')
	tail := end[stop+1:]
	switch {
	case len(tail) == 0:
		return nil
	case stop < 0 && from > 0, tail[0] != '{':
		return errors.New("it does not end with a line of the log: name another file")
	}
	return f.Truncate(from + int64(stop) + 1)
}

// Close implements Receiver.
func (f *fileReceiver) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
