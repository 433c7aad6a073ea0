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

func (s *server) move(_ context.Context, in *moving) (*mcp.CallToolResult, stated, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.still(in.From, in.Expected); err != nil {
		return nil, stated{}, err
	}
	dir, base, err := s.place(in.To)
	if err != nil {
		return nil, stated{}, err
	}
	defer dir.Close()
	if _, err := dir.Lstat(base); !errors.Is(err, fs.ErrNotExist) {
		return nil, stated{}, errors.New("there is something at to already, and both were left alone")
	}
	if err := s.rename(in.From, path.Clean(in.To)); err != nil {
		return nil, stated{}, err
	}
	fi, err := dir.Lstat(base)
	if err != nil {
		return nil, stated{}, absent(err)
	}
	return nil, stateOf(path.Clean(in.To), fi), nil
}

// still tells whether a path is a regular file, and where a digest is expected that one.
func (s *server) still(name, expected string) error {
	dir, base, err := s.parent(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if expected == "" {
		f, _, err := regular(dir, base)
		if err == nil {
			_ = f.Close()
		}
		return err
	}
	had, err := s.digestOf(dir, base)
	if err == nil && had != expected {
		err = errExpected
	}
	return err
}

// rename moves a file by a second name for it, so that nothing at to is ever replaced; a
// file system without hard links renames. os.Root keeps both inside, whatever became of
// the directories on the way.
func (s *server) rename(from, to string) error {
	switch err := s.root.Link(from, to); {
	case err == nil:
		return absent(s.root.Remove(from))
	case errors.Is(err, fs.ErrExist):
		return errors.New("there is something at to already, and both were left alone")
	}
	return absent(s.root.Rename(from, to))
}

type deleting struct {
	Path     string `json:"path" jsonschema:"the file's path"`
	Expected string `json:"expected,omitempty" jsonschema:"digest of the file, where it must not have changed"`
}

type deleted struct {
	Path string `json:"path"`
}

func (s *server) remove(_ context.Context, in *deleting) (*mcp.CallToolResult, deleted, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.still(in.Path, in.Expected); err != nil {
		return nil, deleted{}, err
	}
	name := path.Clean(in.Path)
	to := path.Join(trash, time.Now().UTC().Format("20060102T150405Z")+"-"+rand.Text()[:8], name)
	if err := s.root.MkdirAll(path.Dir(to), 0o700); err != nil {
		return nil, deleted{}, absent(err)
	}
	if fi, err := s.root.Lstat(trash); err != nil || fi.Mode()&os.ModeSymlink != 0 {
		return nil, deleted{}, errors.New("the trash is no directory: nothing was deleted")
	}
	if err := absent(s.root.Rename(in.Path, to)); err != nil {
		return nil, deleted{}, err
	}
	return text("deleted " + name), deleted{name}, nil
}
