package files

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type moving struct {
	From     string `json:"from" jsonschema:"the file's path"`
	To       string `json:"to" jsonschema:"its path from now on"`
	Expected string `json:"expected,omitempty" jsonschema:"digest of the file, where it must not have changed"`
}

var errTaken = errors.New("there is something at to already, and both were left alone")

func (s *server) move(ctx context.Context, in *moving) (*mcp.CallToolResult, stated, error) {
	leave, err := s.change(ctx)
	if err != nil {
		return nil, stated{}, err
	}
	defer leave()
	from, base, err := s.still(in.From, in.Expected)
	if err != nil {
		return nil, stated{}, err
	}
	defer from.Close()
	if err := roomFor(s.root, 0); err != nil { // for directories that it needs
		return nil, stated{}, err
	}
	to, other, err := s.place(in.To)
	if err != nil {
		return nil, stated{}, err
	}
	defer to.Close()
	switch err := carry(from, base, to, other); {
	case errors.Is(err, fs.ErrExist):
		return nil, stated{}, errTaken
	case err != nil:
		return nil, stated{}, absent(err)
	}
	fi, err := to.Lstat(other)
	if err != nil {
		return nil, stated{}, absent(err)
	}
	return nil, stateOf(in.To, fi), nil
}

// still opens the directory of a regular file, which must have the digest where one is
// expected.
func (s *server) still(name, expected string) (dir *os.Root, base string, err error) {
	dir, base, err = s.parent(name)
	if err != nil {
		return nil, "", err
	}
	had := ""
	if expected != "" {
		had, err = s.digestOf(dir, base)
	} else {
		var f *os.File
		if f, _, err = regular(dir, base); err == nil {
			_ = f.Close()
		}
	}
	if err == nil && had != expected {
		err = errExpected
	}
	if err != nil {
		_ = dir.Close()
		return nil, "", err
	}
	return dir, base, nil
}

// carry moves a file from one open directory to another in one step that replaces nothing,
// and has both on the disk before it returns. What became of their names meanwhile is of no
// account.
func carry(from *os.Root, name string, to *os.Root, other string) error {
	here, err := from.Open(".")
	if err != nil {
		return err
	}
	defer here.Close()
	there, err := to.Open(".")
	if err != nil {
		return err
	}
	defer there.Close()
	if err := rename(here, name, there, other); err != nil {
		return err
	}
	return errors.Join(synced(there), synced(here))
}

type deleting struct {
	Path     string `json:"path" jsonschema:"the file's path"`
	Expected string `json:"expected,omitempty" jsonschema:"digest of the file, where it must not have changed"`
}

type deleted struct {
	Path string `json:"path"`
}

func (s *server) remove(ctx context.Context, in *deleting) (*mcp.CallToolResult, deleted, error) {
	leave, err := s.change(ctx)
	if err != nil {
		return nil, deleted{}, err
	}
	defer leave()
	from, base, err := s.still(in.Path, in.Expected)
	if err != nil {
		return nil, deleted{}, err
	}
	defer from.Close()
	if err := roomFor(s.root, 0); err != nil { // for directories, and it frees nothing
		return nil, deleted{}, err
	}
	day := time.Now().UTC().Format("20060102T150405Z") + "-" + rand.Text()[:8]
	to, other, err := s.below(path.Join(trash, day, in.Path), 0o700)
	if err != nil {
		return nil, deleted{}, err
	}
	defer to.Close()
	if err := carry(from, base, to, other); err != nil {
		return nil, deleted{}, absent(err)
	}
	return text("deleted " + in.Path), deleted{in.Path}, nil
}
