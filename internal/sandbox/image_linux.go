package sandbox

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// held is the open file of an image.
type held struct {
	file   *os.File
	looked File
}

// OpenImage opens the program at path. It, and each interpreter on the way, must be the
// file in same that has its path, where there are any. above is a descriptor that no
// standard file of the child is over: what starts a process moves those about.
func OpenImage(path string, args []string, same []File, above int) (*Image, error) {
	for range maxScripts {
		f, err := pinned(path, same)
		if err != nil {
			return nil, err
		}
		head := make([]byte, maxFirstLine)
		n, err := f.file.ReadAt(head, 0)
		if err != nil && err != io.EOF { //nolint:errorlint // ReadAt says it so
			_ = f.file.Close()
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		program, word := Interpreter(head[:n])
		if program == "" {
			return f.image(args, above)
		}
		_ = f.file.Close()
		path, args = program, behind(program, word, path, args)
	}
	return nil, fmt.Errorf("%s: a script's interpreter is a script, again and again", path)
}

// pinned opens a file and holds it to the one that is expected.
func pinned(path string, same []File) (held, error) {
	want, known, err := expected(path, same)
	if err != nil {
		return held{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return held{}, fmt.Errorf("opening the program: %w", err)
	}
	now, err := LookAt(f)
	if err == nil && known && now != want {
		err = another(path)
	}
	if err != nil {
		_ = f.Close()
		return held{}, err
	}
	return held{f, now}, nil
}

// image is the program by a descriptor over the one that is given, closed when it is executed.
func (h held) image(args []string, above int) (*Image, error) {
	defer h.file.Close()
	fd, err := unix.FcntlInt(h.file.Fd(), unix.F_DUPFD_CLOEXEC, above+16)
	if err != nil {
		return nil, fmt.Errorf("holding %s open: %w", h.file.Name(), err)
	}
	// The child's own: it is looked up after fork(2), before the descriptor is closed.
	path := fmt.Sprintf("/proc/self/fd/%d", fd)
	return &Image{Path: path, Args: args, held: held{os.NewFile(uintptr(fd), h.file.Name()), h.looked}}, nil
}

// File is the open file, for a process that executes it on behalf of this one.
func (i *Image) File() *os.File { return i.held.file }

// Unchanged tells whether nobody has written to the program since it was opened. Asked
// after the start it covers what was executed, too.
func (i *Image) Unchanged() error {
	now, err := LookAt(i.held.file)
	if err == nil && now != i.held.looked {
		err = another(i.held.looked.Path)
	}
	return err
}

// Close lets go of the program.
func (i *Image) Close() { _ = i.held.file.Close() }
